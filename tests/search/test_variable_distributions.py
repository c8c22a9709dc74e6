"""Distributions against figures that are computed one value at a time."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.patterns.quantities import Unit
from tocsin.patterns.variables import Variable
from tocsin.search.pattern_detail_contracts import NumberDistribution, VariableDistribution
from tocsin.search.pattern_sampling import LogsRead
from tocsin.search.variable_distributions import MAX_TEXT_CHARACTERS, distribution

VARIABLE = Variable("took", "*")


def _distribution(
    values: Sequence[str | None], *, intervals: list[int] | None = None, weights: list[float] | None = None
) -> VariableDistribution:
    logs = LogsRead(
        intervals=np.array(intervals or [0] * len(values), dtype=np.int64),
        interval_count=max(intervals or [0]) + 1,
        weights=np.array(weights or [1.0] * len(values)),
    )
    return distribution(VARIABLE, pa.array(values, pa.large_string()), logs)


def _numbers(values: Sequence[str | None], *, intervals: list[int] | None = None) -> NumberDistribution:
    found = _distribution(values, intervals=intervals).numbers
    assert found is not None
    return found


def _quantile(numbers: list[float], share: float) -> float:
    return sorted(numbers)[math.ceil(round(share * len(numbers), 9)) - 1]


@given(st.lists(st.one_of(st.none(), st.sampled_from("abcdefghijklmn"))))
def test_values_are_counted_most_first_then_in_the_order_of_their_logs(values: list[str | None]) -> None:
    found = _distribution(values)
    counts = Counter(value for value in values if value is not None)
    assert [(each.value, each.count) for each in found.values] == counts.most_common(10)
    assert (found.count, found.distinct) == (counts.total(), len(counts))
    assert all(each.share == each.count / counts.total() for each in found.values)


@given(st.lists(st.tuples(st.integers(0, 3), st.one_of(st.just(0.0), st.floats(-100, 1e6))), min_size=1, max_size=150))
def test_numbers_have_the_figures_of_their_logs(rows: list[tuple[int, float]]) -> None:
    numbers = [number for _, number in rows]
    found = _numbers([repr(number) for number in numbers], intervals=[interval for interval, _ in rows])
    assert (found.count, found.minimum, found.maximum) == (len(rows), min(numbers), max(numbers))
    assert found.mean == pytest.approx(sum(numbers) / len(numbers))
    shares = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
    assert found.quantiles == {name: _quantile(numbers, share) for name, share in shares.items()}
    for name, values in found.over_time.items():
        in_intervals = [[number for each, number in rows if each == interval] for interval in range(len(values))]
        assert values == [_quantile(each, shares[name]) if each else None for each in in_intervals]


@given(st.lists(st.one_of(st.integers(-50, 10**18).map(float), st.floats(0, 1e9)), min_size=1, max_size=100))
def test_bins_follow_each_other_and_hold_their_numbers(numbers: list[float]) -> None:
    bins = _numbers([repr(number) for number in numbers]).bins
    assert len(bins) <= 21
    assert all(one.end == next_one.start for one, next_one in pairwise(bins))
    for number, each in enumerate(bins):
        is_last = number == len(bins) - 1
        inside = [value for value in numbers if each.start <= value and (value < each.end or is_last)]
        assert each.count == len(inside)
        assert all(value <= each.end for value in inside)


def test_whole_numbers_have_bins_of_whole_numbers() -> None:
    found = _numbers([str(number) for number in [3, 4, 4, 7]])
    assert [(each.start, each.count) for each in found.bins] == [(3, 1), (4, 2), (5, 0), (6, 0), (7, 1)]
    wide = _numbers([str(number) for number in range(100, 145)])
    assert {each.end - each.start for each in wide.bins} == {3}
    assert [each.count for each in wide.bins] == [3] * 15


def test_a_heavy_tail_has_bins_that_grow_and_zeros_have_one_of_their_own() -> None:
    found = _numbers(["0s"] * 5 + [f"{2**power}ms" for power in range(16)])
    assert (found.is_logarithmic, found.unit) == (True, Unit.SECONDS)
    assert (found.bins[0].start, found.bins[0].count) == (0, 5)
    ratios = [each.end / each.start for each in found.bins[1:]]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))
    assert not _numbers(["1ms", "2ms", "3ms"]).is_logarithmic


def test_texts_for_no_value_are_values_and_no_numbers() -> None:
    found = _distribution(["5", "-", "7", "-"], intervals=[0, 0, 1, 2])
    assert [(each.value, each.count) for each in found.values] == [("-", 2), ("5", 1), ("7", 1)]
    assert found.numbers is not None
    assert found.numbers.count == 2
    assert found.numbers.over_time == {"p50": [5, 7, None], "p95": [5, 7, None]}


def test_each_log_counts_for_as_many_as_it_stands_for() -> None:
    found = _distribution(["1", "9"], intervals=[0, 1], weights=[1.0, 99.0])
    assert [(each.value, each.count, each.share) for each in found.values] == [("9", 99, 0.99), ("1", 1, 0.01)]
    assert found.numbers is not None
    assert found.numbers.mean == pytest.approx(8.92)
    assert found.numbers.quantiles["p50"] == 9
    assert sum(each.count for each in found.numbers.bins) == 100


def test_quantiles_over_time_are_of_as_many_logs_as_each_stands_for() -> None:
    found = _distribution(["1", "9", "5"], intervals=[0, 0, 1], weights=[9.0, 1.0, 3.0])
    assert found.numbers is not None
    assert found.numbers.over_time == {"p50": [1, 5], "p95": [9, 5]}


def test_no_logs_and_no_values_have_no_figures() -> None:
    assert _distribution([]) == _distribution([None, None])
    assert (_distribution([None]).values, _distribution([None]).numbers) == ([], None)


def test_a_long_value_is_cut_where_it_is_shown() -> None:
    [shown] = _distribution(["x" * 10_000]).values
    assert len(shown.value) == MAX_TEXT_CHARACTERS
