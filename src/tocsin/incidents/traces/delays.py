"""What takes longer than before: the time between two lines that follow each other in a trace.

The mean logarithm now is held against the earlier ones, in units of how far such means differ by chance: from line to
line, and from one time to another. The latter is learned for each gap, from all gaps where its own times are few. What
makes most gaps longer is load, and no clue. Gaps between the same two services say much the same: one clue for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tocsin.incidents.traces.clues import (
    OTHER_END,
    Clues,
    Floats,
    Ints,
    PastTraces,
    aligned,
    comparable,
    positions,
    strongest,
)
from tocsin.topology.trace_profile import JITTER_MILLISECONDS, TraceProfile

POOLED_TIMES = 5.0
"""How many earlier times the drift of all gaps is worth when a gap's own is learned. 2 to 10 change little."""

LINE_VARIANCE = 0.25
"""What one line more says of the variance from line to line, for gaps that were seen once. 0.1 to 1 change little."""

ENOUGH_LINES = 5
"""Fewer lines say nothing of the drift and the load."""

_GAP = ("before_service", "before_event", "service", "event")


@dataclass(frozen=True, slots=True)
class _Means:
    """Counts and means of gaps, each ``(n_keys,)`` or ``(n_past, n_keys)``."""

    count: Floats
    mean: Floats


@dataclass(frozen=True, slots=True)
class _Noise:
    """Of each gap ``(n_keys,)``: variance from line to line, and from one time to another."""

    line: Floats
    drift: Floats


def longer_gaps(now: TraceProfile, past: Sequence[PastTraces], services: Sequence[str]) -> Clues:
    """Gaps that are longer. Of a gap between two services the called one is suspected, less so the caller."""
    keys = now.gaps
    before_service, service = positions(keys["before_service"], services), positions(keys["service"], services)
    open_times = comparable(past, services)
    fair = open_times[:, before_service] * open_times[:, service]
    tables = [earlier.profile.gaps for earlier in past]
    earlier = _Means(aligned(keys, tables, _GAP, "count") * fair, aligned(keys, tables, _GAP, "mean"))
    variances = aligned(keys, tables, _GAP, "variance")
    measured = _Means(keys["count"].to_numpy().astype(np.float64), keys["mean"].to_numpy())
    together = _together(earlier)
    noise = _noise(measured, keys["variance"].to_numpy(), earlier, variances, together)
    current = _Means(measured.count, measured.mean - _load(measured, together))
    strength = _longer(current, earlier, together, noise)
    chosen = strongest(_one_a_pair(strength, before_service * len(services) + service))
    suspects = _suspects(before_service[chosen], service[chosen], _call_counts(now, past, services))
    reasons = [
        f"{_milliseconds(mean)} ms between {_ends(*names)}, before {_milliseconds(was)} ms"
        for names, mean, was in zip(
            keys[chosen].select(_GAP).iter_rows(), measured.mean[chosen], together.mean[chosen], strict=True
        )
    ]
    return Clues(strength=strength[chosen], suspects=suspects, reasons=reasons)


def _together(earlier: _Means) -> _Means:
    count = earlier.count.sum(axis=0)
    return _Means(count, (earlier.count * earlier.mean).sum(axis=0) / np.maximum(count, 1))


def _load(current: _Means, together: _Means) -> float:
    """How much longer gaps are in general, in the middle."""
    known = (current.count >= ENOUGH_LINES) & (together.count >= ENOUGH_LINES)
    return max(float(np.median((current.mean - together.mean)[known])), 0.0) if known.any() else 0.0


def _noise(current: _Means, variance: Floats, earlier: _Means, variances: Floats, together: _Means) -> _Noise:
    free = np.maximum(earlier.count - 1, 0)
    own = np.maximum(current.count - 1, 0)
    line = ((free * variances).sum(axis=0) + own * variance + LINE_VARIANCE) / (free.sum(axis=0) + own + 1)
    known = earlier.count >= ENOUGH_LINES
    many = known.sum(axis=0) >= 2
    apart = (earlier.mean - together.mean) ** 2 - line / np.maximum(earlier.count, 1)
    drifts = np.where(many, np.where(known, apart, 0).sum(axis=0), 0)
    times = np.where(many, known.sum(axis=0) - 1, 0)
    pooled = max(float(drifts.sum()) / max(int(times.sum()), 1), 0.001)
    return _Noise(line, (POOLED_TIMES * pooled + np.maximum(drifts, 0)) / (POOLED_TIMES + times))


def _longer(current: _Means, earlier: _Means, together: _Means, noise: _Noise) -> Floats:
    """The logarithm of the Bayes factor for a longer gap, less what an earlier time also showed against the others.

    One line can't say more than that its gap is the longest of all so far.
    """
    times = (earlier.count > 0).sum(axis=0)
    now = _factor(current, together, noise, times)
    rest = together.count - earlier.count
    others = _Means(rest, (together.count * together.mean - earlier.count * earlier.mean) / np.maximum(rest, 1))
    then = _factor(earlier, others, noise, times - 1)
    result: Floats = np.maximum(now - then.max(axis=0, initial=0.0), 0.0)
    return result


def _one_a_pair(strength: Floats, pair: Ints) -> Floats:
    """Only the strongest clue of each pair keeps its strength."""
    order = np.lexsort((-strength, pair))
    _, first = np.unique(pair[order], return_index=True)
    kept = np.zeros_like(strength)
    kept[order[first]] = strength[order[first]]
    return kept


def _factor(first: _Means, second: _Means, noise: _Noise, times: Ints) -> Floats:
    both = (first.count > 0) & (second.count > 0)
    one, other = np.maximum(first.count, 1), np.maximum(second.count, 1)
    spread = np.sqrt(noise.line * (1 / one + 1 / other) + noise.drift * (1 + 1 / np.maximum(times, 1)))
    deviation = (first.mean - second.mean) / spread
    factor = deviation**2 / 2 - 0.5 * np.log1p(np.minimum(one, other))
    bounded = np.minimum(factor, one * np.log1p(second.count))
    return np.where(both & (deviation > 0), np.maximum(bounded, 0.0), 0.0)


def _call_counts(now: TraceProfile, past: Sequence[PastTraces], services: Sequence[str]) -> Floats:
    """``(n_services, n_services)``: in how many traces the first called the second."""
    calls = pl.concat([now.calls, *(earlier.profile.calls for earlier in past)]).filter(pl.col("service") != "")
    counts = np.zeros((len(services), len(services)))
    ends = positions(calls["service"], services), positions(calls["callee"], services)
    np.add.at(counts, ends, calls["traces"].to_numpy())
    return counts


def _suspects(before: Ints, after: Ints, calls: Floats) -> Floats:
    suspects = np.zeros((len(before), len(calls)))
    rows = np.arange(len(before))
    suspects[rows, before] = np.where(calls[before, after] > calls[after, before], OTHER_END, 1.0)
    suspects[rows, after] = np.where(calls[after, before] > calls[before, after], OTHER_END, 1.0)
    return suspects


def _milliseconds(mean_logarithm: float) -> str:
    return f"{max(float(np.exp(mean_logarithm)) - JITTER_MILLISECONDS, 0.0):.0f}"


def _ends(before_service: str, before_event: str, service: str, event: str) -> str:
    return f'"{before_event}" of {before_service} and "{event}" of {service}'
