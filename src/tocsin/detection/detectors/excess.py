"""More logs than anything explains: spikes, and what was never seen before."""

import numpy as np

from tocsin.detection.baselines import too_many
from tocsin.detection.detectors.looking import Look, Proposal, better, nothing, watched
from tocsin.detection.windows import Floats

WINDOWS = (3, 12, 60)
"""In buckets. The first finds what is sudden, the last what is faint; more of them find hardly more."""

LEAST_MINUTES = 10.0
"""So long something has to be watched before it can surprise."""


def excess(look: Look) -> Proposal:
    """How many more logs each series has than expected, in the window that shows it best.

    The fullest bucket of a window is left out, but what it was expected to have is not: one burst is no trouble.
    """
    rows = len(look.series)
    best = nothing(rows)
    for buckets in WINDOWS:
        counts = look.counts(buckets)
        found = too_many(counts.sum(axis=1) - counts.max(axis=1), look.views(counts), _clumps(look, counts))
        spread = (counts > np.maximum(2.0 * found.expected / buckets, 0.5)[:, None]).sum(axis=1)
        window = np.full(rows, float(buckets))
        best = better(best, Proposal(found.score, found.expected, counts.sum(axis=1), window, spread))
    known = watched(look, LEAST_MINUTES)
    return Proposal(np.where(known, best.score, 0.0), best.expected, best.observed, best.buckets, best.spread)


def lasts(look: Look, buckets: int) -> Floats:
    """How surprising the last so many buckets are by themselves: whether something goes on."""
    counts = look.counts(buckets)
    return too_many(counts.sum(axis=1), look.views(counts), _clumps(look, counts)).score


def _clumps(look: Look, counts: Floats) -> Floats:
    return look.baselines.clumps(counts.sum(axis=1) / np.maximum((counts > 0).sum(axis=1), 1))
