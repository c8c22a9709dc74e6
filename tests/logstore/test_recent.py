"""The window of recent rows, against sets of Python's."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.logs import NOON_UNIX_NANO
from tocsin.kit.moments import NANOSECONDS_A_DAY
from tocsin.logstore.backends.clickhouse.recent import HashTable, RecentHashes, latest_by_day

SLOTS = 16

#: Few homes, so that most hashes meet others on their way: at the last slot they go on at the first.
_COLLIDING = st.builds(
    lambda home, lap: home + lap * SLOTS, st.sampled_from([0, 1, SLOTS - 2, SLOTS - 1]), st.integers(0, 2**40)
)
_HASHES = st.one_of(_COLLIDING, st.just(0), st.just(2**64 - 1), st.integers(0, 2**64 - 1))

_TIMESTAMPS = st.builds(
    lambda day, nano: (day - 2) * NANOSECONDS_A_DAY + nano, st.integers(0, 4), st.sampled_from([0, 1, 5, 10**13])
)


def hashes(values: list[int]) -> npt.NDArray[np.uint64]:
    return np.array(values, dtype=np.uint64)


def timestamps(values: list[int]) -> npt.NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


@settings(deadline=None)
@given(
    added=st.lists(_HASHES, max_size=SLOTS // 2, unique=True),
    cuts=st.lists(st.integers(0, SLOTS // 2), max_size=2),
    asked=st.lists(_HASHES, max_size=20),
)
def test_table_contains_what_was_added_when_hashes_collide(added: list[int], cuts: list[int], asked: list[int]) -> None:
    table = HashTable(SLOTS)
    borders = sorted(min(cut, len(added)) for cut in cuts)
    for start, end in zip([0, *borders], [*borders, len(added)], strict=True):
        table.add(hashes(added[start:end]))
    assert table.size == len(added)
    assert table.contains(hashes(added + asked)).tolist() == [each in added for each in added + asked]


def test_table_holds_a_batch_of_hashes_that_all_want_one_slot() -> None:
    table = HashTable(1024)
    same_home = np.arange(1, 401, dtype=np.uint64) * np.uint64(1024) + np.uint64(1020)
    table.add(same_home)
    assert table.contains(same_home).all()
    assert not table.contains(same_home + np.uint64(1)).any()


def test_hash_zero_is_found_only_when_it_was_added() -> None:
    table = HashTable(SLOTS)
    table.add(hashes([5]))
    assert not table.contains(hashes([0])).any()
    table.add(hashes([0]))
    assert table.contains(hashes([0])).all()


class _Model:
    """Every row that was ever added, in order, and the days that existed before."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int]] = []
        self.before: dict[int, int] = {}

    def hashes(self) -> set[int]:
        return {each for each, _ in self.rows}

    def add(self, timestamps: list[int], recent: RecentHashes) -> None:
        first = len(self.rows) + 1
        new = [
            (number * SLOTS if number % 2 else number * SLOTS + 1, each)
            for number, each in enumerate(timestamps, first)
        ]
        self.rows += new
        recent.add(hashes([each for each, _ in new]), np.array([each for _, each in new], dtype=np.int64))


@settings(deadline=None)
@given(
    capacity=st.integers(1, 12),
    batches=st.lists(st.lists(_TIMESTAMPS, max_size=30), min_size=1, max_size=8),
    before=st.lists(_TIMESTAMPS, max_size=3),
)
def test_latest_rows_are_remembered_and_no_forgotten_one_is_ruled_out(
    capacity: int, batches: list[list[int]], before: list[int]
) -> None:
    recent, model = RecentHashes(capacity), _Model()
    recent.forget_everything_up_to(latest_by_day(timestamps(before)))
    for batch in batches:
        model.add(batch, recent)
        known = recent.contains(hashes([each for each, _ in model.rows]))
        assert known[-capacity:].all()
        assert known.sum() <= 2 * capacity
        forgotten = [moment for (_, moment), is_known in zip(model.rows, known.tolist(), strict=True) if not is_known]
        assert recent.may_be_older(timestamps(forgotten + before)).all()
    strangers = hashes([each + 2 for each in model.hashes()])
    assert not recent.contains(strangers).any()


def test_no_row_may_be_older_when_all_are_remembered() -> None:
    recent = RecentHashes(4)
    moments = timestamps([NOON_UNIX_NANO] * 4)
    recent.add(hashes([1, 2, 3, 4]), moments)
    assert not recent.may_be_older(moments).any()


def test_rows_after_the_forgotten_ones_of_their_day_are_ruled_out() -> None:
    recent = RecentHashes(4)
    recent.forget_everything_up_to({NOON_UNIX_NANO // NANOSECONDS_A_DAY: NOON_UNIX_NANO})
    asked = timestamps([NOON_UNIX_NANO, NOON_UNIX_NANO + 1, NOON_UNIX_NANO - NANOSECONDS_A_DAY])
    assert recent.may_be_older(asked).tolist() == [True, False, False]


def test_the_latest_timestamp_of_a_day_stays_when_an_earlier_one_is_forgotten_later() -> None:
    recent = RecentHashes(1)
    day = NOON_UNIX_NANO // NANOSECONDS_A_DAY
    recent.forget_everything_up_to({day: NOON_UNIX_NANO})
    recent.forget_everything_up_to({day: NOON_UNIX_NANO - 1})
    assert recent.may_be_older(timestamps([NOON_UNIX_NANO])).all()


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ([], {}),
        ([5, 7, 6], {0: 7}),
        ([-1, 0, NANOSECONDS_A_DAY - 1, NANOSECONDS_A_DAY], {-1: -1, 0: NANOSECONDS_A_DAY - 1, 1: NANOSECONDS_A_DAY}),
    ],
)
def test_latest_by_day(moments: list[int], expected: dict[int, int]) -> None:
    assert latest_by_day(timestamps(moments)) == expected
