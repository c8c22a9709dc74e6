"""Fewer logs than anything explains: dips, silence, and steps that do not come any more."""

import numpy as np

from tocsin.detection.baselines import PRIOR_CLUMP, too_few
from tocsin.detection.detectors.looking import Look, Proposal, better, bounded, nothing, watched
from tocsin.detection.series import What
from tocsin.detection.windows import Floats

WINDOWS = (6, 12, 60)
"""In buckets."""

LATE_BUCKETS = 2
"""What the last buckets lack may still come."""

LEAST_EXPECTED = 20.0
"""Fewer logs than this may stay away for nothing."""

LEAST_MINUTES = 60.0
"""So long something has to be watched before its absence can surprise."""

SILENT_SHARE = 0.05
"""Of what is expected: with less, nothing is said any more."""


def shortfall(look: Look) -> Proposal:
    """How many fewer logs each series has than expected, in the window that shows it best.

    Five sixths of the window's buckets have to be less than half as full as expected: a short pause is no silence.
    """
    rows, clumps = len(look.series), _clumps(look)
    best = nothing(rows)
    for wanted in WINDOWS:
        if bounded(wanted + LATE_BUCKETS, look) < wanted + LATE_BUCKETS:
            continue
        counts = look.counts(wanted, before=LATE_BUCKETS)
        found = too_few(counts.sum(axis=1), look.views(counts), clumps)
        spread = (counts < (0.5 * found.expected / wanted)[:, None]).sum(axis=1)
        is_enough = (found.expected >= LEAST_EXPECTED) & (spread >= wanted * 5 // 6)
        score = np.where(is_enough, found.score, 0.0)
        window = np.full(rows, float(wanted))
        best = better(best, Proposal(score, found.expected, counts.sum(axis=1), window, spread))
    known = watched(look, LEAST_MINUTES) & ~look.series.are(What.ERRORS)
    return Proposal(np.where(known, best.score, 0.0), best.expected, best.observed, best.buckets, best.spread)


def lasts(look: Look, buckets: int) -> Floats:
    """How surprising the last so many buckets are by themselves: whether something still stays away."""
    counts = look.counts(buckets, before=LATE_BUCKETS)
    return too_few(counts.sum(axis=1), look.views(counts), _clumps(look)).score


def _clumps(look: Look) -> Floats:
    return look.baselines.clumps(np.full(len(look.series), PRIOR_CLUMP))
