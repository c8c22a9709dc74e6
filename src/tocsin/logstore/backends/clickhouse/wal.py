"""The write-ahead log: what was acknowledged and is not yet in chDB.

A directory of segments, ``<first sequence>.wal``, each a row of frames; a commit is one frame, written and synced
before anyone is told that it is stored. A segment is deleted when all its rows are in chDB.

    frame   := magic "TOC1" | header length u32 | body length u32 | crc32(header, body) u32 | header | body
    header  := JSON: first_sequence, rows, receipts [{organization_id, received, stored, duplicates, dead_letters}]
    body    := one Arrow IPC record batch message in ``WAL_SCHEMA`` (absent when the commit stored no row)

The body is in the form that ClickHouse reads, so a row is serialised once on its way to disk and to chDB.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import structlog

from tocsin.kit.errors import StoreUnavailable
from tocsin.logmodel.batch import STORED_LOG_SCHEMA

log = structlog.get_logger(__name__)

WAL_SCHEMA = STORED_LOG_SCHEMA.insert(0, pa.field("organization_id", pa.large_string(), nullable=False))

_MAGIC = b"TOC1"
_PREFIX = struct.Struct("<4sIII")
_SUFFIX = ".wal"
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What one commit, or one segment, adds to an organization's ledger."""

    organization_id: str
    received: int
    stored: int
    duplicates: int
    dead_letters: int


class FrameHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a commit holds, before its rows. Every commit takes at least one sequence number, so all names differ."""

    first_sequence: int
    rows: int
    ledger: list[LedgerEntry]


@dataclass(frozen=True, slots=True)
class Frame:
    """One commit, as written."""

    header: FrameHeader
    #: An Arrow IPC record batch message; empty when the commit stored no row.
    body: bytes | memoryview

    def rows(self) -> pa.RecordBatch:
        """The rows of a frame that has any."""
        return pa.ipc.read_record_batch(pa.ipc.read_message(self.body), WAL_SCHEMA)


def encode_rows(rows: pa.RecordBatch) -> memoryview:
    """The rows, in ``WAL_SCHEMA``, as a frame's body."""
    return memoryview(rows.serialize())


def arrow_stream(bodies: list[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Frames' bodies as one Arrow IPC stream."""
    yield memoryview(WAL_SCHEMA.serialize())
    yield from bodies
    yield _END_OF_STREAM


class Segment:
    """A segment that is being written. One thread at a time."""

    def __init__(self, directory: Path, first_sequence: int, *, fsync: bool) -> None:
        """Create the file, durably named."""
        self.path = directory / f"{first_sequence:020d}{_SUFFIX}"
        self._fsync = fsync
        self._end = 0
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        if fsync:
            _sync_directory(directory)

    def append(self, header: FrameHeader, body: bytes | memoryview) -> None:
        """Write one frame and wait until it is durable.

        Raises:
            StoreUnavailable: it could not be written; the segment is as it was before.
        """
        header_json = msgspec.json.encode(header)
        checksum = zlib.crc32(body, zlib.crc32(header_json))
        prefix = _PREFIX.pack(_MAGIC, len(header_json), len(body), checksum)
        try:
            self._write_fully([prefix, header_json, body])
            if self._fsync:
                os.fdatasync(self._file) if hasattr(os, "fdatasync") else os.fsync(self._file)
        except OSError as error:
            # The frame may be there in part or whole; no one was told that it is stored, so it must go.
            os.ftruncate(self._file, self._end)
            os.lseek(self._file, self._end, os.SEEK_SET)
            raise StoreUnavailable(f"can't write to {self.path}: {error.strerror}", retry_after_seconds=5) from error
        self._end += _PREFIX.size + len(header_json) + len(body)

    def _write_fully(self, parts: list[bytes | memoryview]) -> None:
        total = sum(map(len, parts))
        written = os.writev(self._file, parts)
        if written < total:
            rest = memoryview(b"".join(parts))[written:]
            while rest:
                rest = rest[os.write(self._file, rest) :]

    def close(self) -> None:
        """Let go of the file; it stays on disk."""
        os.close(self._file)


def segments(directory: Path) -> list[Path]:
    """The segments on disk, oldest first."""
    return sorted(directory.glob(f"*{_SUFFIX}"))


def read_segment(path: Path) -> Iterator[Frame]:
    """The frames of a segment up to its end, or to the first that was not written whole.

    A frame that a crash cut short was never acknowledged and is passed over. One that is whole in length but fails
    its checksum is damage: the rest of the segment is kept beside it as ``.damaged`` and reported.
    """
    data = memoryview(path.read_bytes())
    at = 0
    while len(data) - at >= _PREFIX.size:
        magic, header_length, body_length, checksum = _PREFIX.unpack_from(data, at)
        start = at + _PREFIX.size
        end = start + header_length + body_length
        if end > len(data) and magic == _MAGIC:
            break
        if magic != _MAGIC or zlib.crc32(data[start:end]) != checksum:
            _keep_damaged(path, data[at:])
            return
        header = msgspec.json.decode(data[start : start + header_length], type=FrameHeader)
        yield Frame(header, data[start + header_length : end])
        at = end
    if at < len(data):
        log.warning("wal.cut_frame_dropped", segment=path.name, bytes=len(data) - at)


def _keep_damaged(path: Path, rest: memoryview) -> None:
    if not any(rest):
        return  # preallocated or zeroed by the file system after a power loss: nothing was there
    damaged = path.with_suffix(".damaged")
    damaged.write_bytes(rest)
    log.error("wal.frame_damaged", segment=path.name, kept_as=str(damaged), bytes=len(rest))


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
