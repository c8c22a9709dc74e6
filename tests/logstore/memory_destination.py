"""A destination for journals that lives in memory, and fails when it is told to."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.logstore.backends.clickhouse.recent import Hashes, Timestamps, latest_by_day
from tocsin.logstore.backends.clickhouse.wal import LedgerEntry, arrow_stream
from tocsin.logstore.ports import IngestTotals

FOREVER = 1_000_000_000


class Outage(Exception):
    """The destination does not answer."""


@dataclass(frozen=True, slots=True)
class Row:
    """A log as the destination holds it."""

    organization_id: str
    timestamp_unix_nano: int
    content_hash: int
    ingest_sequence: int
    message: str


class MemoryDestination:
    """Implements the journal's ``Destination``; outlives the journals that write to it, as tables do."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.inserts: list[int] = []
        self._ledger: dict[tuple[str, int], LedgerEntry] = {}
        self._open = threading.Event()
        self._open.set()
        self._calls_before_failure = 0
        self._failing_calls = 0
        self._share_of_first_failure = 0.0

    def fail(self, *, after_calls: int = 0, calls: int = FOREVER, having_done: float = 0.0) -> None:
        """Serve ``after_calls`` calls, then fail ``calls`` of them, the first after a share of its work was done."""
        self._calls_before_failure, self._failing_calls, self._share_of_first_failure = after_calls, calls, having_done

    def heal(self) -> None:
        """Fail no more."""
        self._failing_calls = 0

    def hold(self) -> None:
        """Keep every insert waiting."""
        self._open.clear()

    def release(self) -> None:
        """Let the inserts go on."""
        self._open.set()

    def totals(self, organization_id: str) -> IngestTotals:
        """The organization's ledger."""
        entries = [entry for (owner, _), entry in self._ledger.items() if owner == organization_id]
        return IngestTotals(
            received=sum(entry.received for entry in entries),
            stored=sum(entry.stored for entry in entries),
            duplicates=sum(entry.duplicates for entry in entries),
            dead_letters=sum(entry.dead_letters for entry in entries),
        )

    @property
    def messages(self) -> list[str]:
        """All messages, in the order of their sequence numbers."""
        return [row.message for row in sorted(self.rows, key=lambda row: row.ingest_sequence)]

    @property
    def latest_by_day(self) -> dict[int, int]:
        """What a journal is told of it at its start."""
        return latest_by_day(np.array([row.timestamp_unix_nano for row in self.rows], dtype=np.int64))

    @property
    def largest_sequence(self) -> int:
        """The largest number of a row or a segment."""
        segments = [segment for _, segment in self._ledger]
        return max([0, *segments, *(row.ingest_sequence for row in self.rows)])

    def insert_rows(self, bodies: list[bytes | memoryview]) -> None:
        assert self._open.wait(10), "held for too long"
        table = pa.ipc.open_stream(b"".join(arrow_stream(bodies))).read_all()
        columns = [
            table["organization_id"],
            table["timestamp"].cast(pa.int64()),
            table["content_hash"],
            table["ingest_sequence"],
            table["message"],
        ]
        rows = [Row(*values) for values in zip(*(column.to_pylist() for column in columns), strict=True)]
        with self._call() as share:
            self.rows += rows[: round(len(rows) * share)]
        self.inserts.append(len(rows))

    def add_to_ledger(self, segment: int, entries: Iterable[LedgerEntry]) -> None:
        listed = list(entries)
        with self._call() as share:
            for entry in listed[: round(len(listed) * share)]:
                self._ledger[entry.organization_id, segment] = entry

    def stored_sequences(self, first: int, last: int) -> npt.NDArray[np.uint64]:
        with self._call():
            inside = [row.ingest_sequence for row in self.rows if first <= row.ingest_sequence <= last]
        return np.array(inside, dtype=np.uint64)

    def is_stored(self, organization_id: str, timestamps: Timestamps, hashes: Hashes) -> npt.NDArray[np.bool_]:
        with self._call():
            stored = {(row.organization_id, row.timestamp_unix_nano, row.content_hash) for row in self.rows}
        asked = zip(timestamps.tolist(), hashes.tolist(), strict=True)
        return np.array([(organization_id, *each) in stored for each in asked], dtype=np.bool_)

    @contextmanager
    def _call(self) -> Iterator[float]:
        """Yields the share of the call's work that is done; fails at the end if it is this call's turn to."""
        fails = self._calls_before_failure == 0 and self._failing_calls > 0
        if not fails:
            self._calls_before_failure = max(self._calls_before_failure - 1, 0)
            yield 1.0
            return
        self._failing_calls -= 1
        share, self._share_of_first_failure = self._share_of_first_failure, 0.0
        yield share
        raise Outage("the destination does not answer")
