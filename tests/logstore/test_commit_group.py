"""Writes as columns: the same log has the same identity wherever it is read, and every share is its write's own."""

from concurrent.futures import Future

import numpy as np

from tests.logstore.commits import ORGANIZATION, OTHER_ORGANIZATION, numbered_logs
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.logmodel.batch import LogBatch
from tocsin.logstore.backends.clickhouse.commit_group import (
    Write,
    first_of_each,
    identities_of,
    identities_of_stored,
    ledger_of,
    new_rows_of,
    outcomes_of,
    summed,
)
from tocsin.logstore.backends.clickhouse.wal import WAL_SCHEMA, LedgerEntry
from tocsin.logstore.ports import Receipt

GROUP_ROWS = 7


def write(batch: LogBatch, organization_id: str = ORGANIZATION, *, received: int = 0, dead_letters: int = 0) -> Write:
    receipt = Receipt(received=received or len(batch), dead_letters=dead_letters)
    return Write(organization_id, batch, receipt, Future())


def group() -> list[Write]:
    """Two organizations with the same two logs, an empty write, and three logs more."""
    return [
        write(numbered_logs([1, 2])),
        write(numbered_logs([1, 2]), OTHER_ORGANIZATION),
        write(numbered_logs([])),
        write(numbered_logs([3, 4, 5]), received=5, dead_letters=2),
    ]


def test_identities_are_the_same_when_rows_come_back_from_the_write_ahead_log() -> None:
    rows = new_rows_of(group(), np.ones(GROUP_ROWS, dtype=np.bool_), 10)
    identities, timestamps = identities_of_stored(rows)
    assert identities.tolist() == identities_of(group()).tolist()
    assert len(set(identities.tolist())) == GROUP_ROWS
    assert timestamps.tolist() == [NOON_UNIX_NANO + number * 10**9 for number in (1, 2, 1, 2, 3, 4, 5)]


def test_identities_differ_when_timestamps_or_hashes_are_near() -> None:
    rows = [{"timestamp": moment, "content_hash": each} for moment in range(-50, 50) for each in range(50)]
    identities = identities_of([write(log_batch(rows))])
    assert len(np.unique(identities)) == len(rows)


def test_first_of_equal_identities_is_marked() -> None:
    assert first_of_each(np.array([5, 7, 5, 5, 0, 7], dtype=np.uint64)).tolist() == [
        True,
        True,
        False,
        False,
        True,
        False,
    ]
    assert first_of_each(np.array([5, 7], dtype=np.uint64)).tolist() == [True, True]
    assert first_of_each(np.array([], dtype=np.uint64)).tolist() == []


def test_new_rows_have_their_organization_and_are_numbered_in_order() -> None:
    is_new = np.array([True, False, False, True, True, False, True])
    rows = new_rows_of(group(), is_new, 10)
    assert rows.schema.equals(WAL_SCHEMA)
    assert rows.column("message").to_pylist() == ["log 1", "log 2", "log 3", "log 5"]
    assert rows.column("organization_id").to_pylist() == [ORGANIZATION, OTHER_ORGANIZATION, ORGANIZATION, ORGANIZATION]
    assert rows.column("ingest_sequence").to_pylist() == [10, 11, 12, 13]


def test_no_row_is_numbered_when_none_is_new() -> None:
    assert new_rows_of(group(), np.zeros(GROUP_ROWS, dtype=np.bool_), 10).num_rows == 0
    assert new_rows_of([write(numbered_logs([]))], np.zeros(0, dtype=np.bool_), 10).num_rows == 0


def test_every_write_gets_its_own_share_of_outcome_and_ledger() -> None:
    outcomes = outcomes_of(group(), np.array([True, False, False, True, True, False, True]))
    assert [outcome.is_new.tolist() for outcome in outcomes] == [[True, False], [False, True], [], [True, False, True]]
    assert ledger_of(group(), outcomes) == [
        LedgerEntry(organization_id=ORGANIZATION, received=7, stored=3, duplicates=2, dead_letters=2),
        LedgerEntry(organization_id=OTHER_ORGANIZATION, received=2, stored=1, duplicates=1, dead_letters=0),
    ]


def test_ledger_entries_are_summed_by_organization() -> None:
    entries = [
        LedgerEntry(organization_id=owner, received=10 * number, stored=number, duplicates=3, dead_letters=1)
        for number, owner in enumerate((ORGANIZATION, OTHER_ORGANIZATION, ORGANIZATION), 1)
    ]
    assert summed(entries) == [
        LedgerEntry(organization_id=ORGANIZATION, received=40, stored=4, duplicates=6, dead_letters=2),
        LedgerEntry(organization_id=OTHER_ORGANIZATION, received=20, stored=2, duplicates=3, dead_letters=1),
    ]
    assert summed([]) == []
