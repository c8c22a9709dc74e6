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
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import structlog

from tocsin.kit.errors import StoreUnavailable, TocsinError
from tocsin.logmodel.batch import LogBatch
from tocsin.logstore.backends.clickhouse.commit_group import (
    Group,
    Write,
    first_of_each,
    hashes_of,
    identities_of,
    identities_of_stored,
    ledger_of,
    new_rows_of,
    outcomes_of,
    spans,
    summed,
    timestamps_of,
)
from tocsin.logstore.backends.clickhouse.committed import CommittedFrames
from tocsin.logstore.backends.clickhouse.recent import Hashes, RecentHashes, Timestamps
from tocsin.logstore.backends.clickhouse.wal import (
    Frame,
    FrameHeader,
    LedgerEntry,
    Segment,
    encode_rows,
    first_sequence_of,
    read_segment,
    segments,
    sync_directory,
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

FLUSH_RETRY_SECONDS = 1.0
"""A segment that could not be moved is tried again after this, for as long as the process lives."""

_SEQUENCES_A_MILLISECOND_BITS = 20
_WRITERS_GONE = None


class Destination(Protocol):
    """Where segments go: chDB's tables. Called from the journal's threads, never twice at the same time for one
    method."""

    def insert_rows(self, bodies: list[bytes | memoryview]) -> None:
        """Insert frames' bodies, durably; after a failure any part of them may be there."""
        ...

    def add_to_ledger(self, segment: int, entries: Iterable[LedgerEntry]) -> None:
        """Record what a segment adds to the ledgers, durably; again for the same segment changes nothing."""
        ...

    def stored_sequences(self, first: int, last: int) -> npt.NDArray[np.uint64]:
        """The sequence numbers in ``first..last`` that are there already."""
        ...

    def is_stored(self, organization_id: str, timestamps: Timestamps, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Which of these logs, each a timestamp and a content hash, the organization has."""
        ...


@dataclass(slots=True)
class _Pending:
    """A segment with its commits, on disk and in memory."""

    segment: Segment
    opened_at: float
    frames: list[Frame] = field(default_factory=list)
    rows: int = 0
    size_bytes: int = 0

    def add(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.rows += frame.header.rows
        self.size_bytes += len(frame.body)


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
        #: What followers read before it is in chDB.
        self.committed = CommittedFrames()
        self._next_sequence = 0
        self._writes: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        # Guards the entrance: nothing is queued behind the word that writers are gone.
        self._entrance = threading.Lock()
        self._is_shut = False
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
            sequence_floor: the largest number in chDB of a row or a segment.

        Raises:
            OSError: the directory can't be made or read.
            TocsinError: what was left behind can't be moved; it stays where it is.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        if self._fsync:
            sync_directory(self._directory.parent)
        self._next_sequence = sequence_floor + 1
        self._recent.forget_everything_up_to(latest_by_day)
        for path in segments(self._directory):
            frames = list(read_segment(path))
            self._move(path, frames, may_be_there=True)
            for frame in frames:
                self._remember(frame)
            log.info("journal.segment_recovered", segment=path.name, frames=len(frames))
        self.committed.start_after(self._next_sequence - 1)
        self._committer.start()
        self._flusher.start()

    def write(self, organization_id: str, batch: LogBatch, receipt: Receipt) -> "Future[WriteOutcome]":
        """Queue a write; the future is done when it is durable, or with ``StoreUnavailable``."""
        answer: Future[WriteOutcome] = Future()
        with self._entrance:
            if self._is_shut:
                answer.set_exception(StoreUnavailable("the log store is closed", retry_after_seconds=5))
            else:
                self._writes.put(Write(organization_id, batch, receipt, answer))
        return answer

    def close(self) -> None:
        """Commit what was queued, move everything into chDB, stop. What can't be moved is at the next start."""
        with self._entrance:
            was_shut, self._is_shut = self._is_shut, True
            self._writes.put(_WRITERS_GONE)
        if was_shut or not self._committer.is_alive():
            return
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
            except Exception:
                log.exception("journal.commit_failed")
                _fail(group, StoreUnavailable("the log store failed to commit", retry_after_seconds=5))
            else:
                for write, outcome in zip(group, outcomes, strict=True):
                    write.answer.set_result(outcome)

    def _next_group(self) -> tuple[list[Write], bool]:
        group: list[Write] = []
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

    def _commit(self, group: Group) -> list[WriteOutcome]:
        self._wait_for_room()
        timestamps, identities = timestamps_of(group), identities_of(group)
        is_new = self._new_rows(group, timestamps, identities)
        outcomes = outcomes_of(group, is_new)
        first = max(self._next_sequence, self._now_unix_milli() << _SEQUENCES_A_MILLISECOND_BITS)
        rows = new_rows_of(group, is_new, first)
        header = FrameHeader(first_sequence=first, rows=rows.num_rows, ledger=ledger_of(group, outcomes))
        frame = Frame(header, encode_rows(rows) if rows.num_rows else b"")
        with self._changed:
            if self._pending is None:
                self._pending = _Pending(Segment(self._directory, first, fsync=self._fsync), time.monotonic())
            self._pending.segment.append(frame.header, frame.body)
            self._pending.add(frame)
            self.committed.add(frame)
            self._changed.notify_all()
        self._next_sequence = first + max(rows.num_rows, 1)
        self._recent.add(identities[is_new], timestamps[is_new])
        return outcomes

    def _wait_for_room(self) -> None:
        free = shutil.disk_usage(self._directory).free
        if free < self._min_free_bytes:
            detail = f"the disk has {free:,} bytes free; at least {self._min_free_bytes:,} are kept free"
            raise StoreUnavailable(detail, retry_after_seconds=30)
        with self._changed:
            while self._backlog_is_full():
                if self._fault is not None:
                    raise StoreUnavailable(f"logs can't be moved into the store: {self._fault}", retry_after_seconds=10)
                self._changed.wait(FLUSH_RETRY_SECONDS)

    def _backlog_is_full(self) -> bool:
        waiting = [pending for pending in (self._pending, self._moving) if pending is not None]
        rows, size_bytes = sum(each.rows for each in waiting), sum(each.size_bytes for each in waiting)
        return rows > MAX_BACKLOG_ROWS or size_bytes > MAX_BACKLOG_BYTES

    def _new_rows(self, group: Group, timestamps: Timestamps, identities: Hashes) -> npt.NDArray[np.bool_]:
        """Which rows of the group are neither stored nor stand earlier in it."""
        is_new = first_of_each(identities) & ~self._recent.contains(identities)
        unsure = is_new & self._recent.may_be_older(timestamps)
        if unsure.any():
            hashes = hashes_of(group)
            for organization_id, start, end in spans(group):
                rows = start + np.flatnonzero(unsure[start:end])
                if len(rows):
                    is_new[rows] &= ~self._destination.is_stored(organization_id, timestamps[rows], hashes[rows])
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
                    self._pending, self._moving = None, pending
                    with suppress(OSError):  # every commit in it was synced; the flusher has to live on
                        pending.segment.close()
                    return True
                self._changed.wait(due)

    def _move_until_done(self) -> None:
        moving = self._moving
        assert moving is not None
        is_first_try = True
        while True:
            started = time.monotonic()
            try:
                self._move(moving.segment.path, moving.frames, may_be_there=not is_first_try)
            except Exception as error:
                self._fault = str(error)
                log.exception("journal.flush_failed", rows=moving.rows, segment=moving.segment.path.name)
            else:
                self._fault = None
                self.committed.moved(moving.frames)
                log.debug("journal.flushed", rows=moving.rows, duration_seconds=round(time.monotonic() - started, 3))
                break
            is_first_try = False
            with self._changed:
                self._changed.notify_all()
                if self._changed.wait_for(lambda: self._closing, FLUSH_RETRY_SECONDS):
                    break  # they are brought in at the next start
        with self._changed:
            self._moving = None
            self._changed.notify_all()

    def _move(self, path: Path, frames: list[Frame], *, may_be_there: bool) -> None:
        """Move a segment's frames into chDB, whatever part of them is there already, and delete it."""
        with_rows = [frame for frame in frames if frame.header.rows]
        bodies = self._missing(with_rows) if with_rows and may_be_there else [frame.body for frame in with_rows]
        if bodies:
            self._destination.insert_rows(bodies)
        ledger = summed(entry for frame in frames for entry in frame.header.ledger)
        if ledger:
            self._destination.add_to_ledger(first_sequence_of(path), ledger)
        path.unlink(missing_ok=True)

    def _missing(self, frames: list[Frame]) -> list[bytes | memoryview]:
        """The frames' bodies, without the rows that are in chDB already."""
        last = frames[-1].header
        stored = self._destination.stored_sequences(
            frames[0].header.first_sequence, last.first_sequence + last.rows - 1
        )
        if not len(stored):
            return [frame.body for frame in frames]
        batches = [frame.rows() for frame in frames]
        missing = [
            rows.filter(pa.array(~np.isin(rows.column("ingest_sequence").to_numpy(), stored))) for rows in batches
        ]
        return [encode_rows(rows) for rows in missing if rows.num_rows]

    def _remember(self, frame: Frame) -> None:
        self._next_sequence = max(self._next_sequence, frame.header.first_sequence + max(frame.header.rows, 1))
        if frame.header.rows:
            identities, timestamps = identities_of_stored(frame.rows())
            self._recent.add(identities, timestamps)


def _fail(group: Group, error: TocsinError) -> None:
    for write in group:
        write.answer.set_exception(error)
