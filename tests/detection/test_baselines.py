"""What counts are compared with."""

from math import exp, fsum, lgamma, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.detection.baselines import PRIOR_CLUMPS, Baselines, View, too_few, too_many

ONE = np.ones(1)


def at_most(count: int, size: float, mean: float) -> float:
    """How likely a negative binomial count of this mean is at most so much."""
    p = size / (size + mean)
    return fsum(
        exp(lgamma(k + size) - lgamma(size) - lgamma(k + 1) + size * log(p) + k * log(1 - p)) for k in range(count + 1)
    )


def learned(counts: list[float], *, traffic: float = 100.0, hour: int = 12) -> Baselines:
    baselines = Baselines()
    baselines.grow(np.array([-1]))
    for count in counts:
        baselines.learn(np.array([count]), np.array([traffic]), hour, ONE)
    return baselines


def score_of(baselines: Baselines, count: float, *, traffic: float = 100.0, minutes: float = 1.0) -> float:
    views = baselines.views(minutes, np.array([traffic]), 12)
    return float(too_many(np.array([count]), views, ONE).score[0])


def test_nothing_surprises_before_anything_was_learned() -> None:
    assert score_of(learned([]), 1_000.0) == 0.0


def test_a_short_history_makes_little_surprising() -> None:
    short, long = learned([0.0] * 10), learned([0.0] * 600)
    assert score_of(short, 5.0) < score_of(long, 5.0)


def test_what_comes_with_traffic_is_no_surprise() -> None:
    baselines = learned([10.0] * 300)
    assert score_of(baselines, 50.0, traffic=500.0) < 1.0 < 10.0 < score_of(baselines, 50.0)


def test_what_this_hour_always_has_is_no_surprise() -> None:
    baselines = learned([40.0] * 120, hour=12)
    for _ in range(600):
        baselines.learn(np.array([1.0]), np.array([100.0]), 3, ONE)
    at_noon, at_night = (
        too_many(np.array([40.0]), baselines.views(1.0, np.array([100.0]), hour), ONE).score[0] for hour in (12, 3)
    )
    assert at_noon < 1.0 < 10.0 < at_night


@given(
    learned_logs=st.floats(0.0, 5_000.0),
    part=st.floats(1e-4, 1.0),
    count=st.integers(0, 500),
)
def test_the_score_never_overstates_how_unlikely_a_count_is(learned_logs: float, part: float, count: int) -> None:
    view = View(np.array([learned_logs]), np.array([part]))
    score = too_many(np.array([float(count)]), [view], ONE).score[0]
    size = learned_logs + PRIOR_CLUMPS
    assert 10.0**-score >= (1 - at_most(count - 1, size, size * part) if count else 1.0) - 1e-9


@given(learned_logs=st.floats(1.0, 5_000.0), part=st.floats(1e-3, 1.0), count=st.integers(0, 500))
def test_nor_how_unlikely_it_is_to_miss_so_many(learned_logs: float, part: float, count: int) -> None:
    view = View(np.array([learned_logs]), np.array([part]))
    score = too_few(np.array([float(count)]), [view], ONE).score[0]
    assert 10.0**-score >= at_most(count, learned_logs, learned_logs * part) - 1e-9


def test_a_new_series_was_not_there_while_others_were_watched() -> None:
    baselines = learned([10.0] * 240)
    baselines.grow(np.array([0, -1]))
    views = baselines.views(1.0, np.full(3, 100.0), 12)
    scores = too_many(np.full(3, 12.0), views, np.ones(3)).score
    assert scores[1] > scores[0]
    assert scores[2] == 0.0


def test_merged_series_have_the_logs_of_both() -> None:
    baselines = learned([10.0] * 60)
    baselines.grow(np.array([0]))
    baselines.recent[1] = 60.0
    before = baselines.recent.copy()
    baselines.merge(np.array([1]), np.array([0]))
    assert baselines.recent[0] == pytest.approx(before.sum())
    assert baselines.recent[1] == 0.0


def test_what_comes_in_clumps_is_looked_at_in_clumps() -> None:
    steady, clumpy = learned([10.0] * 200), learned([0.0, 20.0] * 100)
    assert steady.clumps(ONE)[0] == pytest.approx(1.0, abs=0.3)
    assert clumpy.clumps(ONE)[0] > 5.0
