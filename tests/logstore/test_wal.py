"""The write-ahead log's files: what is whole comes back, and nothing else does."""

import io
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.logstore.commits import commit
from tocsin.kit.errors import StoreUnavailable
from tocsin.logstore.backends.clickhouse.wal import (
    WAL_SCHEMA,
    FrameHeader,
    Segment,
    arrow_stream,
    first_sequence_of,
    read_segment,
    segments,
)

FIRST = 1_764_763_200_000 << 20

COMMITS = [commit(FIRST, ["one", "two"]), commit(FIRST + 2, []), commit(FIRST + 3, ["three é", "", "four\n"])]

in_one_directory = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def written(directory: Path, commits: list[tuple[FrameHeader, bytes | memoryview]] = COMMITS) -> tuple[Path, list[int]]:
    """A closed segment with these commits, and where each of them ends."""
    segment = Segment(directory, FIRST, fsync=False)
    ends = []
    for header, body in commits:
        segment.append(header, body)
        ends.append(segment.path.stat().st_size)
    segment.close()
    return segment.path, ends


def contents(path: Path) -> list[tuple[FrameHeader, bytes]]:
    return [(frame.header, bytes(frame.body)) for frame in read_segment(path)]


def kept(directory: Path) -> bytes:
    """All that was kept as damaged."""
    return b"".join(path.read_bytes() for path in sorted(directory.glob("*.damaged")))


EXPECTED = [(header, bytes(body)) for header, body in COMMITS]


@pytest.mark.parametrize("fsync", [True, False])
def test_frames_come_back_as_they_were_written(tmp_path: Path, fsync: bool) -> None:
    segment = Segment(tmp_path, FIRST, fsync=fsync)
    for header, body in COMMITS:
        segment.append(header, body)
    segment.close()
    assert contents(segment.path) == EXPECTED
    rows = next(iter(read_segment(segment.path))).rows()
    assert rows.schema.equals(WAL_SCHEMA)
    assert rows.column("message").to_pylist() == ["one", "two"]
    assert rows.column("ingest_sequence").to_pylist() == [FIRST, FIRST + 1]


def test_frames_can_be_read_while_the_segment_is_written(tmp_path: Path) -> None:
    segment = Segment(tmp_path, FIRST, fsync=False)
    for number, (header, body) in enumerate(COMMITS, 1):
        segment.append(header, body)
        assert contents(segment.path) == EXPECTED[:number]
    segment.close()


def test_whole_frames_before_the_cut_come_back_when_the_file_is_cut_anywhere(tmp_path: Path) -> None:
    path, ends = written(tmp_path)
    data = path.read_bytes()
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        assert contents(path) == EXPECTED[: sum(end <= cut for end in ends)], f"cut at {cut}"
    assert kept(tmp_path) == b""


@in_one_directory
@given(data=st.data())
def test_no_wrong_rows_come_back_when_a_byte_is_flipped(tmp_path: Path, data: st.DataObject) -> None:
    path, ends = written(tmp_path)
    original = path.read_bytes()
    at = data.draw(st.integers(0, len(original) - 1), label="position")
    damaged = bytearray(original)
    damaged[at] ^= data.draw(st.integers(1, 255), label="difference")
    path.write_bytes(damaged)

    read = contents(path)
    hit = sum(end <= at for end in ends)
    start = ends[hit - 1] if hit else 0
    assert read in (EXPECTED[:hit], EXPECTED[:hit] + EXPECTED[hit + 1 :])
    # Nothing vanishes: what does not come back is kept, whatever the flipped byte was about.
    end = ends[hit] if len(read) == len(EXPECTED) - 1 else len(original)
    assert kept(tmp_path) == damaged[start:end]
    for remains in tmp_path.iterdir():
        remains.unlink()


def test_later_frames_come_back_when_only_the_body_of_one_is_damaged(tmp_path: Path) -> None:
    path, ends = written(tmp_path)
    damaged = bytearray(path.read_bytes())
    damaged[ends[0] - 1] ^= 1
    path.write_bytes(damaged)
    assert contents(path) == EXPECTED[1:]
    assert contents(path) == EXPECTED[1:]
    assert kept(tmp_path) == damaged[: ends[0]]


def test_zeros_at_the_end_are_no_damage(tmp_path: Path) -> None:
    path, _ = written(tmp_path)
    with path.open("ab") as file:
        file.write(bytes(4096))
    assert contents(path) == EXPECTED
    assert list(tmp_path.glob("*.damaged")) == []


@contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    """No file can grow above this: writes stop in the middle, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room_bytes", [0, 1, 19, 20, 150, 600])
def test_segment_is_as_it_was_when_there_is_no_room_for_a_frame(tmp_path: Path, room_bytes: int) -> None:
    segment = Segment(tmp_path, FIRST, fsync=True)
    segment.append(*COMMITS[0])
    size = segment.path.stat().st_size
    with file_size_limit(size + room_bytes), pytest.raises(StoreUnavailable):
        segment.append(*COMMITS[2])
    assert segment.path.stat().st_size == size
    assert contents(segment.path) == EXPECTED[:1]
    segment.append(*COMMITS[1])
    segment.append(*COMMITS[2])
    segment.close()
    assert contents(segment.path) == EXPECTED


def test_frame_is_gone_when_it_could_not_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = Segment(tmp_path, FIRST, fsync=True)
    segment.append(*COMMITS[0])
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", _fail, raising=False)
        patched.setattr(os, "fsync", _fail)
        with pytest.raises(StoreUnavailable, match="Input/output error"):
            segment.append(*COMMITS[2])
    assert contents(segment.path) == EXPECTED[:1]
    segment.close()


def test_later_frames_come_back_when_a_failed_one_could_not_be_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = Segment(tmp_path, FIRST, fsync=True)
    segment.append(*COMMITS[0])
    room_bytes = 40
    with monkeypatch.context() as patched, file_size_limit(segment.path.stat().st_size + room_bytes):
        patched.setattr(os, "ftruncate", _fail)
        with pytest.raises(StoreUnavailable):
            segment.append(*COMMITS[2])
    segment.append(*COMMITS[1])
    segment.append(*COMMITS[2])
    segment.close()
    assert contents(segment.path) == EXPECTED


def test_nothing_is_left_when_a_segment_can_not_be_named_durably(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", _fail)
        with pytest.raises(StoreUnavailable):
            Segment(tmp_path, FIRST, fsync=True)
    assert list(tmp_path.iterdir()) == []
    Segment(tmp_path, FIRST, fsync=True).close()


def test_segment_is_refused_when_the_directory_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        Segment(tmp_path / "gone", FIRST, fsync=True)


def test_segments_are_listed_oldest_first_and_other_files_are_not(tmp_path: Path) -> None:
    for first in (FIRST, 7, 10**19):
        Segment(tmp_path, first, fsync=False).close()
    (tmp_path / "notes.wal").touch()
    (tmp_path / f"{7:020d}.0.damaged").touch()
    assert [first_sequence_of(path) for path in segments(tmp_path)] == [7, FIRST, 10**19]


def test_arrow_stream_is_what_arrow_reads(tmp_path: Path) -> None:
    path, _ = written(tmp_path)
    frames = list(read_segment(path))
    stream = b"".join(arrow_stream([frame.body for frame in frames if frame.header.rows]))
    source = io.BytesIO(stream + b"what follows")
    table = pa.ipc.open_stream(source).read_all()
    assert source.read() == b"what follows"
    assert table.schema.equals(WAL_SCHEMA)
    assert table["message"].to_pylist() == ["one", "two", "three é", "", "four\n"]
    assert table["ingest_sequence"].to_pylist() == [FIRST, FIRST + 1, FIRST + 3, FIRST + 4, FIRST + 5]


def _fail(*_: object) -> None:
    raise OSError(5, "Input/output error")
