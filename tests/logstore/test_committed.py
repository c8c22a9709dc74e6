"""Recent commits in memory: what followers see of them, and when they may go."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from tests.logstore.commits import ORGANIZATION, OTHER_ORGANIZATION, commit
from tests.logstore.journals import eventually, new_journal, running, start, stored
from tests.logstore.memory_destination import MemoryDestination
from tocsin.logmodel.batch import STORED_LOG_SCHEMA
from tocsin.logstore.backends.clickhouse.committed import CommittedFrames
from tocsin.logstore.backends.clickhouse.wal import Frame


def _frame(first_sequence: int, rows: int) -> Frame:
    return Frame(*commit(first_sequence, [f"log {first_sequence + row}" for row in range(rows)]))


def _committed(*frames: Frame, max_bytes: int = 1 << 20) -> CommittedFrames:
    committed = CommittedFrames(max_bytes=max_bytes)
    committed.start_after(99)
    for frame in frames:
        committed.add(frame)
    return committed


def _messages(rows: pa.RecordBatch | None) -> list[str] | None:
    if rows is None:
        return None
    assert rows.schema.equals(STORED_LOG_SCHEMA)
    messages: list[str] = rows["message"].to_pylist()
    return messages


def _after(committed: CommittedFrames, sequence: int, *, limit: int = 100) -> list[str] | None:
    return _messages(committed.rows_after(ORGANIZATION, sequence, limit=limit))


def _logs(numbers: Sequence[int]) -> list[str]:
    return [f"log {number}" for number in numbers]


def test_rows_come_from_any_position_when_they_are_here() -> None:
    committed = _committed(_frame(100, 3), _frame(200, 2))
    assert _after(committed, 99) == _logs([100, 101, 102, 200, 201])
    assert _after(committed, 101) == _logs([102, 200, 201])
    assert _after(committed, 150) == _logs([200, 201])
    assert _after(committed, 201) == []


def test_rows_are_cut_to_the_limit_across_commits() -> None:
    committed = _committed(_frame(100, 3), _frame(200, 3))
    assert _after(committed, 100, limit=3) == _logs([101, 102, 200])
    assert _after(committed, 99, limit=3) == _logs([100, 101, 102])


def test_chdb_is_asked_when_the_position_is_older_than_the_ring() -> None:
    assert _after(_committed(_frame(100, 1)), 98) is None


def test_commits_without_rows_leave_no_trace() -> None:
    committed = _committed(_frame(100, 1), _frame(150, 0), _frame(200, 1))
    assert _after(committed, 99) == _logs([100, 200])
    assert committed.last_sequence(ORGANIZATION) == 200


def test_another_organization_sees_nothing() -> None:
    committed = _committed(_frame(100, 2))
    assert _messages(committed.rows_after(OTHER_ORGANIZATION, 99, limit=10)) == []
    assert committed.last_sequence(OTHER_ORGANIZATION) is None


def test_commits_stay_until_they_are_in_chdb_whatever_their_size() -> None:
    frames = [_frame(100, 3), _frame(200, 3), _frame(300, 3)]
    committed = _committed(*frames, max_bytes=1)
    assert _after(committed, 99, limit=4) == _logs([100, 101, 102, 200])
    committed.moved(frames[:2])
    assert committed.complete_after(ORGANIZATION) == 202
    assert _after(committed, 201) is None
    assert _after(committed, 202) == _logs([300, 301, 302])


def test_commits_in_chdb_stay_while_there_is_room() -> None:
    frames = [_frame(100, 3), _frame(200, 3)]
    committed = _committed(*frames)
    committed.moved(frames)
    assert _after(committed, 99) == _logs([100, 101, 102, 200, 201, 202])


def test_the_oldest_go_when_a_new_commit_needs_their_room() -> None:
    frames = [_frame(100, 3), _frame(200, 3)]
    committed = _committed(*frames, max_bytes=sum(len(frame.body) for frame in frames))
    committed.moved(frames)
    committed.add(_frame(300, 1))
    assert committed.complete_after(ORGANIZATION) == 102
    assert _after(committed, 102) == _logs([200, 201, 202, 300])


def test_what_leaves_concerns_only_those_whose_rows_left() -> None:
    frames = [_frame(100, 3), _frame(200, 3)]
    committed = _committed(*frames, max_bytes=1)
    committed.moved(frames)
    assert _after(committed, 99) is None
    assert _messages(committed.rows_after(OTHER_ORGANIZATION, 99, limit=10)) == []


def test_chdb_is_asked_once_where_it_has_nothing() -> None:
    committed = _committed(_frame(100, 1))
    assert _after(committed, 50) is None
    committed.none_between(ORGANIZATION, 50, 99)
    assert _after(committed, 50) == _logs([100])
    assert _after(committed, 49) is None
    assert committed.rows_after(OTHER_ORGANIZATION, 50, limit=10) is None


def test_chdb_is_asked_again_when_rows_have_left_meanwhile() -> None:
    frames = [_frame(100, 1), _frame(200, 1)]
    committed = _committed(*frames, max_bytes=1)
    committed.moved(frames[:1])
    committed.none_between(ORGANIZATION, 50, 99)
    assert _after(committed, 50) is None


def test_a_journal_shows_a_commit_before_it_is_moved(tmp_path: Path) -> None:
    destination = MemoryDestination()
    destination.hold()
    with running(new_journal(tmp_path, destination), destination) as journal:
        stored(journal, [1, 2])
        assert destination.rows == []
        assert _after(journal.committed, journal.committed.complete_after(ORGANIZATION)) == ["log 1", "log 2"]


def test_a_journal_says_what_it_has_moved(tmp_path: Path) -> None:
    destination = MemoryDestination()
    with running(new_journal(tmp_path, destination), destination) as journal:
        journal.committed = CommittedFrames(max_bytes=1)
        journal.committed.start_after(0)
        stored(journal, [1, 2])
        assert eventually(lambda: journal.committed.complete_after(ORGANIZATION) > 0)
        assert destination.messages == ["log 1", "log 2"]


def test_a_journal_starts_behind_what_it_recovers(tmp_path: Path) -> None:
    destination = MemoryDestination()
    destination.fail()
    with running(new_journal(tmp_path, destination), destination) as journal:
        stored(journal, [1, 2])
        last = journal.committed.last_sequence(ORGANIZATION)
    destination.heal()
    restarted = start(new_journal(tmp_path, destination), destination)
    try:
        assert last is not None
        assert restarted.committed.complete_after(ORGANIZATION) >= last
        assert destination.messages == ["log 1", "log 2"]
        stored(restarted, [3])
        assert _after(restarted.committed, restarted.committed.complete_after(ORGANIZATION)) == ["log 3"]
    finally:
        restarted.close()
