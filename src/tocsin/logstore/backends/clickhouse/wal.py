"""The write-ahead log: what was acknowledged and is not yet in chDB.

A directory of segments, ``<first sequence>.wal``, each a row of frames; a commit is one frame, written and synced
before anyone is told that it is stored. A segment is deleted when all its rows are in chDB.

    frame   := prefix | header | body
    prefix  := magic "TOC1" | header length u32 | body length u32 | crc32(header, body) u32 | crc32(the 16 before) u32
    header  := JSON: first_sequence, rows, ledger [{organization_id, received, stored, duplicates, dead_letters}]
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
_CHECKSUM = struct.Struct("<I")
_PREFIX_BYTES = _PREFIX.size + _CHECKSUM.size
_SEQUENCE_DIGITS = 20
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
        return decode_rows(self.body)


def encode_rows(rows: pa.RecordBatch) -> memoryview:
    """The rows, in ``WAL_SCHEMA``, as a frame's body."""
    return memoryview(rows.serialize())


def decode_rows(body: bytes | memoryview) -> pa.RecordBatch:
    """The rows that ``encode_rows`` was given."""
    return pa.ipc.read_record_batch(pa.ipc.read_message(body), WAL_SCHEMA)


def arrow_stream(bodies: list[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Frames' bodies as one Arrow IPC stream."""
    yield memoryview(WAL_SCHEMA.serialize())
    yield from bodies
    yield _END_OF_STREAM


class Segment:
    """A segment that is being written. One thread at a time."""

    def __init__(self, directory: Path, first_sequence: int, *, fsync: bool) -> None:
        """Create the file, durably named.

        Raises:
            StoreUnavailable: it could not be created; nothing is left of it.
        """
        self.path = directory / f"{first_sequence:0{_SEQUENCE_DIGITS}d}{_SUFFIX}"
        self._fsync = fsync
        self._end = 0
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        try:
            if fsync:
                sync_directory(directory)
        except OSError as error:
            self.close()
            self.path.unlink()
            raise _unwritable(self.path, error) from error

    def append(self, header: FrameHeader, body: bytes | memoryview) -> None:
        """Write one frame and wait until it is durable.

        Raises:
            StoreUnavailable: it could not be written; the segment is as it was before.
        """
        header_json = msgspec.json.encode(header)
        checksum = zlib.crc32(body, zlib.crc32(header_json))
        prefix = _PREFIX.pack(_MAGIC, len(header_json), len(body), checksum)
        parts = [prefix + _CHECKSUM.pack(zlib.crc32(prefix)), header_json, body]
        try:
            # Not where the last write stopped: that one may have failed, and been impossible to cut off.
            os.lseek(self._file, self._end, os.SEEK_SET)
            self._write_fully(parts)
            if self._fsync:
                os.fdatasync(self._file) if hasattr(os, "fdatasync") else os.fsync(self._file)
        except OSError as error:
            self._cut_off_failed_frame()
            raise _unwritable(self.path, error) from error
        self._end += sum(map(len, parts))

    def _write_fully(self, parts: list[bytes | memoryview]) -> None:
        total = sum(map(len, parts))
        written = os.writev(self._file, parts)
        if written < total:
            rest = memoryview(b"".join(parts))[written:]
            while rest:
                rest = rest[os.write(self._file, rest) :]

    def _cut_off_failed_frame(self) -> None:
        """The frame may be there in part or whole; no one was told that it is stored, so it should go."""
        try:
            os.ftruncate(self._file, self._end)
        except OSError as error:
            # The next frame overwrites it; until then a crash would bring it in, and its sender would find it stored.
            log.warning("wal.failed_frame_stays", segment=self.path.name, reason=error.strerror)

    def close(self) -> None:
        """Let go of the file; it stays on disk."""
        os.close(self._file)


def _unwritable(path: Path, error: OSError) -> StoreUnavailable:
    log.error("wal.write_failed", segment=path.name, reason=error.strerror)
    return StoreUnavailable(f"the write-ahead log can't be written: {error.strerror}", retry_after_seconds=5)


def segments(directory: Path) -> list[Path]:
    """The segments on disk, oldest first."""
    return sorted(directory.glob("[0-9]" * _SEQUENCE_DIGITS + _SUFFIX))


def first_sequence_of(segment: Path) -> int:
    """The number that a segment is known by, which none of its commits' numbers is below."""
    return int(segment.stem)


def read_segment(path: Path) -> Iterator[Frame]:
    """The whole frames of a segment.

    A frame that a crash cut short was never acknowledged and is passed over. One that is whole in length but fails
    its checksum is damage: it is kept beside the segment as ``.damaged`` and reported. So is all that follows a
    prefix that fails its own, since nobody knows where the next frame begins.
    """
    data = memoryview(path.read_bytes())
    at = 0
    while len(data) - at >= _PREFIX_BYTES:
        prefix = data[at : at + _PREFIX.size]
        magic, header_length, body_length, checksum = _PREFIX.unpack(prefix)
        start = at + _PREFIX_BYTES
        if magic != _MAGIC or _CHECKSUM.pack(zlib.crc32(prefix)) != data[at + _PREFIX.size : start]:
            _keep_damaged(path, at, data[at:])
            return
        end = start + header_length + body_length
        if end > len(data):
            break
        if zlib.crc32(data[start:end]) == checksum:
            header = msgspec.json.decode(data[start : start + header_length], type=FrameHeader)
            yield Frame(header, data[start + header_length : end])
        else:
            _keep_damaged(path, at, data[at:end])
        at = end
    if at < len(data):
        log.warning("wal.cut_frame_dropped", segment=path.name, bytes=len(data) - at)


def _keep_damaged(path: Path, offset: int, part: memoryview) -> None:
    if not any(part):
        return  # preallocated or zeroed by the file system after a power loss: nothing was there
    kept = path.with_suffix(f".{offset}.damaged")
    with kept.open("wb") as file:
        file.write(part)
        file.flush()
        os.fsync(file.fileno())
    log.error("wal.frame_damaged", segment=path.name, kept_as=str(kept), bytes=len(part))


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
