"""Recent commits of the write-ahead log, for those who follow: they see a log before it is in chDB.

A bounded ring of frames, in the order of their sequence numbers. What leaves it is in chDB by then: until a commit has
moved there it stays, whatever the bound, and takes no memory of its own, since it waits in the journal too.
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.logmodel.batch import STORED_LOG_SCHEMA
from tocsin.logstore.backends.clickhouse.wal import Frame

MAX_BYTES = 16 << 20
"""Commits that are in chDB are kept up to this: seconds of a steady stream, so that followers seldom ask chDB."""

_NO_LIMIT = 2**63 - 1


class CommittedFrames:
    """The newest commits. Any thread may call any method."""

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._frames: deque[Frame] = deque()
        self._size_bytes = 0
        self._started_after = 0
        #: By organization, where it is not ``_started_after``.
        self._complete_after: dict[str, int] = {}
        self._last_in_chdb = 0

    def complete_after(self, organization_id: str) -> int:
        """Every row of the organization with a larger sequence is here, and every other one is in chDB."""
        return self._complete_after.get(organization_id, self._started_after)

    def start_after(self, sequence: int) -> None:
        """Say that chDB has every row up to this sequence; before the first commit."""
        self._started_after = self._last_in_chdb = sequence

    def none_between(self, organization_id: str, after: int, up_to: int) -> None:
        """Say that chDB has no row of the organization with ``after < sequence <= up_to``.

        If ``up_to`` is still where it is complete, it need not be asked again by who stands at ``after``.
        """
        with self._lock:
            if self.complete_after(organization_id) == up_to:
                self._complete_after[organization_id] = after

    def add(self, frame: Frame) -> None:
        """Take in a commit that is durable, in the order of commits."""
        if not frame.header.rows:
            return
        with self._lock:
            self._frames.append(frame)
            self._size_bytes += len(frame.body)
            self._let_go()

    def moved(self, frames: Iterable[Frame]) -> None:
        """Say that these commits, and all before them, are in chDB."""
        with self._lock:
            self._last_in_chdb = max([self._last_in_chdb, *(_last_sequence(frame) for frame in frames)])
            self._let_go()

    def last_sequence(self, organization_id: str) -> int | None:
        """The largest sequence of the organization's rows here; None where there are none."""
        with self._lock:
            frames = list(self._frames)
        for frame in reversed(frames):
            rows = _rows_of(frame, organization_id, after=0)
            if rows.num_rows:
                return int(rows["ingest_sequence"][-1].as_py())
        return None

    def rows_after(self, organization_id: str, sequence: int, *, limit: int) -> pa.RecordBatch | None:
        """The organization's next rows after this sequence; None where they may be in chDB alone."""
        found = self.batches_after(organization_id, sequence, limit=limit)
        if found is None:
            return None
        return pa.concat_batches(found) if found else pa.RecordBatch.from_pylist([], schema=STORED_LOG_SCHEMA)

    def batches_after(
        self, organization_id: str, sequence: int, *, limit: int = _NO_LIMIT
    ) -> list[pa.RecordBatch] | None:
        """The same rows commit by commit, none of them copied."""
        with self._lock:
            if sequence < self.complete_after(organization_id):
                return None
            frames = [frame for frame in self._frames if _last_sequence(frame) > sequence]
        return list(_first_rows(frames, organization_id, after=sequence, limit=limit))

    def _let_go(self) -> None:
        while self._size_bytes > self._max_bytes and _last_sequence(self._frames[0]) <= self._last_in_chdb:
            frame = self._frames.popleft()
            self._size_bytes -= len(frame.body)
            self._complete_after |= dict.fromkeys(_owners(frame), _last_sequence(frame))


def _first_rows(frames: Iterable[Frame], organization_id: str, *, after: int, limit: int) -> Iterator[pa.RecordBatch]:
    for frame in frames:
        rows = _rows_of(frame, organization_id, after=after).slice(0, limit)
        limit -= rows.num_rows
        if rows.num_rows:
            yield rows
        if not limit:
            return


def _rows_of(frame: Frame, organization_id: str, *, after: int) -> pa.RecordBatch:
    """The organization's rows of a commit that come after this sequence, in ``STORED_LOG_SCHEMA``."""
    # A commit's numbers follow each other without a gap.
    rows = frame.rows().slice(max(0, after - frame.header.first_sequence + 1))
    if _owners(frame) != {organization_id}:
        rows = rows.filter(pc.equal(rows["organization_id"], organization_id))
    return pa.RecordBatch.from_arrays(rows.columns[1:], schema=STORED_LOG_SCHEMA)


def _owners(frame: Frame) -> set[str]:
    return {entry.organization_id for entry in frame.header.ledger}


def _last_sequence(frame: Frame) -> int:
    return frame.header.first_sequence + frame.header.rows - 1
