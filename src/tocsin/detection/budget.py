"""How surprising something has to be, so that chance alone opens no more incidents than people put up with."""

from collections import deque
from collections.abc import Sequence
from math import log, log10

import numpy as np

WEEK_HOURS = 168

LOOKS_A_WEEK = 604_800 / 30
"""Independent ones: windows overlap, so looking more often is no more chance to err."""

CALM_HOURS = 24
"""With fewer hours seen, only the theory counts."""

MOST_HOURS = 2 * WEEK_HOURS

MOST_TIMES_THEORY = 2.5
"""However wild an organization's logs are: what is this surprising is always said."""

_LN_TEN = log(10)


class FalseAlarmBudget:
    """The threshold of one organization.

    The theory is that of many tests: what each may err is the budget divided by their number. Where an organization's
    logs are wilder than the baselines think, its highest scores of each hour show it: they are taken to be distributed
    as maxima are (E. J. Gumbel, 1941), fitted by two quantiles, so that a few hours with real trouble do no harm.
    """

    def __init__(self, a_week: float, highest: Sequence[float] = ()) -> None:
        """Allow so many false incidents a week; ``highest`` are the scores of past hours."""
        self._a_week = a_week
        self._highest = deque(highest, maxlen=MOST_HOURS)

    @property
    def highest(self) -> Sequence[float]:
        """The highest score of each hour of late."""
        return tuple(self._highest)

    def learn(self, highest: float) -> None:
        """Take in an hour's highest score of anything that could have opened an incident."""
        self._highest.append(highest)

    def threshold(self, series: int) -> float:
        """The score from which on something opens an incident, with so many series watched."""
        theory = log10(max(1.0, series * LOOKS_A_WEEK / self._a_week))
        if len(self._highest) < CALM_HOURS:
            return theory
        quarter, half = np.quantile(list(self._highest), [0.25, 0.5])
        # Of a Gumbel distribution: the quantile p lies at mode − scale · ln(−ln p).
        scale = max((half - quarter) / (log(log(4)) - log(log(2))), 1 / _LN_TEN)
        mode = half + scale * log(log(2))
        shown = mode + scale * log(WEEK_HOURS / self._a_week)
        return float(min(max(theory, shown), MOST_TIMES_THEORY * theory))
