"""The journal while it runs: groups, duplicates, sequence numbers, flushes, and what it refuses."""

import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from tests.logstore.commits import ORGANIZATION, OTHER_ORGANIZATION, numbered_logs
from tests.logstore.journals import (
    NOON_UNIX_MILLI,
    PATIENCE_SECONDS,
    assert_holds_once,
    balanced,
    eventually,
    new_journal,
    running,
    segment_names,
    send,
    stored,
)
from tests.logstore.memory_destination import MemoryDestination
from tests.support.logs import log_batch
from tocsin.kit.errors import StoreUnavailable
from tocsin.logstore.backends.clickhouse import journal as journal_module
from tocsin.logstore.backends.clickhouse.wal import read_segment, segments
from tocsin.logstore.ports import IngestTotals, Receipt


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(journal_module, "FLUSH_AFTER_SECONDS", 0.01)
    monkeypatch.setattr(journal_module, "FLUSH_RETRY_SECONDS", 0.01)
    # Printing a traceback costs more than the failure that it tells of.
    with capture_logs():
        yield


@pytest.fixture
def destination() -> MemoryDestination:
    return MemoryDestination()


def frames_on_disk(directory: Path) -> list[int]:
    """The rows of each commit that waits in the write-ahead log."""
    return [frame.header.rows for path in segments(directory / "wal") for frame in read_segment(path)]


# ── commits ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_are_on_disk_when_their_write_is_answered(tmp_path: Path, destination: MemoryDestination) -> None:
    destination.hold()
    with running(new_journal(tmp_path, destination), destination) as journal:
        assert stored(journal, [1, 2]) == [True, True]
        assert frames_on_disk(tmp_path) == [2]
        assert journal.pending_rows == 2
    assert_holds_once(destination, [1, 2])


def test_rows_move_to_the_destination_and_their_segment_goes(tmp_path: Path, destination: MemoryDestination) -> None:
    with running(new_journal(tmp_path, destination), destination) as journal:
        stored(journal, [1, 2])
        assert eventually(lambda: not segment_names(tmp_path))
        assert eventually(lambda: journal.pending_rows == 0)
        assert_holds_once(destination, [1, 2])


def test_writes_that_wait_are_one_commit(tmp_path: Path, destination: MemoryDestination) -> None:
    destination.hold()
    journal = new_journal(tmp_path, destination)
    answers = [send(journal, numbered_logs(numbers)) for numbers in ([1, 2], [3], [], [4])]
    with running(journal, destination):
        outcomes = [answer.result(PATIENCE_SECONDS) for answer in answers]
        assert [outcome.is_new.tolist() for outcome in outcomes] == [[True, True], [True], [], [True]]
        assert frames_on_disk(tmp_path) == [4]
    assert_holds_once(destination, [1, 2, 3, 4])


def test_commit_takes_no_more_writes_when_it_has_enough_rows(
    tmp_path: Path, destination: MemoryDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_GROUP_ROWS", 3)
    destination.hold()
    journal = new_journal(tmp_path, destination)
    answers = [send(journal, numbered_logs(numbers)) for numbers in ([1, 2], [3, 4], [5])]
    with running(journal, destination):
        for answer in answers:
            answer.result(PATIENCE_SECONDS)
        assert frames_on_disk(tmp_path) == [4, 1]


def test_segment_moves_at_once_when_it_is_full(
    tmp_path: Path, destination: MemoryDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "FLUSH_AFTER_SECONDS", 3600.0)
    monkeypatch.setattr(journal_module, "FLUSH_ROWS", 3)
    with running(new_journal(tmp_path, destination), destination) as journal:
        stored(journal, [1, 2])
        assert destination.inserts == []
        stored(journal, [3])
        assert eventually(lambda: destination.inserts == [3])


def test_write_is_not_stored_when_it_was_cancelled_before_its_turn(
    tmp_path: Path, destination: MemoryDestination
) -> None:
    journal = new_journal(tmp_path, destination)
    cancelled, other = send(journal, numbered_logs([1])), send(journal, numbered_logs([2]))
    assert cancelled.cancel()
    with running(journal, destination):
        assert other.result(PATIENCE_SECONDS).stored == 1
    assert_holds_once(destination, [2])


def test_empty_write_adds_its_receipt_to_the_ledger(tmp_path: Path, destination: MemoryDestination) -> None:
    with running(new_journal(tmp_path, destination), destination) as journal:
        receipt = Receipt(received=3, dead_letters=3)
        assert journal.write(ORGANIZATION, numbered_logs([]), receipt).result(PATIENCE_SECONDS).stored == 0
    assert destination.totals(ORGANIZATION) == IngestTotals(received=3, dead_letters=3)
    assert destination.inserts == []


# ── duplicates ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_duplicates_are_found_when_they_wait_together(tmp_path: Path, destination: MemoryDestination) -> None:
    journal = new_journal(tmp_path, destination)
    answers = [send(journal, numbered_logs(numbers)) for numbers in ([1, 2], [2, 3, 1])]
    with running(journal, destination):
        outcomes = [answer.result(PATIENCE_SECONDS).is_new.tolist() for answer in answers]
    assert outcomes == [[True, True], [False, True, False]]
    assert destination.totals(ORGANIZATION) == IngestTotals(received=5, stored=3, duplicates=2)
    assert_holds_once(destination, [1, 2, 3])


def test_duplicates_are_found_when_they_stand_in_one_batch(tmp_path: Path, destination: MemoryDestination) -> None:
    batch = log_batch([{"content_hash": 7, "message": "log 1"}, {"message": "log 2"}, {"content_hash": 7}])
    with running(new_journal(tmp_path, destination), destination) as journal:
        assert send(journal, batch).result(PATIENCE_SECONDS).is_new.tolist() == [True, True, False]
    assert_holds_once(destination, [1, 2])


def test_duplicates_are_found_when_they_come_later(tmp_path: Path, destination: MemoryDestination) -> None:
    destination.hold()
    with running(new_journal(tmp_path, destination), destination) as journal:
        stored(journal, [1, 2])
        assert stored(journal, [2, 3]) == [False, True]
        destination.release()
        assert eventually(lambda: journal.pending_rows == 0)
        assert stored(journal, [1, 3]) == [False, False]
    assert_holds_once(destination, [1, 2, 3])


def test_duplicates_are_found_when_they_are_no_longer_remembered(
    tmp_path: Path, destination: MemoryDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "RECENT_ROWS", 2)
    with running(new_journal(tmp_path, destination), destination) as journal:
        for number in range(10):
            stored(journal, [number])
        assert eventually(lambda: journal.pending_rows == 0)
        assert stored(journal, [0, 10, 5, 9]) == [False, True, False, False]
    assert_holds_once(destination, range(11))


def test_rows_are_the_same_log_only_in_organization_timestamp_and_hash(
    tmp_path: Path, destination: MemoryDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "RECENT_ROWS", 1)
    batch = log_batch([{"content_hash": 1}, {"content_hash": 1, "timestamp": 7}, {"content_hash": 2}])
    with running(new_journal(tmp_path, destination), destination) as journal:
        for _ in range(2):
            for organization_id in (ORGANIZATION, OTHER_ORGANIZATION):
                send(journal, batch, organization_id).result(PATIENCE_SECONDS)
            assert eventually(lambda: journal.pending_rows == 0)
    for organization_id in (ORGANIZATION, OTHER_ORGANIZATION):
        assert destination.totals(organization_id) == IngestTotals(received=6, stored=3, duplicates=3)
    assert len(destination.rows) == 6


def test_organizations_that_wait_together_are_told_apart(tmp_path: Path, destination: MemoryDestination) -> None:
    journal = new_journal(tmp_path, destination)
    answers = [send(journal, numbered_logs([1, 2]), owner) for owner in (ORGANIZATION, OTHER_ORGANIZATION)]
    with running(journal, destination):
        assert [answer.result(PATIENCE_SECONDS).stored for answer in answers] == [2, 2]
    owners = [row.organization_id for row in sorted(destination.rows, key=lambda row: row.ingest_sequence)]
    assert owners == [ORGANIZATION] * 2 + [OTHER_ORGANIZATION] * 2


# ── sequence numbers ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_sequence_numbers_grow_when_the_clock_jumps_back(tmp_path: Path, destination: MemoryDestination) -> None:
    clock = iter([NOON_UNIX_MILLI, NOON_UNIX_MILLI + 5, NOON_UNIX_MILLI - 3_600_000, 0])
    with running(new_journal(tmp_path, destination, now_unix_milli=lambda: next(clock)), destination) as journal:
        for first in (0, 10, 20, 30):
            stored(journal, [first, first + 1])
    in_order = [row.ingest_sequence for row in destination.rows]
    assert destination.messages == [f"log {number}" for number in (0, 1, 10, 11, 20, 21, 30, 31)]
    assert in_order == sorted(set(in_order))
    assert in_order[2] == NOON_UNIX_MILLI + 5 << 20
    assert np.diff(in_order[2:]).tolist() == [1] * 5


def test_sequence_numbers_grow_when_the_clock_jumped_back_before_a_restart(
    tmp_path: Path, destination: MemoryDestination
) -> None:
    for session, now in enumerate((NOON_UNIX_MILLI, NOON_UNIX_MILLI - 1, 0)):
        with running(new_journal(tmp_path, destination, now_unix_milli=partial(int, now)), destination) as journal:
            stored(journal, [session])
    assert destination.messages == ["log 0", "log 1", "log 2"]
    assert len({row.ingest_sequence for row in destination.rows}) == 3


def test_ledger_keeps_every_segment_when_segments_have_no_rows_and_the_clock_stands(
    tmp_path: Path, destination: MemoryDestination
) -> None:
    for _ in range(2):
        with running(new_journal(tmp_path, destination, now_unix_milli=lambda: 0), destination) as journal:
            for _ in range(3):
                stored(journal, [1])
                assert eventually(lambda: not segment_names(tmp_path))
    assert destination.totals(ORGANIZATION) == IngestTotals(received=6, stored=1, duplicates=5)


# ── flushes that fail ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("having_done", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("after_calls", [0, 1])
@pytest.mark.parametrize("calls", [1, 3])
def test_flush_is_tried_again_until_all_rows_are_there_once(
    tmp_path: Path, destination: MemoryDestination, after_calls: int, calls: int, having_done: float
) -> None:
    destination.hold()
    with running(new_journal(tmp_path, destination), destination) as journal:
        destination.fail(after_calls=after_calls, calls=calls, having_done=having_done)
        stored(journal, [1, 2])
        stored(journal, [3, 4, 5])
        destination.release()
        assert eventually(lambda: not segment_names(tmp_path))
        assert eventually(lambda: journal.fault is None)
        assert_holds_once(destination, [1, 2, 3, 4, 5])
        assert stored(journal, [5, 6]) == [False, True]
    assert_holds_once(destination, [1, 2, 3, 4, 5, 6])


def test_fault_is_told_while_flushes_fail(tmp_path: Path, destination: MemoryDestination) -> None:
    with running(new_journal(tmp_path, destination), destination) as journal:
        destination.fail()
        stored(journal, [1])
        assert eventually(lambda: journal.fault == "the destination does not answer")
        assert journal.pending_rows == 1
        destination.heal()
        assert eventually(lambda: journal.fault is None)
        assert eventually(lambda: journal.pending_rows == 0)
    assert_holds_once(destination, [1])


def test_commits_wait_when_the_backlog_is_full(
    tmp_path: Path, destination: MemoryDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_BACKLOG_ROWS", 3)
    destination.hold()
    with running(new_journal(tmp_path, destination), destination) as journal:
        stored(journal, [1, 2])
        stored(journal, [3, 4])
        waiting = send(journal, numbered_logs([5]))
        with pytest.raises(TimeoutError):
            waiting.result(0.1)
        destination.release()
        assert waiting.result(PATIENCE_SECONDS).stored == 1
    assert_holds_once(destination, [1, 2, 3, 4, 5])


@pytest.mark.parametrize("limit", ["MAX_BACKLOG_ROWS", "MAX_BACKLOG_BYTES"])
def test_commits_are_refused_when_the_backlog_is_full_and_flushes_fail(
    tmp_path: Path, destination: MemoryDestination, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(journal_module, limit, 3)
    with running(new_journal(tmp_path, destination), destination) as journal:
        destination.fail()
        stored(journal, [1, 2, 3, 4])
        with pytest.raises(StoreUnavailable, match="the destination does not answer"):
            stored(journal, [5])
        destination.heal()
        assert eventually(lambda: journal.pending_rows == 0)
        assert stored(journal, [4, 5]) == [False, True]
    assert_holds_once(destination, [1, 2, 3, 4, 5])


# ── commits that fail ────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_stored_when_the_disk_is_nearly_full(tmp_path: Path, destination: MemoryDestination) -> None:
    with running(new_journal(tmp_path, destination, min_free_bytes=1 << 62), destination) as journal:
        with pytest.raises(StoreUnavailable, match="bytes free") as refused:
            stored(journal, [1])
        assert refused.value.retry_after_seconds > 0
        assert segment_names(tmp_path) == []
    assert destination.rows == []
    assert destination.totals(ORGANIZATION) == IngestTotals()


def test_nothing_is_stored_when_the_write_ahead_log_can_not_be_written(
    tmp_path: Path, destination: MemoryDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(new_journal(tmp_path, destination), destination) as journal:
        with monkeypatch.context() as patched:
            patched.setattr(os, "writev", _no_space)
            with pytest.raises(StoreUnavailable, match="No space left on device"):
                stored(journal, [1])
        assert stored(journal, [1, 2]) == [True, True]
    assert_holds_once(destination, [1, 2])
    assert destination.totals(ORGANIZATION) == IngestTotals(received=2, stored=2)


def test_group_is_refused_and_the_next_is_not_when_a_probe_fails(
    tmp_path: Path, destination: MemoryDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "RECENT_ROWS", 1)
    with running(new_journal(tmp_path, destination), destination) as journal:
        for number in range(4):
            stored(journal, [number])
        assert eventually(lambda: journal.pending_rows == 0)
        destination.fail(calls=1)
        with pytest.raises(StoreUnavailable):
            stored(journal, [0, 9])
        assert stored(journal, [0, 9]) == [False, True]
    assert_holds_once(destination, [0, 1, 2, 3, 9])


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_close_commits_what_was_queued_and_moves_it(
    tmp_path: Path, destination: MemoryDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "FLUSH_AFTER_SECONDS", 3600.0)
    with running(new_journal(tmp_path, destination), destination) as journal:
        answers = [send(journal, numbered_logs([number])) for number in range(20)]
    assert all(answer.result(0).stored == 1 for answer in answers)
    assert_holds_once(destination, range(20))
    assert segment_names(tmp_path) == []


def test_every_write_is_answered_when_close_comes_in_between(tmp_path: Path, destination: MemoryDestination) -> None:
    journal = new_journal(tmp_path, destination)
    with running(journal, destination):
        closing = threading.Thread(target=journal.close)
        answers = [send(journal, numbered_logs([number])) for number in range(20)]
        closing.start()
        answers += [send(journal, numbered_logs([number])) for number in range(20, 40)]
        failures = [answer.exception(PATIENCE_SECONDS) for answer in answers]
        closing.join()
    assert all(failure is None or isinstance(failure, StoreUnavailable) for failure in failures)
    assert_holds_once(destination, [number for number, failure in enumerate(failures) if failure is None])


def test_write_is_refused_when_the_journal_is_closed(tmp_path: Path, destination: MemoryDestination) -> None:
    with running(new_journal(tmp_path, destination), destination) as journal:
        journal.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            send(journal, numbered_logs([1])).result(PATIENCE_SECONDS)
        journal.close()
    assert balanced(destination.totals(ORGANIZATION))


def test_close_returns_when_the_journal_was_never_started(tmp_path: Path, destination: MemoryDestination) -> None:
    new_journal(tmp_path, destination).close()


def _no_space(*_: object) -> int:
    raise OSError(28, "No space left on device")
