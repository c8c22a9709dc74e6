"""Which logs of a pattern are read, and what each of them stands for."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.logstore.ports import TimeRange, interval_starts
from tocsin.search.pattern_sampling import logs_read, stretches_of

STEP = 1_000
_COUNTS = st.lists(st.integers(0, 500), min_size=1, max_size=20).filter(any)


def _range(counts: list[int], start: int) -> tuple[TimeRange, range]:
    end = start // STEP * STEP + STEP * len(counts) - start % 7
    time_range = TimeRange(start, max(start + 1, end))
    return time_range, interval_starts(time_range, STEP)


@given(counts=_COUNTS, start=st.integers(-5_000, 5_000), share=st.floats(0.01, 1))
def test_stretches_are_apart_and_each_in_its_interval(counts: list[int], start: int, share: float) -> None:
    time_range, starts = _range(counts, start)
    most = max(1, int(sum(counts) * share))
    stretches = stretches_of(time_range, starts, np.array(counts), most)
    having = [interval for interval, count in zip(starts, counts, strict=True) if count]
    assert len(stretches) == len(having)
    for interval, each in zip(having, stretches, strict=True):
        assert max(interval, time_range.start_unix_nano) <= each.start_unix_nano < each.end_unix_nano
        assert each.end_unix_nano <= min(interval + STEP, time_range.end_unix_nano)
    assert all(one.end_unix_nano <= other.start_unix_nano for one, other in pairwise(stretches))


def test_stretches_have_the_share_of_logs_that_is_wanted_and_more_where_there_are_few() -> None:
    time_range, starts = _range([1_000, 1_000, 10], 0)
    lengths = [
        each.end_unix_nano - each.start_unix_nano
        for each in stretches_of(time_range, starts, np.array([1_000, 1_000, 10]), 201)
    ]
    assert lengths == [100, 100, STEP]


def test_stretches_do_not_begin_at_the_same_place_of_every_interval() -> None:
    time_range, starts = _range([100] * 20, 0)
    places = {each.start_unix_nano % STEP for each in stretches_of(time_range, starts, np.array([100] * 20), 200)}
    assert len(places) == 20


@given(counts=_COUNTS, data=st.data())
def test_logs_that_were_read_stand_for_all(counts: list[int], data: st.DataObject) -> None:
    read = [data.draw(st.integers(0, count)) for count in counts]
    times = [interval * STEP + n % STEP for interval, number in enumerate(read) for n in range(number)]
    rows = pa.table({"timestamp": pa.array(times, pa.timestamp("ns", "UTC"))})
    logs = logs_read(rows, starts=range(0, len(counts) * STEP, STEP), counts=np.array(counts))
    assert logs.weights.sum() == pytest.approx(sum(counts) if times else 0)
    assert (logs.weights >= 1 - 1e-9).all()
    assert logs.intervals.tolist() == [time // STEP for time in times]


def test_logs_that_came_after_they_were_counted_stand_for_themselves() -> None:
    rows = pa.table({"timestamp": pa.array([1, 2, 3], pa.timestamp("ns", "UTC"))})
    assert logs_read(rows, starts=range(0, STEP, STEP), counts=np.array([2])).weights.tolist() == [1, 1, 1]
