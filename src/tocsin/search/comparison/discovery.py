"""Which of many hypotheses are discoveries, so that few of those that are told are chance."""

import math

import numpy as np
import numpy.typing as npt

from tocsin.search.comparison.special import Floats, normal_tail

FALSE_SHARE = 0.08
"""The false discovery rate that the procedure is given. About half of it comes out where nothing changed, since
counts are discrete, dispersions are never taken for less than chance, small changes aren't told, and bursty things
weigh less: ``benchmarks/comparison.py`` measures it, and the promise is 5 %."""

_LARGEST_EXPECTATION = 6.0
_STEPS = 40


def q_values(p: Floats, weights: Floats) -> Floats:
    """The false discovery rate at which each hypothesis is a discovery; weights are ``>= 0`` with a mean of 1.

    Source: Benjamini and Hochberg (1995), weighted as in Genovese, Roeder and Wasserman (2006).
    """
    if not p.size:
        return p
    weighted = np.where(weights > 0, p / np.maximum(weights, 1e-300), np.inf)
    order = np.argsort(weighted, kind="stable")
    ranked = weighted[order] * p.size / np.arange(1, p.size + 1)
    result = np.empty_like(ranked)
    result[order] = np.minimum.accumulate(ranked[::-1])[::-1]
    return np.minimum(result, 1.0)


def weights_for(expected: Floats, *, share: float = FALSE_SHARE) -> Floats:
    """Weights with a mean of 1 that find most of the changes of interest.

    ``expected`` is the statistic that such a change would have on average, from what is the same under the hypothesis
    (the sum of both counts). What can't be found gets nothing, and what can't be missed little.

    Source: Roeder and Wasserman (2009), the optimal weights for normal statistics.
    """
    if not expected.size:
        return expected
    capped = np.clip(expected, 1e-6, _LARGEST_EXPECTATION)
    low, high = -50.0, 500.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        spent = float(np.sum(normal_tail(capped / 2 + middle / capped)))
        low, high = (middle, high) if spent > share else (low, middle)
    weights = normal_tail(capped / 2 + low / capped) / share
    total = float(weights.sum())
    return weights * (expected.size / total) if total > 0 and math.isfinite(total) else np.ones_like(expected)


def is_told(q: Floats) -> npt.NDArray[np.bool_]:
    """Which hypotheses are discoveries."""
    return q <= FALSE_SHARE
