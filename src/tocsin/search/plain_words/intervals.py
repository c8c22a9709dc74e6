"""Numbers over time, and in which order and how many logs: ``per minute``, ``hourly``, ``over time``, ``latest 50``."""

import re

from tocsin.search.plain_words.contracts import Part
from tocsin.search.plain_words.draft import Draft
from tocsin.search.plain_words.durations import DAY, HOUR, MINUTE, NUMBER_WORDS, UNITS, WEEK, Duration, duration_at
from tocsin.search.plain_words.groups import MAX_LIMIT
from tocsin.search.plain_words.levels import names_a_level
from tocsin.search.plain_words.lexicon import EVENT_NOUNS

_BY_NAME = {
    "hourly": Duration(HOUR, HOUR),
    "daily": Duration(DAY, DAY),
    "weekly": Duration(WEEK, WEEK),
    "minutely": Duration(MINUTE, MINUTE),
}
_CUES = frozenset({
    "per", "by", "each", "every", "for each", "for every", "in each", "grouped by", "group by", "/", "bucketed by",
    "in every", "by each", "broken down by", "split by", "by the", "on a per",
})  # fmt: skip
_OVER_TIME = frozenset({
    "over time", "trend", "trends", "timeline", "time line", "graph", "chart", "plot", "time series", "timeseries",
    "histogram", "evolution", "through time", "as a graph", "as a chart", "curve", "development", "trending",
})  # fmt: skip
_BUCKETS = frozenset({"buckets", "bucket", "intervals", "interval", "bins", "steps", "windows", "slices", "increments"})
_PER_SECOND = frozenset({"per second", "a second", "per sec", "/s", "rps", "qps", "each second", "throughput", "per s"})
_RATES = frozenset({"rate", "rates"})

_NEWEST = frozenset({
    "latest", "newest", "most recent", "last", "recent", "newest first", "latest first", "most recent first",
    "last few",
})  # fmt: skip
_OLDEST = frozenset({"oldest", "earliest", "first", "oldest first", "earliest first"})
_COUNT = re.compile(r"\d{1,4}")


def read_intervals(draft: Draft) -> None:
    """Take the words that ask for numbers in intervals, or for a rate."""
    for index in range(len(draft.words)):
        if not draft.is_plain(index):
            continue
        _ = _rate(draft, index) or _interval(draft, index) or _named(draft, index)


def _rate(draft: Draft, index: int) -> bool:
    behind = draft.after(index, _PER_SECOND)
    if behind is None and draft.word(index) in _RATES and draft.word(index + 1) != "limit":
        behind = index + 1
    if behind is None or draft.word(behind) in {"limited", "limiter", "limiting", "limits"}:
        return False
    if draft.said(index - 1) in {"heart", "exchange", "bit", "sample", "frame"}:
        return False
    draft.measures.append("rate")
    draft.take(index, behind, Part.MEASURE, "logs a second")
    return True


def _interval(draft: Draft, index: int) -> bool:
    behind = draft.after(index, _CUES)
    if behind is None:
        return _buckets(draft, index)
    unit = UNITS.get(draft.word(behind))
    if unit is not None and len(draft.word(behind)) > 1:
        return _set(draft, index, behind + 1, Duration(unit, unit))
    found = duration_at(draft, behind)
    if found is None or (draft.word(index) == "by" and draft.word(found[1]) == "ago"):
        return False
    return _set(draft, index, found[1] + (draft.word(found[1]) in _BUCKETS), found[0])


def _buckets(draft: Draft, index: int) -> bool:
    """``in 5 minute buckets``."""
    found = duration_at(draft, index + (draft.word(index) in {"in", "into", "with"}))
    if found is None or draft.word(found[1]) not in _BUCKETS:
        return False
    return _set(draft, index, found[1] + 1, found[0])


def _set(draft: Draft, first: int, last: int, duration: Duration) -> bool:
    draft.interval = duration.text
    draft.take(first, last, Part.INTERVAL, f"in intervals of {duration.text}")
    return True


def _named(draft: Draft, index: int) -> bool:
    if (duration := _BY_NAME.get(draft.word(index))) is not None:
        return _set(draft, index, index + 1, duration)
    behind = draft.after(index, _OVER_TIME)
    if behind is None:
        return False
    draft.interval = draft.interval or "auto"
    draft.take(index, behind, Part.INTERVAL, "over time")
    return True


def read_order(draft: Draft) -> None:
    """Take the words that ask for the newest or the oldest logs, and how many."""
    for index in range(len(draft.words)):
        for phrases, order in ((_NEWEST, "newest"), (_OLDEST, "oldest")):
            behind = draft.after(index, phrases) if draft.is_plain(index) else None
            if behind is not None:
                _set_order(draft, index, behind, order)
    _read_limit(draft)


def _set_order(draft: Draft, first: int, behind: int, order: str) -> None:
    number = draft.word(behind)
    if _COUNT.fullmatch(number) and 0 < int(number) <= MAX_LIMIT and draft.word(behind + 1) not in UNITS:
        draft.limit = int(number)
        behind += 1
        draft.take(first, behind, Part.LIMIT, f"the {order} {number}")
    elif draft.word(first - 1).isdigit() and 0 < int(draft.word(first - 1)) <= MAX_LIMIT:
        draft.limit = int(draft.word(first - 1))
        draft.take(first - 1, behind, Part.LIMIT, f"the {order} {draft.limit}")
    elif draft.said(first) in {"last", "first", "recent"} and not _stands_before_logs(draft, first, behind):
        return
    else:
        draft.take(first, behind, Part.ORDER, f"the {order} first")
    draft.order = order
    draft.skip(index for index in range(behind, min(behind + 4, len(draft.words))) if draft.word(index) == "first")


def _stands_before_logs(draft: Draft, first: int, behind: int) -> bool:
    """``errors oldest first`` and ``the last error``, but not ``the first attempt``."""
    word = draft.word(behind)
    is_noun = word in EVENT_NOUNS or names_a_level(word)
    return is_noun or (behind == len(draft.words) and draft.said(first - 1) in {"newest", "oldest", "latest"})


def _read_limit(draft: Draft) -> None:
    """``50 errors``, ``limit 20``, ``at most 10 logs``."""
    for index in range(len(draft.words)):
        number = draft.word(index)
        if not _COUNT.fullmatch(number) or not 0 < int(number) <= MAX_LIMIT or draft.limit is not None:
            continue
        before = draft.word(index - 1)
        noun = draft.word(index + 1)
        is_asked_for = before in {"limit", "show", "me", "list", "give", "get", "only", "to"} and (
            noun in EVENT_NOUNS or names_a_level(noun) or before == "limit"
        )
        if is_asked_for or (before == "to" and draft.word(index - 2) in {"limit", "limited"}):
            draft.limit = int(number)
            first = (
                index - (before in {"limit"}) - 2 * (before == "to" and draft.word(index - 2) in {"limit", "limited"})
            )
            draft.take(first, index + 1, Part.LIMIT, f"at most {number}")


def number_before(draft: Draft, index: int) -> tuple[int | None, int]:
    """A number that stands just before a word, and where it begins."""
    word = draft.word(index - 1)
    amount = int(word) if _COUNT.fullmatch(word) else NUMBER_WORDS.get(word) if word not in {"a", "an"} else None
    return (amount, index - 1) if amount and amount <= MAX_LIMIT else (None, index)
