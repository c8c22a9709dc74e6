"""The journal after a crash: whatever was done before it, every acknowledged row is there once."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.logstore.commits import ORGANIZATION, numbered_logs
from tests.logstore.journals import (
    PATIENCE_SECONDS,
    assert_holds_once,
    balanced,
    eventually,
    new_journal,
    running,
    segment_names,
    send,
    start,
    stored,
)
from tests.logstore.memory_destination import MemoryDestination, Outage
from tocsin.kit.errors import StoreUnavailable
from tocsin.logstore.backends.clickhouse import journal as journal_module
from tocsin.logstore.backends.clickhouse.wal import segments
from tocsin.logstore.ports import IngestTotals


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(journal_module, "FLUSH_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(journal_module, "FLUSH_RETRY_SECONDS", 0.005)
    # Printing a traceback costs more than the failure that it tells of.
    with capture_logs():
        yield


@pytest.fixture
def destination() -> MemoryDestination:
    return MemoryDestination()


def crash_with(directory: Path, destination: MemoryDestination, *batches: list[int]) -> None:
    """Acknowledge these logs, and end with all of them in the write-ahead log alone."""
    destination.fail()
    with running(new_journal(directory, destination), destination) as journal:
        for numbers in batches:
            stored(journal, numbers)
    destination.heal()


def test_acknowledged_rows_are_brought_in_when_started_again(tmp_path: Path, destination: MemoryDestination) -> None:
    crash_with(tmp_path, destination, [1, 2], [3])
    assert destination.rows == []
    with running(new_journal(tmp_path, destination), destination):
        assert_holds_once(destination, [1, 2, 3])
        assert segment_names(tmp_path) == []


def test_duplicates_of_recovered_rows_are_found(tmp_path: Path, destination: MemoryDestination) -> None:
    crash_with(tmp_path, destination, [1, 2], [3])
    with running(new_journal(tmp_path, destination), destination) as journal:
        assert stored(journal, [3, 4, 1]) == [False, True, False]
    assert_holds_once(destination, [1, 2, 3, 4])


def test_duplicates_of_rows_from_earlier_lives_are_found(tmp_path: Path, destination: MemoryDestination) -> None:
    with running(new_journal(tmp_path, destination), destination) as journal:
        stored(journal, [1, 2, 5])
    with running(new_journal(tmp_path, destination), destination) as journal:
        assert stored(journal, [1, 3, 5, 6]) == [False, True, False, True]
    assert_holds_once(destination, [1, 2, 3, 5, 6])


def test_sequence_numbers_go_on_after_recovered_ones_when_the_clock_jumped_back(
    tmp_path: Path, destination: MemoryDestination
) -> None:
    crash_with(tmp_path, destination, [1, 2], [2])
    with running(new_journal(tmp_path, destination, now_unix_milli=lambda: 0), destination) as journal:
        stored(journal, [3])
    assert destination.messages == ["log 1", "log 2", "log 3"]
    assert_holds_once(destination, [1, 2, 3])


def test_segments_stay_when_the_destination_fails_at_the_start(tmp_path: Path, destination: MemoryDestination) -> None:
    crash_with(tmp_path, destination, [1, 2])
    names = segment_names(tmp_path)
    destination.fail()
    with pytest.raises(Outage):
        start(new_journal(tmp_path, destination), destination)
    assert segment_names(tmp_path) == names
    destination.heal()
    with running(new_journal(tmp_path, destination), destination):
        assert_holds_once(destination, [1, 2])


def test_only_missing_rows_are_inserted_when_a_part_is_there(tmp_path: Path, destination: MemoryDestination) -> None:
    destination.hold()
    destination.fail(having_done=0.4)
    journal = new_journal(tmp_path, destination)
    answers = [send(journal, numbered_logs([1, 2, 3, 4, 5]))]
    with running(journal, destination):
        assert [answer.result(PATIENCE_SECONDS).stored for answer in answers] == [5]
    assert destination.messages == ["log 1", "log 2"]
    destination.heal()
    with running(new_journal(tmp_path, destination), destination):
        assert destination.inserts == [3]
        assert_holds_once(destination, [1, 2, 3, 4, 5])


def test_nothing_changes_when_a_moved_segment_comes_back(tmp_path: Path, destination: MemoryDestination) -> None:
    """A crash between the ledger and the deletion, of a segment whose first commit had failed."""
    destination.hold()
    with running(new_journal(tmp_path, destination), destination) as journal:
        stored(journal, [1])
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(os, "writev", _no_space)
            with pytest.raises(StoreUnavailable):
                stored(journal, [2])
        stored(journal, [2, 3])
        stored(journal, [3])
        moved = [Path(shutil.copy(path, tmp_path)) for path in segments(tmp_path / "wal")]
    before = destination.totals(ORGANIZATION)
    assert before == IngestTotals(received=4, stored=3, duplicates=1)
    for copy in moved:
        shutil.move(copy, tmp_path / "wal")
    with running(new_journal(tmp_path, destination), destination):
        assert destination.totals(ORGANIZATION) == before
        assert_holds_once(destination, [1, 2, 3])


def test_whole_commits_are_brought_in_when_the_last_one_was_cut_short(
    tmp_path: Path, destination: MemoryDestination
) -> None:
    crash_with(tmp_path, destination, [1, 2], [3])
    [*_, last] = segments(tmp_path / "wal")
    with last.open("ab") as file:
        file.write(last.read_bytes()[:100])
    with running(new_journal(tmp_path, destination), destination):
        assert_holds_once(destination, [1, 2, 3])
        assert segment_names(tmp_path) == []


def test_damaged_commit_is_kept_and_the_others_are_brought_in(tmp_path: Path, destination: MemoryDestination) -> None:
    destination.hold()
    journal = new_journal(tmp_path, destination)
    first = send(journal, numbered_logs([1, 2]))
    with running(journal, destination):
        first.result(PATIENCE_SECONDS)
        destination.fail()
        stored(journal, [3])
        stored(journal, [4])
    destination.heal()
    path = segments(tmp_path / "wal")[0]
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 0xFF
    path.write_bytes(damaged)
    with running(new_journal(tmp_path, destination), destination):
        assert 0 < len(destination.rows) < 4
        assert balanced(destination.totals(ORGANIZATION))
        [kept] = segment_names(tmp_path)
        assert kept.endswith(".damaged")


_BATCHES = st.lists(st.lists(st.integers(0, 12), max_size=6, unique=True), min_size=1, max_size=6)

_CRASHES = st.lists(st.tuples(st.integers(0, 7), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=_BATCHES, crashes=_CRASHES, is_slow=st.booleans())
def test_acknowledged_rows_are_there_once_wherever_it_crashes(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], crashes: list[tuple[int, float]], is_slow: bool
) -> None:
    """Each life ends in the middle of some call to the destination, and sends again what the one before sent."""
    directory, destination = tmp_path_factory.mktemp("journal"), MemoryDestination()
    acknowledged: set[int] = set()
    for after_calls, having_done in crashes:
        destination.fail(after_calls=after_calls, having_done=having_done)
        acknowledged |= _one_life(directory, destination, batches, waits_for_flushes=is_slow)
    destination.heal()
    with running(new_journal(directory, destination), destination):
        assert_holds_once(destination, sorted(acknowledged))
        assert segment_names(directory) == []


def _one_life(
    directory: Path, destination: MemoryDestination, batches: list[list[int]], *, waits_for_flushes: bool
) -> set[int]:
    """Send the batches until one is refused; the numbers that were acknowledged."""
    acknowledged: set[int] = set()
    journal = new_journal(directory, destination)
    try:
        start(journal, destination)
    except Outage:
        return acknowledged
    for numbers in batches:
        try:
            stored(journal, numbers)
        except StoreUnavailable:
            break
        acknowledged.update(numbers)
        if waits_for_flushes:
            eventually(lambda: journal.pending_rows == 0 or journal.fault is not None)
    journal.close()
    return acknowledged


def _no_space(*_: object) -> int:
    raise OSError(28, "No space left on device")
