"""Journals over a destination in memory, and what tests ask of them."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from tests.logstore.commits import ORGANIZATION, numbered_logs
from tests.logstore.memory_destination import MemoryDestination
from tocsin.logmodel.batch import LogBatch
from tocsin.logstore.backends.clickhouse.journal import Journal
from tocsin.logstore.ports import IngestTotals, Receipt, WriteOutcome

PATIENCE_SECONDS = 10.0

NOON_UNIX_MILLI = 1_764_763_200_000


def new_journal(
    directory: Path,
    destination: MemoryDestination,
    *,
    now_unix_milli: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    min_free_bytes: int = 0,
) -> Journal:
    """A journal that is not started yet."""
    return Journal(
        directory / "wal", destination, fsync=False, min_free_bytes=min_free_bytes, now_unix_milli=now_unix_milli
    )


def start(journal: Journal, destination: MemoryDestination) -> Journal:
    """Start it, told of the destination as the store tells it."""
    journal.start(latest_by_day=destination.latest_by_day, sequence_floor=destination.largest_sequence)
    return journal


@contextmanager
def running(journal: Journal, destination: MemoryDestination) -> Iterator[Journal]:
    """The journal, started, and closed at the end."""
    try:
        yield start(journal, destination)
    finally:
        destination.release()
        journal.close()


def send(journal: Journal, batch: LogBatch, organization_id: str = ORGANIZATION) -> "Future[WriteOutcome]":
    """Write a batch of records that all could be decoded."""
    return journal.write(organization_id, batch, Receipt(received=len(batch)))


def stored(journal: Journal, numbers: Sequence[int], organization_id: str = ORGANIZATION) -> list[bool]:
    """Write numbered logs, and wait for the answer: which of them are new."""
    is_new: list[bool] = send(journal, numbered_logs(numbers), organization_id).result(PATIENCE_SECONDS).is_new.tolist()
    return is_new


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether the condition holds before patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def segment_names(directory: Path) -> list[str]:
    """The write-ahead log's files."""
    return sorted(path.name for path in (directory / "wal").iterdir())


def assert_holds_once(destination: MemoryDestination, numbers: Sequence[int]) -> None:
    """The destination has each of these logs exactly once and no other, and its ledger says so."""
    assert sorted(destination.messages) == sorted(f"log {number}" for number in numbers)
    assert len({row.ingest_sequence for row in destination.rows}) == len(destination.rows)
    totals = destination.totals(ORGANIZATION)
    assert totals.stored == len(numbers)
    assert balanced(totals)


def balanced(totals: IngestTotals) -> bool:
    """Whether every record is accounted for."""
    return totals.received == totals.stored + totals.duplicates + totals.dead_letters
