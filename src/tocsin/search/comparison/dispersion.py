"""How much more the counts of a thing vary than counts of independent events would.

A *cell* is a short part of a window. From the cells within each window, never from the difference between the windows,
follows the variance of a window's total: with the covariance of neighbouring cells, since bursts outlast a cell. One
thing's cells say little about it, so it is judged together with the others of its kind, unless it plainly bursts more.
"""

from dataclasses import dataclass

import numpy as np

from tocsin.search.comparison.special import Floats

FEW_LAGS, MANY_LAGS = 1, 4
"""Neighbouring cells whose covariance counts; many where the things show that their bursts outlast a cell. More see
longer bursts, and leave fewer degrees of freedom."""

WOBBLE = 0.04
"""No process keeps its rates more exactly than this from one window to the next, however many logs it writes."""

OWN_SHARE = 0.7
"""A thing whose own dispersion exceeds the common one keeps at least this much of it: no kin talks a burst away."""

MAX_PRIOR_DEGREES = 200.0
"""The common dispersion never counts for more than this many degrees of freedom."""

_CLIP = 5.0
_BINS = 6
_LEAST = 1e-9
_TELLING_LOGS = 200.0
_CERTAIN_ERRORS = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Counts of things in the cells of one window."""

    #: Shape ``(things, cells)``.
    counts: Floats
    #: How much of what is counted in there was a chance in each cell: seconds, or logs that were looked at. Shape
    #: ``(cells,)``, or ``(things, cells)``.
    exposure: Floats

    @property
    def totals(self) -> Floats:
        """Shape ``(things,)``."""
        return np.asarray(self.counts.sum(axis=1))

    @property
    def exposures(self) -> Floats:
        """Shape ``(things,)``."""
        return np.asarray(np.broadcast_to(self.exposure, self.counts.shape).sum(axis=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispersion:
    """The variance of a total as a multiple of its mean, and how well it is known; each of shape ``(things,)``."""

    factor: Floats
    degrees: Floats


def dispersion_of(before: Cells, after: Cells) -> Dispersion:
    """The dispersion of each thing over both windows."""
    totals = before.totals + after.totals
    lags = MANY_LAGS if _outlasts_a_cell(before, after, totals) else FEW_LAGS
    own, own_degrees = _own(before, after, totals, lags)
    return drawn_together(own, own_degrees, totals)


def drawn_together(own: Floats, own_degrees: Floats, totals: Floats) -> Dispersion:
    """Each thing's own dispersion, drawn towards that of things with about as many logs."""
    common = _common(own, own_degrees, totals)
    prior_degrees = _prior_degrees(own / common, own_degrees)
    degrees = own_degrees + prior_degrees
    drawn = (own * own_degrees + common * prior_degrees) / np.maximum(degrees, _LEAST)
    is_own = OWN_SHARE * own > drawn
    factor = np.maximum(1.0, np.where(is_own, OWN_SHARE * own, drawn))
    return Dispersion(factor=factor, degrees=np.maximum(2.0, np.where(is_own, own_degrees, degrees)))


def _own(before: Cells, after: Cells, totals: Floats, lags: int) -> tuple[Floats, Floats]:
    """Each thing's own dispersion and its degrees of freedom, which sparse counts have fewer of."""
    variance, degrees, cells = np.zeros_like(totals), 0.0, 0
    for window in (before, after):
        within, window_degrees = own_variance(window, lags=lags)
        variance += within
        degrees += window_degrees
        cells += window.counts.shape[1]
    own = variance / np.maximum(totals, _LEAST)
    # Source: for Poisson counts with mean m, Var(chi-square statistic / cells) = (2 + 1/m) / cells.
    mean = np.maximum(totals, _LEAST) / cells
    return own, degrees / (1 + 1 / (2 * mean))


def own_variance(window: Cells, *, lags: int) -> tuple[Floats, float]:
    """The variance of each total and its degrees of freedom, with Bartlett's weights for the covariances.

    Source: Newey and West (1987), with the bias of the estimated mean removed for white noise.
    """
    cells = window.counts.shape[1]
    lags = max(0, min(lags, cells // 6))
    residual = _residual(window)
    variance = np.square(residual).sum(axis=1)
    for lag in range(1, lags + 1):
        weight = 2 * (1 - lag / (lags + 1))
        variance = variance + weight * (residual[:, lag:] * residual[:, :-lag]).sum(axis=1)
    kept = 1 - (lags + 1) / cells if cells > 1 else 1.0
    degrees = max(1.0, (cells - 1) * (1.0 if lags == 0 else 1.5 / (lags + 1)))
    return np.maximum(0.0, variance) / kept, degrees


def _residual(window: Cells) -> Floats:
    exposure = np.broadcast_to(window.exposure, window.counts.shape)
    whole = np.maximum(exposure.sum(axis=1, keepdims=True), _LEAST)
    return np.asarray(window.counts - window.counts.sum(axis=1, keepdims=True) / whole * exposure)


def _outlasts_a_cell(before: Cells, after: Cells, totals: Floats) -> bool:
    """Whether neighbouring cells of most things have something in common: their mean correlation over a few lags."""
    weights = np.minimum(totals, _TELLING_LOGS)
    correlation, information = 0.0, _LEAST
    for window in (before, after):
        cells = window.counts.shape[1]
        if cells < 6 * MANY_LAGS // 2:
            continue
        residual = _residual(window)
        variance = np.maximum(np.square(residual).sum(axis=1), _LEAST)
        for lag in range(1, MANY_LAGS + 1):
            covariance = (residual[:, lag:] * residual[:, :-lag]).sum(axis=1)
            # The estimated mean makes each correlation smaller by one part in so many cells.
            correlation += float((weights * (covariance / variance + 1 / cells)).sum())
            information += float(np.square(weights).sum()) / cells
    return bool(correlation > _CERTAIN_ERRORS * np.sqrt(information))


def _common(own: Floats, degrees: Floats, totals: Floats) -> Floats:
    """The dispersion that things with about so many logs have together: piecewise linear in the logarithm."""
    if not own.size:
        return own
    size = np.log1p(totals)
    order = np.argsort(size, kind="stable")
    bins = [each for each in np.array_split(order, min(_BINS, max(1, own.size // 20))) if each.size]
    centres = np.array([size[each].mean() for each in bins])
    levels = np.array([_winsorised_mean(own[each], degrees[each]) for each in bins])
    # Larger counts never vary less, relative to their mean: a shared wobble grows with them.
    return np.maximum(1.0, np.interp(size, centres, np.maximum.accumulate(np.maximum(levels, 1.0))))


def _winsorised_mean(values: Floats, weights: Floats) -> float:
    """The weighted mean, values far above the median taken for less, so that a few bursts are not everybody's."""
    typical = max(1.0, float(np.median(values)))
    return float(np.average(np.minimum(values, _CLIP * typical), weights=np.maximum(weights, _LEAST)))


def _prior_degrees(ratios: Floats, degrees: Floats) -> float:
    """How much the common dispersion is worth: the less the things differ beyond chance, the more.

    Source: the moments of a scaled F distribution, as in Smyth (2004), clipped so that few outliers don't decide.
    """
    if ratios.size < 2:
        return 0.0
    spread = np.square(np.minimum(ratios, _CLIP) - 1) - 2 / np.maximum(degrees, 1.0)
    beyond_chance = float(np.average(spread, weights=np.maximum(degrees, _LEAST)))
    gathered = float(degrees.sum())
    return min(MAX_PRIOR_DEGREES, gathered, 2 / beyond_chance if beyond_chance > 0 else MAX_PRIOR_DEGREES)
