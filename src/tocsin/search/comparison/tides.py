"""What all things have in common: a tide that lifts every rate at once is one change, not a thousand."""

from dataclasses import dataclass

import numpy as np

from tocsin.search.comparison.dispersion import Cells, own_variance
from tocsin.search.comparison.special import Floats

FEWEST_THINGS = 6
"""Among fewer things than this, which of them are the tide and which have changed can't be told: there is none."""

LARGEST_PART = 0.1
"""A thing has at most this part in the tide, however many logs it has: so none drags the tide along."""

CERTAIN_ERRORS = 3.0
"""A common change of more standard errors than this is one."""

EXPLAINED_SHARE = 0.85
"""A tide leaves less than this share of the variance within the windows; chance alone leaves about nine tenths."""

_LEAST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Tide:
    """The common course of the rates: within each window by cell, with a mean of 1, and between the windows."""

    before: Floats
    after: Floats
    #: The common rate after, as a multiple of that before.
    factor: float
    #: The standard error of its logarithm.
    error: float


def tide_of(before: Cells, after: Cells) -> Tide | None:
    """The tide of these things; None where they show none, or are too few to have one.

    They show one where their common rate is another after than before, or where their cells follow its course.
    """
    total = before.totals + after.totals
    parts = _parts(total)
    if parts is None:
        return None
    weights = parts / np.maximum(total, _LEAST)
    middle, error = _median_change(before, after, parts)
    tide = Tide(
        before=_course(before, weights), after=_course(after, weights), factor=float(np.exp(middle)), error=error
    )
    if abs(middle) > CERTAIN_ERRORS * error or _explains(before, after, tide, parts):
        return tide
    return None


def _explains(before: Cells, after: Cells, tide: Tide, parts: Floats) -> bool:
    """Whether the things vary plainly less around the tide's course than around a level."""
    at_rest = carried = 0.0
    parts = parts / np.maximum(before.totals + after.totals, _LEAST)
    for window, course in ((before, tide.before), (after, tide.after)):
        at_rest += float((own_variance(window, lags=0)[0] * parts).sum())
        carried += float((own_variance(with_tide(window, course), lags=0)[0] * parts).sum())
    return carried < EXPLAINED_SHARE * at_rest


def with_tide(window: Cells, course: Floats) -> Cells:
    """The same counts, where a chance to be logged comes and goes with the tide."""
    return Cells(counts=window.counts, exposure=window.exposure * course)


def _parts(total: Floats) -> Floats | None:
    """How much each thing counts for; None where ``LARGEST_PART`` leaves less than all."""
    if np.count_nonzero(total) < FEWEST_THINGS:
        return None
    parts = total / total.sum()
    for _ in range(30):
        largest = max(LARGEST_PART, 1.5 / np.count_nonzero(total)) * parts.sum()
        parts = np.minimum(parts, largest)
    return np.asarray(parts / parts.sum())


def _course(window: Cells, weights: Floats) -> Floats:
    exposure = np.asarray(window.exposure, dtype=np.float64)
    level = (weights[:, None] * window.counts).sum(axis=0) / np.maximum(exposure, _LEAST)
    mean = float((level * exposure).sum() / max(exposure.sum(), _LEAST))
    return np.asarray(level / mean) if mean > 0 else np.ones_like(level)


def _median_change(before: Cells, after: Cells, parts: Floats) -> tuple[float, float]:
    first, second = before.totals, after.totals
    ratios = np.log((second + 0.5) / (first + 0.5)) - np.log(after.exposures / np.maximum(before.exposures, _LEAST))
    # Rare things have ratios of little meaning, and there may be thousands of them.
    certainty = np.minimum(parts, parts * (first + second) / 20)
    order = np.argsort(ratios, kind="stable")
    running = np.cumsum(certainty[order])
    middle = ratios[order][np.searchsorted(running, running[-1] / 2)]
    lower, upper = (ratios[order][np.searchsorted(running, running[-1] * share)] for share in (0.25, 0.75))
    things = float(certainty.sum() ** 2 / np.square(certainty).sum())
    return float(middle), float(1.25 * (upper - lower) / 1.349 / np.sqrt(things))
