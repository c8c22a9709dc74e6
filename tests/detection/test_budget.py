"""How surprising something has to be."""

import numpy as np
import pytest

from tocsin.detection.budget import CALM_HOURS, MOST_HOURS, FalseAlarmBudget


def test_more_series_need_more_surprise() -> None:
    budget = FalseAlarmBudget(1.0)
    assert budget.threshold(10_000) == pytest.approx(budget.threshold(100) + 2.0)


def test_who_puts_up_with_more_is_told_more() -> None:
    assert FalseAlarmBudget(10.0).threshold(100) == pytest.approx(FalseAlarmBudget(1.0).threshold(100) - 1.0)


def test_few_hours_change_nothing() -> None:
    assert FalseAlarmBudget(1.0, [40.0] * (CALM_HOURS - 1)).threshold(100) == FalseAlarmBudget(1.0).threshold(100)


@pytest.mark.parametrize("a_week", [0.2, 1.0, 10.0])
def test_wild_logs_open_as_many_incidents_as_the_budget_allows(a_week: float) -> None:
    random = np.random.default_rng(7)
    weeks = 400
    highest = random.gumbel(9.0, 1.2, size=weeks * 168)
    budget = FalseAlarmBudget(a_week, highest[:MOST_HOURS].tolist())
    opened = (highest > budget.threshold(50)).sum() / weeks
    assert opened <= 2.5 * a_week


def test_a_few_hours_of_real_trouble_make_nobody_deaf() -> None:
    calm = np.random.default_rng(7).gumbel(3.0, 0.5, size=MOST_HOURS)
    troubled = calm.copy()
    troubled[::20] = 200.0
    before, after = (FalseAlarmBudget(1.0, each.tolist()).threshold(100) for each in (calm, troubled))
    assert after < before + 1.0


def test_only_so_many_hours_are_remembered() -> None:
    budget = FalseAlarmBudget(1.0)
    for hour in range(MOST_HOURS + 10):
        budget.learn(float(hour))
    assert len(budget.highest) == MOST_HOURS
    assert budget.highest[0] == 10.0
