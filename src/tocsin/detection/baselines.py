"""What series of counts are used to: by time, by the traffic around them, and by the hour of the day.

Each is a gamma distribution over a rate (logs seen, and the exposure in which they were), so that the count of a window
is negative binomial, and a short history makes little surprising by itself. Logs come in clumps; a series is looked
at in clumps of the size that its variance shows. A count is as surprising as it is to the way of looking that is
surprised least: only what neither the last hours, nor the traffic, nor the hour of the day explains is a surprise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from tocsin.detection.windows import Floats, Rows

RECENT_MINUTES = 120.0
"""After so long a minute counts 1/e in the rate by time; longer is surprised longer by what lasts."""

TRAFFIC_MINUTES = 1440.0
"""The same for the rate by traffic."""

HOUR_MINUTES = 600.0
"""The same for the rate of an hour of the day: ten days."""

HOUR_MIN_MINUTES = 90.0
"""An hour of the day says something when it was seen on two days."""

PRIOR_CLUMPS = 1.0
"""Of a series that was never seen: what has no history is taken to come once as long as it was watched."""

PRIOR_CLUMP = 2.0
PRIOR_CLUMP_LOGS = 5.0
"""A series is taken to come in clumps as it does now, of two at most, until some logs have shown otherwise."""

HOURS = 24
MAX_SCORE = 300.0


def _none() -> Floats:
    return np.zeros(0)


def _no_hours() -> Floats:
    return np.zeros((0, HOURS))


@dataclass(slots=True)
class Baselines:
    """What was learned of each series; arrays of length ``rows``, those by hour ``(rows, 24)``."""

    #: Logs, and the minutes in which they were.
    recent: Floats = field(default_factory=_none)
    minutes: Floats = field(default_factory=_none)
    #: Logs, and the traffic around them.
    share: Floats = field(default_factory=_none)
    traffic: Floats = field(default_factory=_none)
    #: Sums of squared deviations, and of what was expected: their ratio is the size of a clump.
    deviation: Floats = field(default_factory=_none)
    explained: Floats = field(default_factory=_none)
    hours: Floats = field(default_factory=_no_hours)
    hour_minutes: Floats = field(default_factory=_no_hours)

    @property
    def size(self) -> int:
        """How many series there are."""
        return len(self.recent)

    def grow(self, like: Rows) -> None:
        """Add series that had no log while the series at ``like`` were watched; −1: of which nothing is known."""
        is_watched = like >= 0
        for each in fields(self):
            before: Floats = getattr(self, each.name)
            added = np.zeros((len(like), *before.shape[1:]))
            if each.name in ("minutes", "traffic", "hour_minutes"):
                added[is_watched] = before[like[is_watched]]
            setattr(self, each.name, np.concatenate([before, added]))

    def merge(self, rows: Rows, into: Rows) -> None:
        """Add the logs of some series to those of others, as patterns were merged."""
        for name in ("recent", "share", "deviation", "explained", "hours"):
            learned: Floats = getattr(self, name)
            np.add.at(learned, into, learned[rows])
            learned[rows] = 0.0

    def learn(self, counts: Floats, traffic: Floats, hour: int, weights: Floats) -> None:
        """Take in a minute: each row's logs, the traffic around them, and how far it counts, from 0 to 1."""
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = np.where(self.traffic > 0, self.share / self.traffic * traffic, counts)
        # How logs come in clumps is learned in quiet times only: one surprise would make a series look wild for days.
        is_quiet = np.where(weights < 1.0, 0.0, 1.0)
        keeps = 1.0 - is_quiet / TRAFFIC_MINUTES
        self.deviation = self.deviation * keeps + is_quiet * (counts - expected) ** 2
        self.explained = self.explained * keeps + is_quiet * np.maximum(expected, counts * 0.1)
        keeps = 1.0 - weights / TRAFFIC_MINUTES
        self.share = self.share * keeps + weights * counts
        self.traffic = self.traffic * keeps + weights * traffic
        keeps = 1.0 - weights / RECENT_MINUTES
        self.recent = self.recent * keeps + weights * counts
        self.minutes = self.minutes * keeps + weights
        keeps = 1.0 - weights / HOUR_MINUTES
        self.hours[:, hour] = self.hours[:, hour] * keeps + weights * counts
        self.hour_minutes[:, hour] = self.hour_minutes[:, hour] * keeps + weights

    def rates(self) -> Floats:
        """Logs a minute, of late; 0 where nothing was learned."""
        rates: Floats = self.recent / np.maximum(self.minutes, 1.0)
        return rates

    def clumps(self, shown: Floats) -> Floats:
        """How many logs come at once in each series, 1 at least; ``shown`` is what it looks like now."""
        prior = np.clip(shown, 1.0, PRIOR_CLUMP)
        found = (self.deviation + prior * PRIOR_CLUMP_LOGS) / (self.explained + PRIOR_CLUMP_LOGS)
        clumps: Floats = np.maximum(found, 1.0)
        return clumps

    def views(self, minutes: float, traffic: Floats, hour: int) -> "list[View]":
        """What each way of looking expects of a window of these minutes, with this traffic around each row."""
        with np.errstate(divide="ignore", invalid="ignore"):
            by_time = np.where(self.minutes > 0, minutes / self.minutes, np.nan)
            by_traffic = np.where(self.traffic > 0, traffic / self.traffic, np.nan)
            known = self.hour_minutes[:, hour]
            by_hour = np.where(known >= HOUR_MIN_MINUTES, minutes / known, np.nan)
        return [View(self.recent, by_time), View(self.share, by_traffic), View(self.hours[:, hour], by_hour)]

    def columns(self) -> Mapping[str, Floats]:
        """All of it, by name; ``Baselines(**columns)`` has the same."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class View:
    """One way of looking at a window."""

    #: Logs that were learned from.
    learned: Floats
    #: The window's part of the exposure in which they were; NaN where nothing was learned yet.
    part: Floats


@dataclass(frozen=True, slots=True)
class Surprise:
    """How surprising counts are to the way of looking that is surprised least; 0 where nothing is known."""

    #: Negative decimal logarithms of probabilities.
    score: Floats
    expected: Floats


def too_many(counts: Floats, views: Sequence[View], clumps: Floats) -> Surprise:
    """How unlikely so many logs, or more, are, where they come in clumps of this size."""
    return _least(counts, views, clumps, is_more=True)


def too_few(counts: Floats, views: Sequence[View], clumps: Floats) -> Surprise:
    """How unlikely so few logs, or fewer, are, where they come in clumps of this size."""
    return _least(counts, views, clumps, is_more=False)


def _least(counts: Floats, views: Sequence[View], clumps: Floats, *, is_more: bool) -> Surprise:
    score = np.full(len(counts), np.inf)
    expected = np.zeros(len(counts)) if is_more else np.full(len(counts), np.inf)
    prior = PRIOR_CLUMPS if is_more else 0.0
    for view in views:
        is_known = ~np.isnan(view.part)
        learned = view.learned / clumps + prior
        mean = np.where(is_known, learned * view.part, 0.0)
        is_beyond = counts / clumps > mean if is_more else counts / clumps < mean
        found = np.where(is_beyond, _unlikely(counts / clumps, mean, learned), 0.0)
        score = np.where(is_known, np.minimum(score, found), score)
        usual = mean * clumps
        farther = np.maximum(expected, usual) if is_more else np.minimum(expected, usual)
        expected = np.where(is_known, farther, expected)
    is_known = np.isfinite(score)
    return Surprise(np.where(is_known, np.minimum(score, MAX_SCORE), 0.0), np.where(is_known, expected, 0.0))


def _unlikely(counts: Floats, means: Floats, sizes: Floats) -> Floats:
    """Chernoff's bound for the tail of a negative binomial distribution, as a negative decimal logarithm.

    Source: H. Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis", 1952: the relative entropy of
    the distribution with the observed mean to the expected one.
    """
    counts, means, sizes = (np.maximum(each, 1e-9) for each in (counts, means, sizes))
    bound = counts * np.log(counts / means) - (counts + sizes) * np.log((counts + sizes) / (means + sizes))
    found: Floats = np.maximum(bound, 0.0) / np.log(10.0)
    return found
