"""Stretches of time that have a name: ``this morning``, ``last week``, ``the past 2 hours``, ``3 days ago``."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from tocsin.search.plain_words.draft import Draft
from tocsin.search.plain_words.durations import (
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    UNITS,
    WEEK,
    YEAR,
    Duration,
    duration_at,
    number_at,
)
from tocsin.search.plain_words.points import MONTHS, PARTS_OF_DAY, WEEKDAYS, day_at, midnight

MINUTES_AROUND = 300
"""How far ``30 minutes ago`` reaches to both sides."""

_PAST = frozenset({"last", "past", "previous", "recent", "preceding", "trailing", "prior"})
_ROLLING = frozenset({"past", "recent", "preceding", "trailing"})
_ARTICLES = frozenset({"the", "these", "this", "those", "our"})
_THIS = frozenset({"this", "current"})
_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From a moment to just before another; without an end until now."""

    start: datetime
    end: datetime | None = None
    #: Written in place of the moment, where it moves with the clock.
    start_text: str | None = None
    end_text: str | None = None

    @property
    def start_expression(self) -> str:
        """The start as a time expression."""
        return self.start_text or expression(self.start)

    @property
    def end_expression(self) -> str | None:
        """The end as a time expression; None for now."""
        if self.end is None:
            return None
        return self.end_text or expression(self.end)


def expression(moment: datetime) -> str:
    """A moment as RFC 3339 has it, in UTC."""
    in_utc = moment.astimezone(UTC)
    return in_utc.strftime("%Y-%m-%dT%H:%M:%S") + (f".{in_utc:%f}" if in_utc.microsecond else "") + "Z"


def before_now(duration: Duration, now: datetime) -> Span:
    """The last so many seconds."""
    start = now - timedelta(seconds=duration.seconds)
    return Span(start=start, start_text=f"now-{duration.text}")


def whole_day(day: date, now: datetime) -> Span:
    """From midnight to midnight."""
    start = midnight(day, now)
    return Span(start=start, end=start + timedelta(days=1) if day < now.date() else None)


def span_at(draft: Draft, first: int, now: datetime) -> tuple[Span, int] | None:
    """The named stretch of time that begins at ``first``, and the place behind it."""
    return (
        _ago(draft, first, now)
        or _week_of(draft, first, now)
        or _month(draft, first, now)
        or _part_of_day(draft, first, now)
        or _weekend(draft, first, now)
        or _this(draft, first, now)
        or _last(draft, first, now)
    )


def _ago(draft: Draft, first: int, now: datetime) -> tuple[Span, int] | None:
    """``an hour ago`` is the hour around it, ``2 days ago`` that day."""
    found = duration_at(draft, first)
    if found is None or draft.word(found[1]) not in {"ago", "earlier", "back"}:
        return None
    duration, last = found
    moment = now - timedelta(seconds=duration.seconds)
    if duration.unit_seconds >= DAY:
        return whole_day(moment.date(), now), last + 1
    half = duration.unit_seconds / 2
    if duration.unit_seconds == MINUTE and duration.seconds > 2 * MINUTES_AROUND:
        half = MINUTES_AROUND
    return (
        Span(
            start=moment - timedelta(seconds=half),
            end=moment + timedelta(seconds=half),
            start_text=_relative(duration.seconds + half),
            end_text=_relative(duration.seconds - half),
        ),
        last + 1,
    )


def between_ages(draft: Draft, first: int, now: datetime) -> tuple[Span, int] | None:
    """``between 1 and 2 hours ago``."""
    if draft.word(first) not in {"between", "from"}:
        return None
    closing = next((each for each in range(first + 1, first + 5) if draft.word(each) in {"and", "to"}), None)
    found = duration_at(draft, closing + 1) if closing else None
    number = number_at(draft, first + 1)
    if closing is None or found is None or number is None or draft.word(found[1]) != "ago":
        return None
    unit = UNITS.get(draft.word(number[1]), found[0].unit_seconds)
    ages = sorted({found[0].seconds, round(number[0] * unit)})
    if len(ages) < 2 or ages[0] <= 0:
        return None
    return (
        Span(
            start=now - timedelta(seconds=ages[1]),
            end=now - timedelta(seconds=ages[0]),
            start_text=_relative(ages[1]),
            end_text=_relative(ages[0]),
        ),
        found[1] + 1,
    )


def _relative(seconds: float) -> str:
    unit = next(unit for unit in (HOUR, 60, 1) if round(seconds) % unit == 0)
    return f"now-{Duration(round(seconds), unit).text}"


def since_ago(draft: Draft, first: int, now: datetime) -> tuple[Span, int] | None:
    """``an hour ago`` as the beginning of a stretch."""
    found = duration_at(draft, first)
    if found is None or draft.word(found[1]) not in {"ago", "back"}:
        return None
    duration, last = found
    if duration.unit_seconds >= DAY:
        moment = now - timedelta(seconds=duration.seconds)
        return Span(start=midnight(moment.date(), now)), last + 1
    return before_now(duration, now), last + 1


def _part_of_day(draft: Draft, first: int, now: datetime) -> tuple[Span, int] | None:
    today = now.date()
    if draft.word(first) == "overnight":
        return _hours(today - timedelta(days=1), *PARTS_OF_DAY["night"], now), first + 1
    if draft.word(first) == "tonight":
        return _hours(today, *PARTS_OF_DAY["night"], now), first + 1
    qualifier, part = draft.word(first), draft.word(first + 1)
    if qualifier in {"last", "previous"} and part in {"night", "evening"}:
        return _hours(today - timedelta(days=1), *PARTS_OF_DAY[part], now), first + 2
    if qualifier == "this" and part in PARTS_OF_DAY:
        return _hours(today, *PARTS_OF_DAY[part], now), first + 2
    found = day_at(draft, first, today)
    if found is not None:
        day, last = found
        last += draft.word(last) == "in" and draft.word(last + 1) == "the" and 2
        if draft.word(last) in PARTS_OF_DAY:
            return _hours(day, *PARTS_OF_DAY[draft.word(last)], now), last + 1
    return None


def _hours(day: date, start_hour: int, end_hour: int, now: datetime) -> Span:
    start = midnight(day, now)
    return Span(start=start + timedelta(hours=start_hour), end=start + timedelta(hours=end_hour))


def _week_of(draft: Draft, first: int, now: datetime) -> tuple[Span, int] | None:
    """``the week of November 16`` is the calendar's week that has the day."""
    place = draft.past(first, _ARTICLES)
    if draft.word(place) != "week" or draft.word(place + 1) not in {"of", "starting", "beginning", "from"}:
        return None
    found = day_at(draft, draft.past(place + 2, {"on"}), now.date())
    if found is None:
        return None
    start = midnight(found[0] - timedelta(days=found[0].weekday()), now)
    end = start + timedelta(days=7)
    return Span(start=start, end=end if end <= now else None), found[1]


def _month(draft: Draft, first: int, now: datetime) -> tuple[Span, int] | None:
    """``in November``, ``since October``: behind such a word only, for ``may`` and ``march`` are others, too."""
    qualifier = draft.word(first) in {"last", "this"}
    month = MONTHS.get(draft.word(first + qualifier))
    behind = draft.said(first + qualifier + 1)
    if month is None or behind[:1].isdigit() or behind == "the":
        return None
    if not qualifier and draft.said(first - 1) not in {
        "in",
        "since",
        "during",
        "of",
        "for",
        "throughout",
        "from",
        "to",
        "until",
    }:
        return None
    today = now.date()
    start = today.replace(year=today.year - (month > today.month), month=month, day=1)
    end = (start + timedelta(days=31)).replace(day=1)
    return Span(start=midnight(start, now), end=midnight(end, now) if end <= today else None), first + qualifier + 1


def _weekend(draft: Draft, first: int, now: datetime) -> tuple[Span, int] | None:
    place = draft.past(first, _ARTICLES | {"last", "past", "previous"})
    if draft.word(place) != "weekend":
        return None
    days_ago = (now.weekday() - _SATURDAY) % 7
    start = midnight(now.date() - timedelta(days=days_ago), now)
    return Span(start=start, end=start + timedelta(days=2)), place + 1


def _this(draft: Draft, first: int, now: datetime) -> tuple[Span, int] | None:
    place = first + (draft.word(first) == "the")
    unit = UNITS.get(draft.word(place + 1))
    if draft.word(place) not in _THIS or unit is None:
        return None
    return Span(start=_beginning(unit, now)), place + 2


def _beginning(unit: int, now: datetime) -> datetime:
    today = now.date()
    if unit < DAY:
        passed = (now - midnight(today, now)).total_seconds() % unit
        return (now - timedelta(seconds=passed)).replace(microsecond=0)
    first_days = {
        WEEK: today - timedelta(days=today.weekday()),
        MONTH: today.replace(day=1),
        YEAR: today.replace(month=1, day=1),
    }
    return midnight(first_days.get(unit, today), now)


def _last(draft: Draft, first: int, now: datetime) -> tuple[Span, int] | None:
    """``last week`` is the calendar's, ``the last week``, ``past week`` and ``last 7 days`` end now."""
    place = draft.past(first, _ARTICLES)
    qualifier = draft.word(place)
    if qualifier not in _PAST or draft.word(place + 1) in WEEKDAYS:
        return None
    is_rolling = place > first or qualifier in _ROLLING
    unit = UNITS.get(draft.word(place + 1))
    if unit is not None:
        if unit == DAY and qualifier == "previous":
            return whole_day(now.date() - timedelta(days=1), now), place + 2
        if unit in {WEEK, MONTH, YEAR} and not is_rolling:
            return _previous(unit, now), place + 2
        if draft.run(place + 2, 3) == ("and", "a", "half"):
            return before_now(Duration(unit * 3 // 2, 1 if unit < HOUR else 60), now), place + 5
        return before_now(Duration(unit, unit), now), place + 2
    found = duration_at(draft, place + 1)
    return (before_now(found[0], now), found[1]) if found else None


def _previous(unit: int, now: datetime) -> Span:
    end = _beginning(unit, now)
    return Span(start=_beginning(unit, end - timedelta(seconds=1)), end=end)


def is_short(duration: Duration) -> bool:
    """Whether a request might take so long."""
    return duration.unit_seconds < HOUR
