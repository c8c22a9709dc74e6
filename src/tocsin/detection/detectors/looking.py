"""What every detector looks at, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tocsin.detection.baselines import Baselines, View
from tocsin.detection.series import Series, What
from tocsin.detection.windows import INTERVAL_SECONDS, RING_BUCKETS, Flags, Floats, Windows

MOST_TIMES_USUAL = 3.0
"""A service counts for the traffic with at most so many times what it is used to: one that goes mad is no traffic."""


@dataclass(frozen=True, slots=True)
class Look:
    """One organization at one moment."""

    series: Series
    windows: Windows
    baselines: Baselines
    #: The bucket that is not over yet.
    bucket: int
    #: Since which bucket nothing is missing.
    since_bucket: int
    hour: int

    def counts(self, buckets: int, *, before: int = 0) -> Floats:
        """So many buckets, oldest first, shape ``(rows, buckets)``, without the ``before`` last ones."""
        return self.windows.last(self.bucket - before, buckets)

    def views(self, counts: Floats) -> Sequence[View]:
        """What is expected of buckets like these, shape ``(rows, buckets)``, by the traffic that there is in them."""
        minutes = counts.shape[1] * INTERVAL_SECONDS / 60
        return self.baselines.views(
            minutes, traffic_of(self.series, self.baselines, counts.sum(axis=1), minutes), self.hour
        )


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a detector thinks of each series; arrays of length ``rows``."""

    #: Negative decimal logarithms of how likely it is by chance; 0 where nothing is surprising.
    score: Floats
    expected: Floats
    observed: Floats
    #: The number of buckets that were looked at.
    buckets: Floats
    #: In how many of these it shows.
    spread: Floats


def better(best: Proposal, other: Proposal) -> Proposal:
    """Of each series, what is more surprising."""
    is_better = other.score > best.score
    return Proposal(*(np.where(is_better, new, old) for new, old in zip(_columns(other), _columns(best), strict=True)))


def nothing(rows: int) -> Proposal:
    """That no series is surprising."""
    return Proposal(*(np.zeros(rows) for _ in range(5)))


def traffic_of(series: Series, baselines: Baselines, sums: Floats, minutes: float) -> Floats:
    """The traffic around each series in a window of these minutes, from all series' logs in it.

    Around a service's errors it is what else it says, around everything else what all services say.
    """
    services, errors = series.are(What.SERVICE), series.are(What.ERRORS)
    spoken = sums.copy()
    np.subtract.at(spoken, series.service_row[errors], sums[errors])
    rates = baselines.rates()
    usual = np.where(rates > 0, MOST_TIMES_USUAL * rates * minutes, np.inf)
    total = np.minimum(np.maximum(spoken, 0.0), np.maximum(usual, 1.0))[services].sum()
    traffic: Floats = np.where(errors, np.maximum(spoken, 0.0)[series.service_row], total)
    return traffic


def watched(look: Look, least_minutes: float) -> Flags:
    """Which series were watched for so long, so that anything may be said of them."""
    return look.baselines.minutes >= least_minutes


def bounded(buckets: int, look: Look) -> int:
    """So many buckets, or those since which nothing is missing."""
    return max(0, min(buckets, RING_BUCKETS - 1, look.bucket - look.since_bucket + 1))


def padded(proposal: Proposal, rows: int) -> Proposal:
    """A proposal for so many series, of which the last are new."""
    return Proposal(*(np.pad(column, (0, rows - len(column))) for column in _columns(proposal)))


def _columns(proposal: Proposal) -> tuple[Floats, ...]:
    return proposal.score, proposal.expected, proposal.observed, proposal.buckets, proposal.spread
