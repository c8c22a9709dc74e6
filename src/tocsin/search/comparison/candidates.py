"""Hypotheses about everything that was counted, tested together → those that are discoveries."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.search.comparison.contracts import Asked, SubjectKind
from tocsin.search.comparison.counted import Counted, Things
from tocsin.search.comparison.counts import RateTests, rate_tests, rate_tests_in_tide
from tocsin.search.comparison.discovery import is_told, q_values, weights_for
from tocsin.search.comparison.dispersion import dispersion_of
from tocsin.search.comparison.ranks import LEAST_VALUES, Shift, shifts_of
from tocsin.search.comparison.sampled import CountedValues, Numbers
from tocsin.search.comparison.special import Floats
from tocsin.search.comparison.tides import Tide, tide_of

LEAST_RATIO = 1.25
"""A rate or share that changed by less than this factor is not told, however certain it is."""

LEAST_SHIFT = 0.3
"""A median that moved by less than this many interquartile ranges is not told."""

LEAST_SUPERIORITY = 0.08
"""Nor a number whose values after are greater than those before less often than half the time and this."""

LEAST_SHARE_GAP = 0.1
"""A share near 1 can't grow by ``LEAST_RATIO``: it is told where it and what is left of 1 both moved enough."""

SHARES = {
    SubjectKind.PATTERN: 0.6,
    SubjectKind.METADATA_VALUE: 0.17,
    SubjectKind.NUMBER: 0.11,
    SubjectKind.SERVICE: 0.05,
    SubjectKind.LEVEL: 0.04,
    SubjectKind.VOLUME: 0.03,
}
"""How the false discoveries that may be told are divided among the kinds."""

RISES_SHARE = 1.5
"""How much more readily than evenly a rise is told; 2 would tell no falls. What is new is what people ask about."""

ERROR_SEVERITY = 17
"""From this severity on a few new logs are worth telling."""

_FEW = 60
_FEW_WEIGHT = 0.3
_DOUBLED = float(np.log(2))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A discovery: the ``place``-th of its kind's hypotheses."""

    kind: SubjectKind
    place: int
    p: float
    q: float
    #: ln of the ratio of rates or shares, or how many interquartile ranges the median moved.
    effect: float
    #: What is certain of the effect; orders candidates of all kinds.
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tests:
    """The result of every test; the lists of ``candidates`` refer to these."""

    tide: Tide | None
    rates: dict[SubjectKind, RateTests]
    shifts: list[Shift]
    candidates: list[Candidate]
    asked: Asked


def tested(counted: Counted, values: CountedValues, numbers: Numbers, *, blocks: int, distance: float) -> Tests:
    """Test everything together; ``distance`` between the middles of the windows is in lengths of one."""
    tide = tide_of(counted.patterns.before, counted.patterns.after)
    rates = {
        SubjectKind.PATTERN: _in_tide(counted.patterns, tide),
        SubjectKind.SERVICE: _in_tide(counted.services, tide),
        SubjectKind.LEVEL: _in_tide(counted.levels, tide),
        SubjectKind.VOLUME: rate_tests(counted.volume.before, counted.volume.after, alike=False),
        SubjectKind.METADATA_VALUE: _share_tests(values),
    }
    shifts = shifts_of(numbers.values, blocks=blocks, distance=distance)
    p = {kind: _leaning(tests) for kind, tests in rates.items()}
    if tide is None:
        # Without a common change there is no change of the volume that its parts don't tell better.
        p[SubjectKind.VOLUME] = np.ones_like(p[SubjectKind.VOLUME])
    p[SubjectKind.NUMBER] = np.array([each.p for each in shifts])
    weights = {kind: _rate_weights(tests) for kind, tests in rates.items()}
    weights[SubjectKind.PATTERN] = _pattern_weights(counted.patterns, rates[SubjectKind.PATTERN])
    weights[SubjectKind.NUMBER] = _shift_weights(shifts)
    return Tests(
        tide=tide,
        rates=rates,
        shifts=shifts,
        candidates=_discoveries(p, weights, rates, shifts),
        asked=_asked(rates, shifts, values, numbers),
    )


def _leaning(tests: RateTests) -> Floats:
    """The p-values, with more of the false discoveries that may be told for rises than for falls."""
    return np.minimum(tests.p / np.where(tests.log_ratio > 0, RISES_SHARE, 2 - RISES_SHARE), 1.0)


def _in_tide(things: Things, tide: Tide | None) -> RateTests:
    return rate_tests_in_tide(things.before, things.after, tide)


def _share_tests(values: CountedValues) -> RateTests:
    dispersion = dispersion_of(values.before, values.after)
    exposure = values.before.exposures + values.after.exposures
    share = (values.before.totals + values.after.totals) / np.maximum(exposure, 1)
    # Of a sample, a large share varies less than a rate would.
    narrowed = type(dispersion)(factor=np.maximum(dispersion.factor * (1 - share), 0.05), degrees=dispersion.degrees)
    return rate_tests(values.before, values.after, dispersion=narrowed)


def _rate_weights(tests: RateTests) -> Floats:
    """Weights that find doublings, less for what bursts: the model of its noise is the least certain."""
    weights = weights_for(_DOUBLED * np.sqrt(tests.effective / 4.5))
    return weights / np.maximum(1.0, tests.dispersion)


def _pattern_weights(patterns: Things, tests: RateTests) -> Floats:
    total = tests.before + tests.after
    few = total < _FEW
    is_severe = patterns.severity >= ERROR_SEVERITY
    expected = _DOUBLED * np.sqrt(tests.effective / 4.5)
    # Of a few errors only that they appeared or vanished can be known, and that is worth knowing.
    expected = np.where(few & is_severe, np.sqrt(1.2 * tests.effective), expected)
    weights = weights_for(expected) * np.where(few & ~is_severe, _FEW_WEIGHT, 1.0)
    mean = weights.mean() if weights.size else 1.0
    return weights / max(float(mean), 1e-9) / np.maximum(1.0, tests.dispersion)


def _shift_weights(shifts: list[Shift]) -> Floats:
    smaller = np.array([min(each.count_before, each.count_after) for each in shifts], dtype=np.float64)
    # A shift by half an interquartile range.
    return weights_for(0.55 * np.sqrt(smaller / 2)) if smaller.size else smaller


def _discoveries(
    p: dict[SubjectKind, Floats],
    weights: dict[SubjectKind, Floats],
    rates: dict[SubjectKind, RateTests],
    shifts: list[Shift],
) -> list[Candidate]:
    whole = sum(SHARES[kind] for kind in SHARES if p[kind].size)
    found = []
    for kind in (each for each in SHARES if p[each].size):
        # Each kind by itself: that a number shifted in a hundred patterns makes no count more credible.
        q_of_kind = np.minimum(q_values(p[kind], weights[kind]) * (whole / SHARES[kind]), 1.0)
        told = is_told(q_of_kind)
        if kind is SubjectKind.NUMBER:
            told &= np.array([is_large_shift(each) for each in shifts])
        else:
            told &= large_changes(rates[kind], is_share=kind is SubjectKind.METADATA_VALUE)
        found += [
            _candidate(kind, int(place), float(p[kind][place]), float(q_of_kind[place]), rates, shifts)
            for place in np.flatnonzero(told)
        ]
    return found


def _candidate(
    kind: SubjectKind, place: int, p: float, q: float, rates: dict[SubjectKind, RateTests], shifts: list[Shift]
) -> Candidate:
    if kind is SubjectKind.NUMBER:
        shift = shifts[place]
        effect = shift.effect
        certain = abs(effect) * max(0.0, 1 - 1.64 / max(abs(shift.z), 1.64))
    else:
        effect = float(rates[kind].log_ratio[place])
        certain = abs(effect) - 1.64 * float(rates[kind].error[place])
    return Candidate(kind, place, p, q, effect, certain)


def large_changes(tests: RateTests, *, is_share: bool) -> npt.NDArray[np.bool_]:
    """Which rates or shares changed enough to be told."""
    large = np.abs(tests.log_ratio) >= np.log(LEAST_RATIO)
    if not is_share:
        return np.asarray(large)
    gap = np.abs(tests.share_after - tests.share_before)
    rest = np.abs(np.log((1.02 - tests.share_after) / (1.02 - tests.share_before)))
    return np.asarray(large | ((gap >= LEAST_SHARE_GAP) & (rest >= np.log(LEAST_RATIO))))


def is_large_shift(shift: Shift) -> bool:
    """Whether a number shifted enough to be told."""
    return abs(shift.effect) >= LEAST_SHIFT and abs(shift.superiority) >= LEAST_SUPERIORITY


def _asked(rates: dict[SubjectKind, RateTests], shifts: list[Shift], values: CountedValues, numbers: Numbers) -> Asked:
    asked = {kind: int(tests.is_asked.sum()) for kind, tests in rates.items()}
    left_out = {kind: int((~tests.is_asked).sum()) for kind, tests in rates.items()}
    left_out[SubjectKind.METADATA_VALUE] += values.left_out
    asked[SubjectKind.NUMBER] = sum(min(each.count_before, each.count_after) >= LEAST_VALUES for each in shifts)
    left_out[SubjectKind.NUMBER] = len(shifts) - asked[SubjectKind.NUMBER] + numbers.left_out
    return Asked(tested=asked, left_out=left_out)
