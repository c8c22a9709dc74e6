"""The embedded store's writing side: commits to the write-ahead log, and moves what they hold into chDB.

Two threads. The *committer* takes all writes that wait, drops duplicates, appends one frame to the log and syncs it;
the next group is whatever arrived meanwhile, so there is no timer. The *flusher* moves a segment into chDB when it has
``FLUSH_ROWS`` rows or its first commit is ``FLUSH_AFTER_SECONDS`` old, then deletes it. A crash at any point leaves
segments that ``recover`` brings in: rows are told apart by their sequence number, so none is inserted twice.
"""

import queue
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import structlog

from tocsin.kit.errors import StoreUnavailable, TocsinError
from tocsin.logmodel.batch import LogBatch
from tocsin.logstore.backends.clickhouse.recent import Hashes, RecentHashes, Timestamps
from tocsin.logstore.backends.clickhouse.wal import (
    WAL_SCHEMA,
    Frame,
    FrameHeader,
    LedgerEntry,
    Segment,
    encode_rows,
    read_segment,
    segments,
)
from tocsin.logstore.ports import Receipt, WriteOutcome

log = structlog.get_logger(__name__)

FLUSH_ROWS = 60_000
"""A segment of so many rows moves into chDB at once: its cost a row halves from 4k to 20k rows a part."""

FLUSH_AFTER_SECONDS = 0.4
"""A log is searchable within a second; this leaves half of it for the insert."""

MAX_BACKLOG_BYTES = 192 << 20
"""More than this waiting for chDB makes commits wait, and that in turn makes intake refuse."""

MAX_BACKLOG_ROWS = 400_000
"""The same in rows: fewer than are remembered as recent, so that no duplicate hides in the backlog."""

MAX_GROUP_ROWS = 20_000
"""A commit takes in no further write above this, so that its writers are not kept waiting."""

RECENT_ROWS = 500_000
"""The window in which duplicates are told without a look into chDB."""

_SEQUENCES_A_MILLISECOND_BITS = 20
_FLUSH_RETRY_SECONDS = 1.0
_WRITERS_GONE = None


class Destination(Protocol):
    """Where segments go: chDB's tables. Called from the journal's threads, never twice at the same time for one
    method."""

    def insert_rows(self, bodies: list[bytes | memoryview]) -> None:
        """Insert frames' bodies, durably."""
        ...

    def add_to_ledger(self, segment: int, entries: Iterable[LedgerEntry]) -> None:
        """Record what a segment adds to the ledgers; again for the same segment changes nothing."""
        ...

    def stored_sequences(self, first: int, last: int) -> npt.NDArray[np.uint64]:
        """The sequence numbers in ``first..last`` that are there already."""
        ...

    def stored_hashes(self, organization_id: str, timestamps: Timestamps, hashes: Hashes) -> Hashes:
        """Which of these content hashes the organization has at these timestamps."""
        ...


@dataclass(frozen=True, slots=True)
class _Write:
    organization_id: str
    batch: LogBatch
    receipt: Receipt
    answer: "Future[WriteOutcome]"


@dataclass(slots=True)
class _Pending:
    """A segment with commits in it, on disk and in memory."""

    segment: Segment
    first_sequence: int
    opened_at: float
    bodies: list[bytes | memoryview] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    rows: int = 0
    size_bytes: int = 0

    def add(self, header: FrameHeader, body: bytes | memoryview) -> None:
        if header.rows:
            self.bodies.append(body)
        self.ledger.extend(header.ledger)
        self.rows += header.rows
        self.size_bytes += len(body)


class Journal:
    """See the module. ``start`` once, then ``write`` from any thread, then ``close`` once."""

    def __init__(
        self,
        directory: Path,
        destination: Destination,
        *,
        fsync: bool,
        min_free_bytes: int,
        now_unix_milli: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Prepare; nothing is opened before ``start``."""
        self._directory = directory
        self._destination = destination
        self._fsync = fsync
        self._min_free_bytes = min_free_bytes
        self._now_unix_milli = now_unix_milli
        self._recent = RecentHashes(RECENT_ROWS)
        self._next_sequence = 0
        self._writes: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        # Guards everything below; notified when the segment or the backlog changes.
        self._changed = threading.Condition()
        self._pending: _Pending | None = None
        self._moving: _Pending | None = None
        self._fault: str | None = None
        self._closing = False
        self._committer = threading.Thread(target=self._commit_until_closed, name="tocsin-commit", daemon=True)
        self._flusher = threading.Thread(target=self._flush_until_closed, name="tocsin-flush", daemon=True)

    def start(self, *, latest_by_day: dict[int, int], sequence_floor: int) -> None:
        """Bring in what a crash left behind, then take writes.

        Args:
            latest_by_day: the latest timestamp in chDB of each day since the epoch.
            sequence_floor: the largest sequence number in chDB.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self._next_sequence = sequence_floor + 1
        self._recent.forget_everything_up_to(latest_by_day)
        for path in segments(self._directory):
            frames = list(read_segment(path))
            self._bring_in(frames, path)
            for frame in frames:
                self._remember(frame)
            log.info("journal.segment_recovered", segment=path.name, frames=len(frames))
        self._committer.start()
        self._flusher.start()

    def write(self, organization_id: str, batch: LogBatch, receipt: Receipt) -> "Future[WriteOutcome]":
        """Queue a write; the future is done when it is durable, or with ``StoreUnavailable``."""
        answer: Future[WriteOutcome] = Future()
        self._writes.put(_Write(organization_id, batch, receipt, answer))
        return answer

    def close(self) -> None:
        """Commit what was queued, move everything into chDB, stop."""
        if not self._committer.is_alive() and not self._flusher.is_alive():
            return
        self._writes.put(_WRITERS_GONE)
        self._committer.join()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._flusher.join()

    @property
    def pending_rows(self) -> int:
        """Rows that are durable and not yet in chDB."""
        with self._changed:
            return sum(pending.rows for pending in (self._pending, self._moving) if pending is not None)

    @property
    def fault(self) -> str | None:
        """Why moving rows into chDB fails at the moment, if it does."""
        return self._fault

    # ── commits ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _commit_until_closed(self) -> None:
        closing = False
        while not closing:
            group, closing = self._next_group()
            if not group:
                continue
            try:
                outcomes = self._commit(group)
            except TocsinError as error:
                _fail(group, error)
            except Exception as error:
                log.exception("journal.commit_failed")
                _fail(group, StoreUnavailable(f"the log store failed: {error}", retry_after_seconds=5))
            else:
                for write, outcome in zip(group, outcomes, strict=True):
                    write.answer.set_result(outcome)

    def _next_group(self) -> tuple[list[_Write], bool]:
        group: list[_Write] = []
        rows = 0
        while rows < MAX_GROUP_ROWS:
            try:
                write = self._writes.get(block=not group)
            except queue.Empty:
                break
            if write is _WRITERS_GONE:
                return group, True
            if write.answer.set_running_or_notify_cancel():
                group.append(write)
                rows += len(write.batch)
        return group, False

    def _commit(self, group: list[_Write]) -> list[WriteOutcome]:
        self._wait_for_room()
        is_new = self._new_rows(group)
        outcomes = _split(is_new, group)
        rows = _combine(group, is_new)
        count = rows.num_rows
        with self._changed:
            first = max(self._next_sequence, self._now_unix_milli() << _SEQUENCES_A_MILLISECOND_BITS)
            header = FrameHeader(first_sequence=first, rows=count, ledger=_ledger(group, outcomes))
            body: bytes | memoryview = encode_rows(_numbered(rows, first)) if count else b""
            if self._pending is None:
                segment = Segment(self._directory, first, fsync=self._fsync)
                self._pending = _Pending(segment, first, time.monotonic())
            self._pending.segment.append(header, body)
            self._pending.add(header, body)
            self._next_sequence = first + max(count, 1)
            self._changed.notify_all()
        if count:
            self._recent.add(_uint64(rows, "content_hash"), _timestamps(rows))
        return outcomes

    def _wait_for_room(self) -> None:
        free = shutil.disk_usage(self._directory).free
        if free < self._min_free_bytes:
            detail = f"{self._directory} has {free:,} bytes free; at least {self._min_free_bytes:,} are kept free"
            raise StoreUnavailable(detail, retry_after_seconds=30)
        with self._changed:
            while self._backlog_is_full():
                if self._fault is not None:
                    raise StoreUnavailable(f"logs can't be moved into the store: {self._fault}", retry_after_seconds=10)
                self._changed.wait(_FLUSH_RETRY_SECONDS)

    def _backlog_is_full(self) -> bool:
        waiting = [pending for pending in (self._pending, self._moving) if pending is not None]
        rows, size_bytes = sum(each.rows for each in waiting), sum(each.size_bytes for each in waiting)
        return rows > MAX_BACKLOG_ROWS or size_bytes > MAX_BACKLOG_BYTES

    def _new_rows(self, group: list[_Write]) -> npt.NDArray[np.bool_]:
        """Which rows of the group are neither stored nor stand earlier in it."""
        hashes = np.concatenate([_uint64(write.batch.rows, "content_hash") for write in group])
        timestamps = np.concatenate([_timestamps(write.batch.rows) for write in group])
        is_new = ~self._recent.contains(hashes)
        distinct, firsts = np.unique(hashes, return_index=True)
        if len(distinct) < len(hashes):
            is_first = np.zeros(len(hashes), dtype=np.bool_)
            is_first[firsts] = True
            is_new &= is_first
        unsure = is_new & self._recent.may_be_older(timestamps)
        if unsure.any():
            for organization_id, start, end in _spans(group):
                rows = start + np.flatnonzero(unsure[start:end])
                if len(rows):
                    stored = self._destination.stored_hashes(organization_id, timestamps[rows], hashes[rows])
                    is_new[rows] &= ~np.isin(hashes[rows], stored)
        return is_new

    # ── flushes ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _flush_until_closed(self) -> None:
        while self._take_segment():
            self._move_until_done()

    def _take_segment(self) -> bool:
        """Wait for a segment that is due, and take it out of the committer's hands; False when there is no more."""
        with self._changed:
            while True:
                pending = self._pending
                if pending is None and self._closing:
                    return False
                due = None if pending is None else pending.opened_at + FLUSH_AFTER_SECONDS - time.monotonic()
                if pending is not None and (
                    self._closing or pending.rows >= FLUSH_ROWS or (due is not None and due <= 0)
                ):
                    pending.segment.close()
                    self._pending, self._moving = None, pending
                    return True
                self._changed.wait(due)

    def _move_until_done(self) -> None:
        moving = self._moving
        assert moving is not None
        while True:
            try:
                self._move(moving)
            except Exception as error:
                self._fault = str(error)
                log.exception("journal.flush_failed", rows=moving.rows, segment=moving.segment.path.name)
                if self._closing:
                    break  # they are brought in at the next start
                time.sleep(_FLUSH_RETRY_SECONDS)
            else:
                self._fault = None
                break
        with self._changed:
            self._moving = None
            self._changed.notify_all()

    def _move(self, pending: _Pending) -> None:
        started = time.monotonic()
        if self._fault is None:
            if pending.rows:
                self._destination.insert_rows(pending.bodies)
            self._destination.add_to_ledger(pending.first_sequence, _summed(pending.ledger))
            pending.segment.path.unlink()
        else:  # an earlier try may have got part of the way
            self._bring_in(list(read_segment(pending.segment.path)), pending.segment.path)
        log.debug("journal.flushed", rows=pending.rows, duration_seconds=round(time.monotonic() - started, 3))

    def _bring_in(self, frames: list[Frame], path: Path) -> None:
        """Move a segment's frames into chDB, whatever part of them is there already, and delete it."""
        missing = [rows for frame in frames if frame.header.rows and (rows := self._missing_rows(frame)).num_rows]
        if missing:
            self._destination.insert_rows([encode_rows(rows) for rows in missing])
        if frames:
            ledger = _summed(entry for frame in frames for entry in frame.header.ledger)
            self._destination.add_to_ledger(frames[0].header.first_sequence, ledger)
        path.unlink()

    def _missing_rows(self, frame: Frame) -> pa.RecordBatch:
        rows, first = frame.rows(), frame.header.first_sequence
        stored = self._destination.stored_sequences(first, first + frame.header.rows - 1)
        return rows.filter(pa.array(~np.isin(_uint64(rows, "ingest_sequence"), stored)))

    def _remember(self, frame: Frame) -> None:
        self._next_sequence = max(self._next_sequence, frame.header.first_sequence + max(frame.header.rows, 1))
        if frame.header.rows:
            rows = frame.rows()
            hashes, timestamps = _uint64(rows, "content_hash"), _timestamps(rows)
            unknown = ~self._recent.contains(hashes)
            self._recent.add(hashes[unknown], timestamps[unknown])


def _fail(group: list[_Write], error: TocsinError) -> None:
    for write in group:
        write.answer.set_exception(error)


def _uint64(rows: pa.RecordBatch, column: str) -> Hashes:
    numbers: Hashes = rows.column(column).to_numpy(zero_copy_only=False)
    return numbers


def _timestamps(rows: pa.RecordBatch) -> Timestamps:
    numbers: Timestamps = rows.column("timestamp").cast(pa.int64()).to_numpy(zero_copy_only=False)
    return numbers


def _spans(group: list[_Write]) -> Iterable[tuple[str, int, int]]:
    start = 0
    for write in group:
        yield write.organization_id, start, start + len(write.batch)
        start += len(write.batch)


def _split(is_new: npt.NDArray[np.bool_], group: list[_Write]) -> list[WriteOutcome]:
    return [WriteOutcome(is_new[start:end]) for _, start, end in _spans(group)]


def _combine(group: list[_Write], is_new: npt.NDArray[np.bool_]) -> pa.RecordBatch:
    """The group's new rows, with their organization, in ``WAL_SCHEMA`` but for the sequence number."""
    schema = WAL_SCHEMA.remove(WAL_SCHEMA.get_field_index("ingest_sequence"))
    batches = [
        pa.RecordBatch.from_arrays(
            [
                pa.repeat(pa.scalar(write.organization_id, pa.large_string()), len(write.batch)),
                *write.batch.rows.columns,
            ],
            schema=schema,
        )
        for write in group
    ]
    rows = batches[0] if len(batches) == 1 else pa.concat_batches(batches)
    return rows if is_new.all() else rows.filter(pa.array(is_new))


def _numbered(rows: pa.RecordBatch, first_sequence: int) -> pa.RecordBatch:
    sequences = np.arange(first_sequence, first_sequence + rows.num_rows, dtype=np.uint64)
    return pa.RecordBatch.from_arrays([*rows.columns, pa.array(sequences)], schema=WAL_SCHEMA)


def _ledger(group: list[_Write], outcomes: list[WriteOutcome]) -> list[LedgerEntry]:
    return _summed(
        LedgerEntry(
            organization_id=write.organization_id,
            received=write.receipt.received,
            stored=outcome.stored,
            duplicates=outcome.duplicates,
            dead_letters=write.receipt.dead_letters,
        )
        for write, outcome in zip(group, outcomes, strict=True)
    )


def _summed(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """One entry an organization."""
    sums: dict[str, Counter[str]] = {}
    for entry in entries:
        counts = sums.setdefault(entry.organization_id, Counter())
        for name in ("received", "stored", "duplicates", "dead_letters"):
            counts[name] += getattr(entry, name)
    return [
        LedgerEntry(
            organization_id=organization_id,
            received=counts["received"],
            stored=counts["stored"],
            duplicates=counts["duplicates"],
            dead_letters=counts["dead_letters"],
        )
        for organization_id, counts in sums.items()
    ]
