"""Files → request bodies: NDJSON, and plain lines of whatever program.

A file can be imported again, or after it has grown, and only what is new is stored: lines without a time of their own
take the one of the line before, and a line that stands several times in a file says how many times it came before
(``occurrence``), so that neither depends on where the file is cut into requests. A file without any time is given its
own, so it is known again only while it is unchanged.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash  # noqa: F401  (registers the ``nchash`` namespace on expressions)

from tocsin.ingest.timestamps import INVALID, parse_timestamps
from tocsin.logmodel.levels import SEVERITY_BY_NAME

CHUNK_BYTES = 2 << 20
"""A request holds the whole lines of about so much of a file."""

_BLOCK_BYTES = 16 << 20
_TOO_LATE = np.iinfo(np.int64).max

_STAMP = (
    r"^\W{0,3}([0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)"
)
"""A time at the beginning of a line: ISO 8601 and its usual variants; without a zone it is taken for UTC."""

_LEVEL_NAMES = sorted((name for name in SEVERITY_BY_NAME if len(name) > 3), key=len, reverse=True)
_LEVEL = r"\b((?i:" + "|".join(_LEVEL_NAMES) + r"))\b"
_LEVEL_WITHIN_CHARACTERS = 80
"""A level stands near the beginning of a line; further on, "error" is just a word."""


class FileFormat(StrEnum):
    """What a line of a file is."""

    NDJSON = "ndjson"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some whole lines of a file as one request to the intake."""

    body: bytes
    #: How many records the body holds.
    records: int
    #: Lines with nothing but white space, which are no logs.
    blank_lines: int
    #: How far into the file it reaches, in bytes.
    end_bytes: int
    #: The same for the same chunk of the same file: goes into ``Idempotency-Key``.
    idempotency_key: str


def detect_format(path: Path) -> FileFormat:
    """Tell a file's format by its first line that isn't blank."""
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                return FileFormat.NDJSON if line.lstrip().startswith(b"{") else FileFormat.LINES
    return FileFormat.LINES


def chunks(path: Path, file_format: FileFormat, *, service: str) -> Iterator[Chunk]:
    """Cut a file into requests, in two passes: one to count equal lines, one to make the bodies.

    Memory: 12 bytes a line, and a few chunks. Bytes that are not UTF-8 become U+FFFD. What is written to the file
    meanwhile is left for the next time.

    Raises:
        OSError: the file can't be read.
    """
    size_bytes = path.stat().st_size
    occurrences = _occurrences(path, size_bytes)
    latest = _first_time(path, size_bytes) if file_format is FileFormat.LINES else 0
    first = end = 0
    for block in _blocks(path, size_bytes, block_bytes=CHUNK_BYTES):
        lines = _lines(block)
        end += len(block)
        numbers = occurrences[first : first + len(lines)]
        first += len(lines)
        is_blank = (lines.str.strip_chars() == "").to_numpy()
        lines, numbers = lines.filter(~is_blank), numbers[~is_blank]
        if file_format is FileFormat.NDJSON:
            body = _ndjson_body(lines, numbers)
        else:
            frame, latest = _plain_frame(lines, service, latest)
            body = frame.with_columns(occurrence=numbers).write_ndjson().encode()
        digest = hashlib.blake2b(body, digest_size=16).hexdigest()
        yield Chunk(body, len(lines), int(is_blank.sum()), end, f"import-{digest}")


def _blocks(path: Path, size_bytes: int, *, block_bytes: int) -> Iterator[bytes]:
    """The file's first bytes in blocks of whole lines, each of about this size or as long as one line."""
    with path.open("rb") as file:
        while block := file.read(min(block_bytes, size_bytes - file.tell())):
            yield block if block.endswith(b"\n") else block + file.readline(size_bytes - file.tell())


def _lines(block: bytes) -> pl.Series:
    text = block.decode(errors="replace").removesuffix("\n")
    return pl.Series([text]).str.split("\n").explode().str.strip_suffix("\r")


def _first_time(path: Path, size_bytes: int) -> int:
    """The first time in a file of plain lines, for the lines before it; the file's own where there is none."""
    for block in _blocks(path, size_bytes, block_bytes=CHUNK_BYTES):
        times = _times(_lines(block)).drop_nulls()
        if len(times):
            return int(times[0])
    return path.stat().st_mtime_ns


def _occurrences(path: Path, size_bytes: int) -> npt.NDArray[np.int64]:
    """For each line of the file, how many equal lines came before it."""
    hashes = [
        _lines(block).to_frame("line").select(pl.col("line").nchash.xxh3_64()).to_series()  # type: ignore[attr-defined]
        for block in _blocks(path, size_bytes, block_bytes=_BLOCK_BYTES)
    ]
    if not hashes:
        return np.zeros(0, dtype=np.int64)
    counted = pl.concat(hashes).to_frame("hash").select(pl.int_range(pl.len(), dtype=pl.Int64).over("hash"))
    return counted.to_series().to_numpy()


def _ndjson_body(lines: pl.Series, occurrences: npt.NDArray[np.int64]) -> bytes:
    texts = lines.to_list()
    for row in np.flatnonzero(occurrences).tolist():
        texts[row] = _with_occurrence(texts[row], int(occurrences[row]))
    return "\n".join(texts).encode()


def _with_occurrence(line: str, occurrence: int) -> str:
    """The line with its occurrence number; a line that is not a JSON object stays as it is, to be refused as such."""
    try:
        record = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return line
    record.setdefault("occurrence", msgspec.Raw(str(occurrence).encode()))
    return msgspec.json.encode(record).decode()


def _plain_frame(lines: pl.Series, service: str, latest: int) -> tuple[pl.DataFrame, int]:
    """Plain lines as records, and the time of the last one. The message is the whole line: nothing is taken away."""
    times = _times(lines).fill_null(strategy="forward").fill_null(latest)
    frame = pl.DataFrame(
        {
            "timestamp": times,
            "level": lines.str.slice(0, _LEVEL_WITHIN_CHARACTERS).str.extract(_LEVEL),
            "service": pl.Series([service]).new_from_index(0, len(lines)),
            "message": lines,
        }
    )
    return frame, int(times[-1]) if len(times) else latest


def _times(lines: pl.Series) -> pl.Series:
    """The time at the beginning of each line, in nanoseconds; null where there is none since 1970."""
    stamps = lines.str.extract(_STAMP)
    has_stamp = stamps.is_not_null()
    spelled = (
        stamps.filter(has_stamp)
        .to_frame("text")
        .with_columns(pl.col("text").str.replace_all(",", ".", literal=True).str.replace_all("/", "-", literal=True))
    )
    zoned = spelled.select(
        pl.when(pl.col("text").str.contains(r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$"))
        .then("text")
        .otherwise(pl.col("text") + "Z")
    ).to_series()
    nanoseconds = np.full(len(lines), INVALID, dtype=np.int64)
    nanoseconds[has_stamp.to_numpy()] = parse_timestamps(zoned.to_list(), missing=INVALID)
    times = pl.Series(nanoseconds)
    return times.set((times < 0) | (times == _TOO_LATE), None)


def service_of(path: Path) -> str:
    """The service that a file's name suggests: ``/var/log/nova-compute.log.1`` is of ``nova-compute``."""
    name = re.sub(r"(\.(log|out|err|txt|json|ndjson|jsonl))?(\.[0-9]+)?$", "", path.name)
    return name or path.name
