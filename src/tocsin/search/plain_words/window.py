"""The one stretch of time that a question is about, of all that it says about time."""

from datetime import date

from tocsin.kit.errors import InvalidTimeRange
from tocsin.kit.moments import unix_nano
from tocsin.search.plain_words.contracts import Part
from tocsin.search.plain_words.draft import Draft
from tocsin.search.plain_words.spans import Span
from tocsin.search.plain_words.times import Mention, Relation, Times
from tocsin.search.time_expressions import time_range


def read_window(draft: Draft, times: Times) -> Span | None:
    """Take the words that say when, and return what they say; None where they say nothing."""
    mentions = _mentions(draft, times)
    if not mentions:
        return None
    day = _day_of(mentions)
    window: Span | None = None
    for mention in _days_last(mentions, day):
        span = _in_day(times, mention, day)
        if mention.relation is Relation.IN and mention.point.moment == times.now:
            # "right now" is what a question is about that says no time.
            draft.take(mention.first, mention.last, Part.TIME, "until now")
            continue
        narrowed = span if window is None else _both(window, span, mention)
        if narrowed is None or not is_time_range(narrowed, times):
            draft.leave(range(mention.first, mention.last), "these times do not fit together, or are not yet")
        else:
            window = narrowed
            draft.take(mention.first, mention.last, Part.TIME, described(narrowed if len(mentions) == 1 else span))
    return window


def described(span: Span) -> str:
    """A stretch of time for people to read."""
    return f"from {span.start_expression} to {span.end_expression or 'now'}"


def is_time_range(span: Span, times: Times) -> bool:
    """Whether logs may be looked for in it."""
    try:
        time_range(span.start_expression, span.end_expression, now_unix_nano=unix_nano(times.now))
    except InvalidTimeRange:
        return False
    return True


def _mentions(draft: Draft, times: Times) -> list[Mention]:
    found: list[Mention] = []
    place = 0
    while place < len(draft.words):
        mention = times.mention_at(place) if draft.is_plain(place) else None
        if mention is None or mention.last <= place:
            place += 1
            continue
        found.append(mention)
        place = mention.last
    return found


def _day_of(mentions: list[Mention]) -> date | None:
    """The day that is said apart from the times of day: ``yesterday in checkout after 14:00``."""
    days = [each.point.day for each in mentions if each.relation is Relation.IN and each.point.is_day]
    return days[0] if len(days) == 1 else None


def _days_last(mentions: list[Mention], day: date | None) -> list[Mention]:
    """Those that can be resolved by themselves last, so that they narrow the others and are not left."""
    if day is None:
        return sorted(mentions, key=lambda each: each.relation is Relation.BEFORE)
    return sorted(mentions, key=lambda each: not each.point.is_day)


def _in_day(times: Times, mention: Mention, day: date | None) -> Span:
    return times.resolved(mention, day if mention.point.is_clock else None)


def _both(first: Span, second: Span, mention: Mention) -> Span | None:
    """What lies in both; ``since A … until B`` has its start from one and its end from the other."""
    if mention.relation is Relation.BEFORE:
        second = Span(start=first.start, start_text=first.start_text, end=second.end, end_text=second.end_text)
    later = first if first.start >= second.start else second
    ends = [each for each in (first, second) if each.end is not None]
    earlier = min(ends, key=lambda each: each.end or each.start, default=None)
    end = earlier.end if earlier else None
    if end is not None and end <= later.start:
        return None
    end_text = earlier.end_text if earlier else None
    return Span(start=later.start, start_text=later.start_text, end=end, end_text=end_text)
