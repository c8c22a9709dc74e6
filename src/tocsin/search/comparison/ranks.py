"""Did the values of a number shift? A rank test whose blocks of neighbouring logs may be alike inside."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.search.comparison.dispersion import drawn_together
from tocsin.search.comparison.special import Floats, student_two_sided

LEAST_VALUES = 12
"""Fewer values than this in either window say nothing about a shift."""

WOBBLE_OF_RANKS = 0.03
"""No process keeps the mean relative rank of its values more exactly than this from window to window."""

MOST_MEMORY = 0.98
"""A number whose neighbouring values are as alike as this was seen a hundred times to change once."""

_TREND_ERRORS = 3.0
_LEAST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Values of one number in both windows."""

    values: Floats
    is_after: npt.NDArray[np.bool_]
    #: The block of each value, counted within its window.
    block: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What a number's values are like in both windows."""

    count_before: int
    count_after: int
    median_before: float
    median_after: float
    #: The range of the middle half of the values before (of all, where that is nothing).
    iqr: float
    #: P(a value after is greater than one before), ties halved, minus a half.
    superiority: float
    p: float
    #: How well the shift is known: its statistic.
    z: float

    @property
    def effect(self) -> float:
        """How many interquartile ranges the median moved."""
        return (self.median_after - self.median_before) / self.iqr if self.iqr > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Sums of the scores of one window by block, and what follows from them."""

    mean: float
    count: float
    own_variance: float
    blocks: int
    slope: float
    slope_variance: float


def shifts_of(numbers: list[Values], *, blocks: int, distance: float = 1.0) -> list[Shift]:
    """The shift of each number; ``distance`` between the windows' middles is in lengths of a window.

    Source: the rank sum test of Wilcoxon, Mann and Whitney, with the variance of means of clustered scores in place of
    that of independent ones.
    """
    if not numbers:
        return []
    scores = [_scores(each.values) for each in numbers]
    windows = [
        tuple(_blocks_of(score[part], each.block[part], blocks) for part in (~each.is_after, each.is_after))
        for each, score in zip(numbers, scores, strict=True)
    ]
    counts = np.array([[window.count for window in pair] for pair in windows])
    variances = np.array([max(float(score.var()), _LEAST) for score in scores])
    own = np.array([sum(w.own_variance * w.count for w in pair) for pair in windows]) / (
        variances * np.maximum(counts.sum(axis=1), _LEAST)
    )
    degrees = np.array([float(sum(max(1, w.blocks - 1) for w in pair)) for pair in windows])
    dispersion = drawn_together(own, degrees, counts.sum(axis=1))
    memory = np.array([_memory(score, each.is_after) for each, score in zip(numbers, scores, strict=True)])
    unit = dispersion.factor * variances * (1 + memory) / (1 - memory)
    error = np.sqrt(unit * (1 / np.maximum(counts, 1)).sum(axis=1) + WOBBLE_OF_RANKS**2)
    difference = np.array([after.mean - before.mean for before, after in windows])
    drift, drift_error = _drift(windows, unit, distance)
    apart = np.where(np.abs(difference - drift) < np.abs(difference), difference - drift, difference)
    z = np.where(drift != 0, apart / np.hypot(error, drift_error), difference / error)
    enough = counts.min(axis=1) >= LEAST_VALUES
    p = np.where(enough, student_two_sided(z, dispersion.degrees), 1.0)
    return [_shift(each, float(p[place]), float(z[place]), difference[place]) for place, each in enumerate(numbers)]


def _scores(values: Floats) -> Floats:
    """Relative mid-ranks, from -0.5 to 0.5."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(middle[inverse] / values.size - 0.5 - 0.5 / values.size)


def _memory(scores: Floats, is_after: npt.NDArray[np.bool_]) -> float:
    """How much each value is like the one before it, from 0 to ``MOST_MEMORY``: a gauge is seen often and moves seldom.

    Chance makes a correlation of one standard error; only what is beyond two counts.
    """
    largest = 0.0
    for part in (scores[~is_after], scores[is_after]):
        if part.size < LEAST_VALUES:
            continue
        centred = part - part.mean()
        variance = float(np.square(centred).sum())
        correlation = float((centred[1:] * centred[:-1]).sum()) / variance if variance > 0 else 1.0
        if correlation > 2 / np.sqrt(part.size):
            largest = max(largest, correlation)
    return min(largest, MOST_MEMORY)


def _blocks_of(scores: Floats, block: npt.NDArray[np.int64], blocks: int) -> _Blocks:
    count = np.bincount(block, minlength=blocks).astype(np.float64)
    total = np.bincount(block, weights=scores, minlength=blocks)
    whole = max(float(count.sum()), _LEAST)
    mean = float(total.sum()) / whole
    residual = total - mean * count
    used = int(np.count_nonzero(count))
    lagged = 2 * float((residual[1:] * residual[:-1]).sum()) * 0.5
    kept = max(1, used - 2) / max(1, used)
    variance = max(0.0, float(np.square(residual).sum()) + lagged) / whole / kept
    time = (np.arange(blocks) + 0.5) / blocks
    centred = time - float((time * count).sum()) / whole
    inertia = max(float((np.square(centred) * count).sum()), _LEAST)
    return _Blocks(mean, whole, variance, used, float((centred * residual).sum()) / inertia, 1 / inertia)


def _drift(windows: list[tuple[_Blocks, ...]], unit: Floats, distance: float) -> tuple[Floats, Floats]:
    """What the trend within the windows makes of the time between them, where there plainly is one; else 0.

    So a number that only counts up is not told to have shifted.
    """
    slopes = np.array([[window.slope for window in pair] for pair in windows])
    variances = np.array([[window.slope_variance for window in pair] for pair in windows]) * unit[:, None]
    precision = 1 / np.maximum(variances, _LEAST)
    slope = (slopes * precision).sum(axis=1) / precision.sum(axis=1)
    slope_error = 1 / np.sqrt(precision.sum(axis=1))
    is_trend = np.abs(slope) > _TREND_ERRORS * slope_error
    return np.where(is_trend, slope * distance, 0.0), np.where(is_trend, slope_error * distance, 0.0)


def _shift(each: Values, p: float, z: float, difference: float) -> Shift:
    before, after = each.values[~each.is_after], each.values[each.is_after]
    lower, upper = np.quantile(before, [0.25, 0.75]) if before.size else (0.0, 0.0)
    if upper <= lower:
        lower, upper = np.quantile(each.values, [0.25, 0.75]) if each.values.size else (0.0, 0.0)
    return Shift(
        count_before=before.size,
        count_after=after.size,
        median_before=float(np.median(before)) if before.size else 0.0,
        median_after=float(np.median(after)) if after.size else 0.0,
        iqr=float(upper - lower),
        superiority=float(difference),
        p=p,
        z=z,
    )
