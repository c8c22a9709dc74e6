"""What a window of logs has that the past never had, and what it lacks that the past always had. Pure.

For work that repeats: nightly jobs, deployments, runs of tests, requests of one kind. An event is a pattern of a
service and logger at a level; lines of HTTP servers are told apart by method, masked path and status.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

import numpy as np
import polars as pl
import polars_hash  # noqa: F401  (registers the ``nchash`` namespace on expressions)

from tocsin.logmodel.levels import Level
from tocsin.logmodel.masking import MASK, shapes

STABLE_SHARE = 0.99
"""Of the past windows that had an event, for its absence to say something."""

ALARM_SCORE = 6.0
"""Minus the decimal logarithm of how likely such a window is by chance; less means more false alarms."""

HEAD_CHARACTERS = 4_096
"""Of a message, are looked at."""

_COMPARABLE_WINDOWS = 2

_BAD_LEVELS = (Level.WARN.value, Level.ERROR.value, Level.FATAL.value)
_BAD_STATUS = 400

_REQUEST = r"\b(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (?:https?://[^/\s\"]+)?(/[^\s\"?]*)"
_STATUS = (r"(?i)\bstatus(?:[ _]code)?\"?[:=]? ?([1-5]\d\d)\b", r"HTTP/\d(?:\.\d)?\"? ([1-5]\d\d)\b")
_VARIABLE_SEGMENT = r"[^/]*\d[^/]*"
"""Of a path: ids have digits, names of resources seldom do, and those of versions are all alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What past windows had."""

    windows: int
    #: key, service, logger, windows (how many had it), position (the median of when it first came, 0 to 1).
    events: pl.DataFrame
    #: How many places of the code said something new and bad, or nothing though they always do, in a past window on
    #: average, held against the others.
    novel_places: float
    missing_places: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Novelty:
    """How a window differs from the past."""

    #: Events at WARN or above, or answers with a status from 400, that no past window had: the columns of
    #: ``window_events``. Earliest first, mere warnings last.
    novel: pl.DataFrame
    #: Events of nearly all past windows that did not come, in the order in which they used to: the columns of
    #: ``History.events``.
    missing: pl.DataFrame
    #: Where the work broke off: the first of the events that are missing in the longest stretch; one row, or none.
    broke_off_at: pl.DataFrame
    #: Events of nearly all past windows that came, and used to come before that, latest first.
    last_done: pl.DataFrame
    #: Minus the decimal logarithm of how likely it is by chance.
    score: float

    @property
    def is_alarm(self) -> bool:
        """Whether chance is no explanation."""
        return self.score >= ALARM_SCORE


def window_events(logs: pl.DataFrame) -> pl.DataFrame:
    """The events of a window, in the order in which they first came.

    Args:
        logs: service, logger, level (as ``Level`` has it), time_unix_nano, message.

    Returns:
        key, service, logger, level, is_bad, first_unix_nano, position (0: the first event, towards 1: the last).
    """
    head = pl.col("message").str.head(HEAD_CHARACTERS)
    read = logs.select(
        "service",
        "logger",
        "level",
        "time_unix_nano",
        shape=shapes(head).cast(pl.String),
        method=head.str.extract(_REQUEST, 1),
        path=head.str.extract(_REQUEST, 2).str.replace_all(_VARIABLE_SEGMENT, MASK),
        status=pl.coalesce(head.str.extract(status, 1) for status in _STATUS),
    )
    said = pl.coalesce(pl.concat_str("method", "path", "status", separator=" "), "shape")
    key = pl.concat_str("service", "logger", "level", said, separator="\x1f")
    is_bad = pl.col("level").is_in(_BAD_LEVELS) | (pl.col("status").cast(pl.Int32) >= _BAD_STATUS).fill_null(
        value=False
    )
    return (
        read.with_columns(key=key.nchash.xxh3_64(), is_bad=is_bad)  # type: ignore[attr-defined]
        .group_by("key")
        .agg(pl.col("service", "logger", "level", "is_bad").first(), first_unix_nano=pl.col("time_unix_nano").min())
        .sort("first_unix_nano", "key")
        .with_columns(position=pl.int_range(pl.len()) / pl.len())
    )


def history_of(windows: Sequence[pl.DataFrame]) -> History:
    """What past windows had, each as ``window_events`` returns it. Costs the sum of their events."""
    numbered = [window.with_columns(window=pl.lit(number)) for number, window in enumerate(windows)]
    if not numbered:
        return History(windows=0, events=_NO_EVENTS, novel_places=0.0, missing_places=0.0)
    rows = pl.concat(numbered)
    events = (
        rows.group_by("key")
        .agg(pl.col("service", "logger").first(), windows=pl.len().cast(pl.Int64), position=pl.col("position").median())
        .sort("position", "key")
    )
    return History(
        windows=len(windows),
        events=events,
        novel_places=_mean_novel_places(rows, events, len(windows)),
        missing_places=_mean_missing_places(rows, events, len(windows)),
    )


def compare(window: pl.DataFrame, history: History) -> Novelty:
    """Hold a window, as ``window_events`` returns it, against the past."""
    known = history.events.select("key")
    novel = window.filter("is_bad").join(known, on="key", how="anti")
    stable = history.events.filter(pl.col("windows") >= STABLE_SHARE * history.windows)
    stable = stable.with_columns(is_missing=~pl.col("key").is_in(window["key"].implode()))
    missing = stable.filter("is_missing").drop("is_missing")
    break_off = _longest_stretch(stable["is_missing"])
    done = stable[:break_off].filter(~pl.col("is_missing")).drop("is_missing")
    return Novelty(
        novel=novel.sort(pl.col("level") == Level.WARN.value, "first_unix_nano", "key"),
        missing=missing,
        broke_off_at=stable[break_off : break_off + 1].drop("is_missing"),
        last_done=done.reverse() if missing.height else done.clear(),
        score=_surprise(_places(novel), history.novel_places, history.windows)
        + _surprise(_places(missing), history.missing_places, history.windows),
    )


def _longest_stretch(are_missing: pl.Series) -> int:
    """Where the stretch begins in which events are missing most often, less those that came; the length if none is.

    Single events that are late or missing by chance do not begin or end it.
    """
    if not are_missing.any():
        return are_missing.len()
    sums = np.concatenate([[0], np.cumsum(np.where(are_missing.to_numpy(), 1, -1))])
    lowest = np.minimum.accumulate(sums)
    end = int(np.argmax(sums[1:] - lowest[:-1]))
    return int(np.flatnonzero(sums[: end + 1] == lowest[end])[-1])


_NO_EVENTS = pl.DataFrame(
    schema={"key": pl.UInt64, "service": pl.String, "logger": pl.String, "windows": pl.Int64, "position": pl.Float64}
)

_PLACE = ("service", "logger")
"""Events of one place come and go together, so they count once."""


def _places(events: pl.DataFrame) -> int:
    return events.select(_PLACE).n_unique() if events.height else 0


def _mean_novel_places(rows: pl.DataFrame, events: pl.DataFrame, windows: int) -> float:
    """Each past window held against the others: what it alone had is new."""
    once = events.filter(pl.col("windows") == 1).select("key")
    novel = rows.filter("is_bad").join(once, on="key", how="semi")
    return novel.select("window", *_PLACE).n_unique() / windows


def _mean_missing_places(rows: pl.DataFrame, events: pl.DataFrame, windows: int) -> float:
    others = windows - 1
    nearly_always = events.filter(pl.col("windows").is_between(STABLE_SHARE * others, others))
    numbers = pl.DataFrame({"window": range(windows)}, schema={"window": rows.schema["window"]})
    lacking = nearly_always.join(numbers, how="cross").join(rows, on=["key", "window"], how="anti")
    return lacking.select("window", *_PLACE).n_unique() / windows


def _surprise(places: int, mean: float, windows: int) -> float:
    """Minus the decimal logarithm of the chance of as many places or more.

    Geometric, since places that are in trouble drag others with them; as if one more had been seen in the past. A
    single window says nothing of how windows differ.
    """
    if windows < _COMPARABLE_WINDOWS:
        return 0.0
    expected = mean + 1 / windows
    return places * log10((1 + expected) / expected)
