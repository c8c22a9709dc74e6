"""Did a rate change? Tests of counts in two windows, for whole columns of things at once."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tocsin.search.comparison.dispersion import WOBBLE, Cells, Dispersion, dispersion_of
from tocsin.search.comparison.special import (
    SMALLEST_P,
    Floats,
    normal_quantile_of_tail,
    regularised_beta,
    student_two_sided,
)
from tocsin.search.comparison.tides import Tide, with_tide

MANY_ALIKE = 20
"""From so many things on, how far their statistics spread says how far those of things that did not change do."""

MAX_SPREAD = 3.0
"""The spread of the statistics is never taken for more than this: where everything changed, it is no noise."""

LEAST_COUNT = 5
"""Things with fewer logs than this in both windows together are not asked about: they can't show a change."""

PLAINLY = 0.8
"""A dispersion that is less than this share of another is plainly less."""

_HALF = 0.5
_FARTHEST = 4.0
_MANY_EVENTS = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTests:
    """The result for each thing; all of shape ``(things,)``."""

    before: Floats
    after: Floats
    #: How much longer the second window is, or how much more of it was looked at.
    exposure_ratio: Floats
    #: Of the exposure: rates, or shares of what was looked at.
    share_before: Floats
    share_after: Floats
    #: ln(rate after / rate before), half a log added to each.
    log_ratio: Floats
    #: The standard error of ``log_ratio``.
    error: Floats
    p: Floats
    #: How much burstier than independent events; at least 1.
    dispersion: Floats
    #: Logs' worth of independent events in both windows.
    effective: Floats
    is_asked: npt.NDArray[np.bool_]


def rate_tests(
    before: Cells,
    after: Cells,
    *,
    dispersion: Dispersion | None = None,
    factor: float = 1.0,
    factor_error: float = 0.0,
    alike: bool = True,
) -> RateTests:
    """Test whether each thing's rate after is ``factor`` times its rate before.

    A binomial test, given the sum of both counts, on as many events as the dispersion leaves of the logs; then with the
    degrees of freedom with which the dispersion is known. ``alike`` things tell each other how far chance goes.
    """
    if dispersion is None:
        dispersion = dispersion_of(before, after)
    first, second = before.totals, after.totals
    exposure_ratio = after.exposures / np.maximum(before.exposures, 1e-9)
    share = exposure_ratio * factor / (1 + exposure_ratio * factor)
    total = first + second
    inflation = dispersion.factor + total * share * (1 - share) * (WOBBLE**2 + factor_error**2)
    z = signed_statistic(first / inflation, second / inflation, share)
    is_asked = total >= LEAST_COUNT
    if alike:
        z = z / max(spread_of(z[is_asked]), spread_within(before, after, inflation))
    p = student_two_sided(z, dispersion.degrees)
    log_ratio = np.log((second + _HALF) / (first + _HALF)) - np.log(np.maximum(exposure_ratio, 1e-9))
    error = np.sqrt(inflation * (1 / (first + _HALF) + 1 / (second + _HALF)))
    return RateTests(
        before=first,
        after=second,
        exposure_ratio=exposure_ratio,
        share_before=first / np.maximum(before.exposures, 1e-9),
        share_after=second / np.maximum(after.exposures, 1e-9),
        log_ratio=log_ratio,
        error=error,
        p=np.where(is_asked, p, 1.0),
        dispersion=dispersion.factor,
        effective=total / inflation,
        is_asked=is_asked,
    )


def rate_tests_in_tide(before: Cells, after: Cells, tide: Tide | None) -> RateTests:
    """Test whether each thing's rate changed by itself: neither as the clock goes nor as the tide does.

    A thing whose cells plainly follow one of the two is tested against that alone; any other has to differ from both.
    """
    steady = rate_tests(before, after)
    if tide is None:
        return steady
    carried_before, carried_after = with_tide(before, tide.before), with_tide(after, tide.after)
    at_rest, carried = dispersion_of(before, after), dispersion_of(carried_before, carried_after)
    drifting = rate_tests(
        carried_before, carried_after, dispersion=carried, factor=tide.factor, factor_error=tide.error
    )
    is_carried = carried.factor < PLAINLY * at_rest.factor
    is_steady = at_rest.factor < PLAINLY * carried.factor
    chosen = np.where(is_carried, drifting.p, np.where(is_steady, steady.p, np.maximum(drifting.p, steady.p)))
    return replace(
        steady,
        p=chosen,
        error=np.where(is_carried, drifting.error, steady.error),
        dispersion=np.where(is_carried, drifting.dispersion, steady.dispersion),
        effective=np.where(is_carried, drifting.effective, steady.effective),
    )


def signed_statistic(before: Floats, after: Floats, share: Floats) -> Floats:
    """The normal deviate of an exact binomial test that ``share`` of all events are after; counts may be fractions.

    Of many events it is the signed root of the deviance, which is the same by then.
    """
    before, after, share = np.broadcast_arrays(before, after, share)
    total = before + after
    z = _root_of_deviance(before, after, np.clip(share, 1e-12, 1 - 1e-12))
    few = total < _MANY_EVENTS
    z[few] = _exact_statistic(before[few], after[few], share[few])
    return z


def _root_of_deviance(before: Floats, after: Floats, share: Floats) -> Floats:
    total = np.maximum(before + after, 1e-9)
    deviance = np.zeros_like(total)
    for count, part in ((before, 1 - share), (after, share)):
        deviance += count * np.log(np.maximum(count, 1e-300) / (total * part))
    return np.asarray(np.sign(after - total * share) * np.sqrt(2 * np.maximum(deviance, 0)))


def _exact_statistic(before: Floats, after: Floats, share: Floats) -> Floats:
    rises = regularised_beta(after, before + 1, share)
    falls = regularised_beta(before, after + 1, 1 - share)
    p = np.maximum(np.minimum(rises, falls), SMALLEST_P)
    z = normal_quantile_of_tail(np.minimum(p, 0.5))
    return np.asarray(np.where(rises <= falls, z, -z))


def spread_within(before: Cells, after: Cells, inflation: Floats) -> float:
    """How far the statistics of the halves of one window spread: bursts that outlast many cells show here."""
    found = []
    for window in (before, after):
        middle = window.counts.shape[1] // 2
        exposure = np.broadcast_to(window.exposure, window.counts.shape)
        first, second = (window.counts[:, part].sum(axis=1) for part in (slice(middle), slice(middle, None)))
        share = exposure[:, middle:].sum(axis=1) / np.maximum(exposure.sum(axis=1), 1e-9)
        is_asked = first + second >= LEAST_COUNT
        z = signed_statistic(first / inflation, second / inflation, share)
        found.append(np.minimum(np.square(z[is_asked]), _FARTHEST**2))
    squares = np.concatenate(found)
    drawn = (squares.sum() + MANY_ALIKE) / (squares.size + MANY_ALIKE)
    return float(np.clip(np.sqrt(drawn), 1.0, MAX_SPREAD))


def spread_of(z: Floats) -> float:
    """How far statistics of things that did not change spread, from the middle half of all; never less than 1.

    Source: Efron (2004), the empirical null, drawn towards 1 where there are few things.
    """
    if z.size < MANY_ALIKE:
        return 1.0
    lower, upper = np.quantile(z, [0.25, 0.75])
    variance = ((upper - lower) / 1.349) ** 2
    drawn = (z.size * variance + MANY_ALIKE) / (z.size + MANY_ALIKE)
    return float(np.clip(np.sqrt(drawn), 1.0, MAX_SPREAD))
