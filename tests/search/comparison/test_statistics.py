"""The statistics by themselves, on counts and values of known processes."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tocsin.search.comparison.counts import rate_tests, rate_tests_in_tide, signed_statistic
from tocsin.search.comparison.discovery import FALSE_SHARE, q_values, weights_for
from tocsin.search.comparison.dispersion import Cells, dispersion_of
from tocsin.search.comparison.ranks import Values, shifts_of
from tocsin.search.comparison.special import Floats
from tocsin.search.comparison.tides import tide_of

CELLS = 24


def cells(counts: npt.NDArray[Any]) -> Cells:
    return Cells(counts=np.asarray(counts, dtype=np.float64), exposure=np.ones(counts.shape[1]))


def pair(rng: np.random.Generator, rates: Floats, *, after: Floats | float = 1.0) -> tuple[Cells, Cells]:
    """Independent events at these rates a cell, changed by a factor after."""
    levels = np.repeat(rates[:, None], CELLS, axis=1)
    return cells(rng.poisson(levels)), cells(rng.poisson(levels * np.reshape(after, (-1, 1))))


def test_independent_events_are_hardly_dispersed_and_bursts_are() -> None:
    rng = np.random.default_rng(1)
    rates = np.full(100, 5.0)
    before, after = pair(rng, rates)
    before.counts[7] *= rng.integers(0, 2, CELLS) * 8
    after.counts[7] *= rng.integers(0, 2, CELLS) * 8
    found = dispersion_of(before, after).factor
    assert np.median(found) < 1.2
    assert found[7] > 5


def test_a_burst_is_few_events_however_many_logs_it_has() -> None:
    rng = np.random.default_rng(2)
    before, after = pair(rng, np.full(50, 5.0))
    before.counts[3], after.counts[3] = 0, 0
    after.counts[3, 11] = 300
    assert rate_tests(before, after).p[3] > 0.05


def test_a_doubling_is_certain_and_its_effect_is_known() -> None:
    rng = np.random.default_rng(3)
    factor = np.ones(40)
    factor[5] = 2
    tests = rate_tests(*pair(rng, np.full(40, 10.0), after=factor))
    assert tests.p.argmin() == 5
    assert tests.p[5] < 1e-6
    assert tests.log_ratio[5] == pytest.approx(np.log(2), abs=3 * tests.error[5])


def test_rates_are_compared_where_windows_differ_in_length() -> None:
    counts = np.full((3, CELLS), 10.0)
    long = Cells(counts=counts * 3, exposure=np.full(CELLS, 3.0))
    tests = rate_tests(long, cells(counts))
    assert np.allclose(tests.log_ratio, 0, atol=0.01)
    assert np.allclose(tests.share_before, tests.share_after)


def test_p_values_of_nothing_are_not_smaller_than_chance_makes_them() -> None:
    smaller = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        before, after = pair(rng, np.geomspace(0.3, 50, 40))
        smaller += list(rate_tests(before, after).p < 0.05)
    assert np.mean(smaller) < 0.055


def test_one_thing_that_doubles_makes_no_other_fall() -> None:
    rng = np.random.default_rng(4)
    factor = np.ones(12)
    factor[0] = 2
    rates = np.r_[300.0, np.full(11, 20.0)]
    before, after = pair(rng, rates, after=factor)
    tests = rate_tests_in_tide(before, after, tide_of(before, after))
    assert tests.p[0] < 1e-6
    assert tests.p[1:].min() > 0.001


def test_what_goes_with_the_tide_did_not_change_by_itself() -> None:
    rng = np.random.default_rng(5)
    factor = np.full(60, 1.6)
    factor[9] = 3.2
    before, after = pair(rng, np.full(60, 20.0), after=factor)
    tide = tide_of(before, after)
    assert tide is not None
    assert tide.factor == pytest.approx(1.6, rel=0.05)
    tests = rate_tests_in_tide(before, after, tide)
    assert tests.p.argmin() == 9
    assert np.delete(tests.p, 9).min() > 0.0005


def test_few_things_have_no_tide() -> None:
    before, after = pair(np.random.default_rng(6), np.full(4, 20.0), after=2.0)
    assert tide_of(before, after) is None


def test_the_approximation_for_many_events_joins_the_exact_test() -> None:
    before, after = np.array([95.0, 105.0]), np.array([104.0, 96.0])
    shares = np.full(2, 0.5)
    exact = signed_statistic(before, after, shares)
    beyond = signed_statistic(before + 1, after + 1, shares)
    assert np.allclose(exact, beyond, atol=0.08)


def test_q_values_are_those_of_benjamini_and_hochberg() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert np.allclose(q_values(p, np.ones(4)), [0.02, 0.04, 0.04, 0.02])


def test_weights_have_a_mean_of_one_and_favour_what_can_just_be_found() -> None:
    weights = weights_for(np.r_[np.full(500, 0.3), np.full(30, 3.5), np.full(30, 50.0)])
    assert weights.mean() == pytest.approx(1)
    assert weights[510] > 100 * weights[0]
    assert weights[510] > weights[-1] > 0
    assert 0 < FALSE_SHARE < 1


def values_of(before: Floats, after: Floats, *, blocks: int = CELLS) -> Values:
    sizes = before.size, after.size
    return Values(
        values=np.concatenate([before, after]),
        is_after=np.repeat([False, True], sizes),
        block=np.concatenate([np.arange(size) * blocks // size for size in sizes]),
    )


def test_heavy_tails_do_not_hide_a_shifted_median_nor_make_one() -> None:
    rng = np.random.default_rng(7)
    same, other = rng.pareto(0.8, 400), rng.pareto(0.8, 400)
    still, moved = shifts_of([values_of(same, other), values_of(same, other + 3)], blocks=CELLS)
    assert still.p > 0.01
    assert moved.p < 1e-6
    assert moved.effect > 0.5


def test_values_that_are_alike_within_blocks_are_worth_less() -> None:
    rng = np.random.default_rng(8)
    alike = [np.repeat(rng.normal(size=CELLS), 40) + rng.normal(size=CELLS * 40) * 0.01 for _ in range(2)]
    shift = shifts_of([values_of(alike[0], alike[1] + 0.6)], blocks=CELLS)[0]
    independent = shifts_of([values_of(rng.normal(size=960), rng.normal(size=960) + 0.6)], blocks=CELLS)[0]
    assert shift.p > 1e-3 > independent.p


def test_a_number_that_only_counts_up_did_not_shift() -> None:
    counter = np.arange(800.0)
    drifting = shifts_of([values_of(counter[:400], counter[400:])], blocks=CELLS)[0]
    stepped = shifts_of([values_of(np.tile(np.arange(20.0), 20), np.tile(np.arange(20.0), 20) + 15)], blocks=CELLS)[0]
    assert drifting.p > 0.01
    assert stepped.p < 1e-6
