import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.ingest.conftest import normalise, rows_of
from tests.support.logs import NOON_UNIX_NANO, SEED
from tocsin.ingest import importer
from tocsin.ingest.contracts import RejectReason
from tocsin.ingest.importer import Chunk, FileFormat, chunks, detect_format, service_of
from tocsin.ingest.normalise import Stamp
from tocsin.ingest.protocols import tocsin_json

NDJSON = "application/x-ndjson"
SECOND = 1_000_000_000
STAMP = Stamp(
    received_unix_nano=NOON_UNIX_NANO * 2,
    default_timestamps_unix_nano=[NOON_UNIX_NANO],
    default_service="checkout",
    allows_other_services=True,
    content_hash_seed=SEED,
)
LogKey = tuple[int, int]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "nova.log"


def _chunks(file: Path, file_format: FileFormat = FileFormat.LINES, *, chunk_bytes: int = 1 << 20) -> list[Chunk]:
    with patch.object(importer, "CHUNK_BYTES", chunk_bytes), patch.object(importer, "_BLOCK_BYTES", chunk_bytes * 3):
        return list(chunks(file, file_format, service="nova"))


def _records(file: Path, *, chunk_bytes: int = 1 << 20) -> list[dict[str, Any]]:
    found: Iterator[Chunk] = iter(_chunks(file, chunk_bytes=chunk_bytes))
    return [json.loads(line) for chunk in found for line in chunk.body.splitlines()]


def _keys(sent: list[Chunk]) -> list[LogKey]:
    """The timestamps and content hashes that intake gives to what is sent."""
    keys: list[LogKey] = []
    for chunk in sent:
        if chunk.records:
            decoded = tocsin_json.decode(chunk.body, NDJSON)
            assert decoded.received == chunk.records
            rows = normalise([decoded.records], STAMP).batch.rows
            times = rows.column("timestamp").cast(pa.int64()).to_pylist()
            keys += zip(times, rows.column("content_hash").to_pylist(), strict=True)
    return keys


@pytest.mark.parametrize(
    ("line", "timestamp"),
    [
        ("2025-12-03T12:00:00Z started", NOON_UNIX_NANO),
        ("2025-12-03 12:00:00 started", NOON_UNIX_NANO),
        ("2025/12/03 12:00:00 started", NOON_UNIX_NANO),
        ("2025-12-03 12:00:00.123456789 started", NOON_UNIX_NANO + 123_456_789),
        ("2025-12-03 12:00:00,5 started", NOON_UNIX_NANO + 500_000_000),
        ("2025-12-03T13:00:00+01:00 started", NOON_UNIX_NANO),
        ("2025-12-03T13:00:00.001+0100 started", NOON_UNIX_NANO + 1_000_000),
        ("[2025-12-03 12:00:00] started", NOON_UNIX_NANO),
        ("  [2025-12-03 12:00:00] started", NOON_UNIX_NANO),
    ],
)
def test_line_has_the_time_that_it_begins_with(file: Path, line: str, timestamp: int) -> None:
    file.write_text(line, encoding="utf-8")
    assert _records(file) == [
        {"timestamp": timestamp, "level": None, "service": "nova", "message": line, "occurrence": 0}
    ]


@pytest.mark.parametrize(
    "line",
    [
        "started at 2025-12-03 12:00:00",
        "2025-13-45 12:00:00 started",
        "0001-01-01 00:00:00 started",
        "9999-12-31 23:59:59 started",
        "1969-12-31 23:59:59 started",
        "12:00:00 started",
    ],
)
def test_line_has_the_time_of_the_line_before_when_it_has_none(file: Path, line: str) -> None:
    file.write_text(f"2025-12-03 12:00:00 a\n{line}\n2025-12-03 12:00:01 b\n{line}\n", encoding="utf-8")
    for chunk_bytes in (1, 60, 1 << 20):
        times = [record["timestamp"] for record in _records(file, chunk_bytes=chunk_bytes)]
        assert times == [NOON_UNIX_NANO] * 2 + [NOON_UNIX_NANO + SECOND] * 2


def test_lines_before_the_first_time_have_it_too(file: Path) -> None:
    file.write_text("banner\n\nversion 1\n2025-12-03 12:00:00 a\n", encoding="utf-8")
    for chunk_bytes in (1, 1 << 20):
        assert {record["timestamp"] for record in _records(file, chunk_bytes=chunk_bytes)} == {NOON_UNIX_NANO}


def test_lines_have_the_files_own_time_when_it_has_no_other(file: Path) -> None:
    file.write_text("a\nb\n", encoding="utf-8")
    assert {record["timestamp"] for record in _records(file)} == {file.stat().st_mtime_ns}


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("2025-12-03 12:00:00.1 25746 INFO nova.compute error in the text", "INFO"),
        ("[error] [client 1.2.3.4] denied", "error"),
        ("Warning: low", "Warning"),
        ("informative, and terrors", None),
        ("x" * 80 + " ERROR", None),
        ("warn", "warn"),
    ],
)
def test_level_is_the_first_that_stands_near_the_beginning(file: Path, line: str, level: str | None) -> None:
    file.write_text(line, encoding="utf-8")
    assert [record["level"] for record in _records(file)] == [level]


def test_equal_lines_are_numbered_across_chunks(file: Path) -> None:
    file.write_text("a\nb\na\n\na\nb\n\n", encoding="utf-8")
    for chunk_bytes in (1, 3, 5, 1 << 20):
        records = _records(file, chunk_bytes=chunk_bytes)
        numbered = [(record["message"], record["occurrence"]) for record in records]
        assert numbered == [("a", 0), ("b", 0), ("a", 1), ("a", 2), ("b", 1)]


def test_chunks_say_how_far_they_reach(file: Path) -> None:
    file.write_bytes(b"aaaa\n\nbb\r\ncccccccccc\nd")
    sent = _chunks(file, chunk_bytes=6)
    assert [(chunk.records, chunk.blank_lines, chunk.end_bytes) for chunk in sent] == [
        (1, 1, 6),
        (2, 0, 21),
        (1, 0, 22),
    ]
    assert len({chunk.idempotency_key for chunk in sent}) == 3
    assert [chunk.idempotency_key for chunk in _chunks(file, chunk_bytes=6)] == [
        chunk.idempotency_key for chunk in sent
    ]


@pytest.mark.parametrize("content", [b"a\nb\n", b"a\nb", b"a\r\nb\r\n", b"a\r\nb", b"\n\na\n \t\n\r\nb\n\n"])
def test_line_ends_make_no_difference(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert [record["message"] for record in _records(file)] == ["a", "b"]


def test_line_may_be_longer_than_a_chunk(file: Path) -> None:
    line = "word " * 1_000
    file.write_text(f"first\n{line}\nlast", encoding="utf-8")
    sent = _chunks(file, chunk_bytes=10)
    assert [json.loads(row)["message"] for chunk in sent for row in chunk.body.splitlines()] == ["first", line, "last"]


def test_bytes_that_are_not_utf_8_become_replacement_characters(file: Path) -> None:
    file.write_bytes(b"caf\xe9 au lait\n\xff\xfe\n\xe2\x82\nfine \xe2\x82\xac\n")
    messages = ["caf\ufffd au lait", "\ufffd\ufffd", "\ufffd", "fine €"]
    for chunk_bytes in (1, 1 << 20):
        assert [record["message"] for record in _records(file, chunk_bytes=chunk_bytes)] == messages


@pytest.mark.parametrize("file_format", list(FileFormat))
def test_nothing_is_sent_when_the_file_is_empty(file: Path, file_format: FileFormat) -> None:
    file.write_bytes(b"")
    assert _chunks(file, file_format) == []


@pytest.mark.parametrize("file_format", list(FileFormat))
def test_blank_lines_are_counted_when_there_is_nothing_else(file: Path, file_format: FileFormat) -> None:
    file.write_bytes(b"\n \n\r\n")
    [chunk] = _chunks(file, file_format)
    assert (chunk.body, chunk.records, chunk.blank_lines) == (b"", 0, 3)


def test_what_is_written_meanwhile_is_left_for_the_next_time(file: Path) -> None:
    file.write_bytes(b"a\nb\nc\n")
    with patch.object(importer, "CHUNK_BYTES", 2):
        sent = chunks(file, FileFormat.LINES, service="nova")
        first = next(sent)
        with file.open("ab") as growing:
            growing.write(b"d\ne\n")
        rest = list(sent)
    assert first.records + sum(chunk.records for chunk in rest) == 3
    assert rest[-1].end_bytes == 6


def test_only_what_is_new_has_new_keys_when_the_file_has_grown(file: Path) -> None:
    old = "2025-12-03 12:00:00 a\n  at b\n  at b\n2025-12-03 12:00:00 a\n"
    file.write_text(old, encoding="utf-8")
    before = _keys(_chunks(file, chunk_bytes=30))
    assert _keys(_chunks(file, chunk_bytes=30)) == before
    file.write_text(old + "2025-12-03 12:00:00 a\n  at b\n", encoding="utf-8")
    after = _keys(_chunks(file, chunk_bytes=30))
    assert after[:4] == before
    assert len(set(after)) == 6


def test_ndjson_lines_are_sent_as_they_are_when_they_stand_once(file: Path) -> None:
    content = b'{"message": "a",  "odd": 1}\r\n{"message": "b"}\nnot json\n'
    file.write_bytes(content)
    [chunk] = _chunks(file, FileFormat.NDJSON)
    assert chunk.body == content.replace(b"\r", b"").removesuffix(b"\n")
    assert chunk.records == 3


def test_repeated_ndjson_lines_say_how_many_came_before(file: Path) -> None:
    line = b'{"message": "a", "nested": {"x": [1, 2.50]}}'
    file.write_bytes(b"\n".join([line, b'{"message": "b", "occurrence": 9}', line, b"junk", line, b"junk"]))
    for chunk_bytes in (1, 1 << 20):
        sent = _chunks(file, FileFormat.NDJSON, chunk_bytes=chunk_bytes)
        decoded = [tocsin_json.decode(chunk.body, NDJSON) for chunk in sent]
        rows = [row for each in decoded for row in rows_of(each.records)]
        assert [(row["message"], row["occurrence"] or 0) for row in rows] == [("a", 0), ("b", 9), ("a", 1), ("a", 2)]
        assert {repr(row["metadata"]) for row in rows} == {"{'nested': {'x': [1, 2.5]}}", "None"}
        reasons = [reject.reason for each in decoded for reject in each.rejects]
        assert reasons == [RejectReason.MALFORMED_JSON] * 2


def test_repeated_line_keeps_the_occurrence_that_it_says_itself(file: Path) -> None:
    file.write_bytes(b'{"message": "a", "occurrence": 9}\n' * 2)
    [chunk] = _chunks(file, FileFormat.NDJSON)
    assert [json.loads(line)["occurrence"] for line in chunk.body.splitlines()] == [9, 9]


def test_repeated_line_stays_as_it_is_when_it_is_too_deep_to_read(file: Path) -> None:
    line = b'{"x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    file.write_bytes(line + b"\n" + line)
    [chunk] = _chunks(file, FileFormat.NDJSON)
    assert chunk.body.splitlines() == [line, line]


@pytest.mark.parametrize(
    ("content", "file_format"),
    [
        (b'{"message": "a"}\n', FileFormat.NDJSON),
        (b'\n \r\n  {"message": "a"}\n', FileFormat.NDJSON),
        (b"plain\n{}\n", FileFormat.LINES),
        (b"[2025-12-03 12:00:00] a\n", FileFormat.LINES),
        (b"\n\n", FileFormat.LINES),
        (b"", FileFormat.LINES),
    ],
)
def test_format_is_told_by_the_first_line_that_is_not_blank(
    file: Path, content: bytes, file_format: FileFormat
) -> None:
    file.write_bytes(content)
    assert detect_format(file) is file_format


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("/var/log/nova-compute.log", "nova-compute"),
        ("nova-compute.log.1", "nova-compute"),
        ("events.ndjson", "events"),
        ("app.2025.json", "app.2025"),
        ("syslog", "syslog"),
        (".log", ".log"),
    ],
)
def test_service_is_suggested_by_the_files_name(name: str, service: str) -> None:
    assert service_of(Path(name)) == service


_plain_lines = st.one_of(
    st.sampled_from(
        [
            b"",
            b" ",
            b"a",
            b"b\r",
            b"  at x",
            b"2025-12-03 12:00:00 a",
            b"2025-12-03 12:00:01,5 a",
            b"9999-12-31 23:59:59 a",
            b"\xff\xe2\x82",
            "é\u2028\x85\x1c".encode(),
        ]
    ),
    st.binary(max_size=6).map(lambda line: line.replace(b"\n", b"")),
)
_ndjson_lines = st.sampled_from(
    [b"", b"\r", b'{"message":"a"}', b'{"message":"b","timestamp":7}\r', b'{"message":"a","odd":[1]}', b"junk", b"{}"]
)
_files = st.one_of(
    st.tuples(st.just(FileFormat.LINES), st.lists(_plain_lines, max_size=10)),
    st.tuples(st.just(FileFormat.NDJSON), st.lists(_ndjson_lines, max_size=10)),
)


@settings(max_examples=100, deadline=None)
@given(_files, st.integers(1, 40), st.booleans())
@example((FileFormat.LINES, [b"a", b"", b"a"]), 1, False)
def test_nothing_depends_on_where_a_file_is_cut(
    written: tuple[FileFormat, list[bytes]], chunk_bytes: int, has_last_newline: bool
) -> None:
    file_format, lines = written
    content = b"\n".join(lines) + (b"\n" if has_last_newline else b"")
    # An empty last line without a newline is none.
    line_count = len(content.split(b"\n")) - (1 if content.endswith(b"\n") or not content else 0)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "cut.log"
        file.write_bytes(content)
        cut, whole = _chunks(file, file_format, chunk_bytes=chunk_bytes), _chunks(file, file_format)
    for sent in (cut, whole):
        assert sum(chunk.records + chunk.blank_lines for chunk in sent) == line_count
        assert (sent[-1].end_bytes if sent else 0) == len(content)
    keys = _keys(cut)
    assert keys == _keys(whole)
    assert len(set(keys)) == len(keys)
