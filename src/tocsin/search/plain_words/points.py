"""Days and times of day in words: ``yesterday``, ``last Monday``, ``Nov 20th``, ``3:30 pm``, ``noon``."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tocsin.search.plain_words.draft import Draft

WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            ("monday", "mon", "mondays"),
            ("tuesday", "tue", "tues"),
            ("wednesday", "wed", "weds"),
            ("thursday", "thu", "thur", "thurs"),
            ("friday", "fri"),
            ("saturday", "sat"),
            ("sunday", "sun"),
        )
    )
    for name in names
}
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sep", "sept"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}

PARTS_OF_DAY = {"morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24), "night": (18, 30)}
"""From which hour to which; the night ends on the next day."""

EARLIEST_YEAR, LATEST_YEAR = 1970, 2200
"""Other years are no times of logs."""

_WEEK_DAYS = 7
_SHORT = 3
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?\s?(?:([ap])\.?m)?")
_HOUR = re.compile(r"(\d{1,2})\s?([ap])\.?m")
_H = re.compile(r"(\d{1,2})h(\d\d)?")
_BARE = re.compile(r"\d{1,2}")
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)")
_DAY_NUMBER = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_NUMERIC_DATE = re.compile(r"(\d{1,2})([./])(\d{1,2})\2(\d{4})")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day."""

    seconds: int
    #: How exactly it was said: an hour, a minute or a second.
    grain_seconds: int
    #: Whether it might as well be twelve hours later.
    is_bare: bool = False


def clock_at(draft: Draft, first: int, *, takes_bare: bool = False) -> tuple[Clock, int] | None:
    """The time of day that begins at ``first``; ``takes_bare`` for a number alone, where only a time can stand."""
    word = draft.word(first)
    if word in {"noon", "midday", "midnight"}:
        return Clock(0 if word == "midnight" else 43_200, 60), first + 1
    if match := _CLOCK.fullmatch(word):
        hour, minute, second, half = match.groups()
        last = first + 1
        if half is None and (half := _meridiem(draft, last)):
            last += 1
        return _placed(_clock(hour, minute, second, half), last)
    if match := _HOUR.fullmatch(word):
        return _placed(_clock(match[1], None, None, match[2]), first + 1)
    if (match := _H.fullmatch(word)) and takes_bare:
        return _placed(_clock(match[1], match[2], None, None), first + 1)
    if _BARE.fullmatch(word):
        half = _meridiem(draft, first + 1)
        if half or draft.word(first + 1) in {"o'clock", "oclock"}:
            return _placed(_clock(word, None, None, half), first + 2)
        if takes_bare:
            return _placed(_clock(word, None, None, None), first + 1)
    return None


def _meridiem(draft: Draft, index: int) -> str | None:
    return draft.word(index)[0] if draft.word(index) in {"am", "pm", "a.m", "p.m"} else None


def _clock(hour: str, minute: str | None, second: str | None, half: str | None) -> Clock | None:
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half == "p" else 0)
    seconds = hours * 3_600 + int(minute or 0) * 60 + int(second or 0)
    if hours > 24 or int(minute or 0) > 59 or int(second or 0) > 59 or seconds > 86_400:
        return None
    grain = 1 if second else 60 if minute else 3_600
    return Clock(seconds, grain, is_bare=not half and not minute)


def _placed(clock: Clock | None, last: int) -> tuple[Clock, int] | None:
    return None if clock is None else (clock, last)


def day_at(draft: Draft, first: int, today: date) -> tuple[date, int] | None:
    """The day that begins at ``first``, with or without an article."""
    place = draft.past(first, {"the"})
    found = _near_day(draft, place, today) or _weekday(draft, place, today) or _dated(draft, place, today)
    if found is None and place > first:
        found = _day_of_the_month(draft, place, today)
    return found


def _near_day(draft: Draft, first: int, today: date) -> tuple[date, int] | None:
    for phrase, days in (
        (("day", "before", "yesterday"), 2),
        (("yesterday",), 1),
        (("yday",), 1),
        (("earlier", "today"), 0),
        (("today",), 0),
        (("tomorrow",), -1),
    ):
        if draft.run(first, len(phrase)) == phrase:
            return today - timedelta(days=days), first + len(phrase)
    return None


def _weekday(draft: Draft, first: int, today: date) -> tuple[date, int] | None:
    qualifier = draft.word(first) if draft.word(first) in {"last", "past", "previous", "this"} else ""
    place = first + bool(qualifier)
    word = draft.word(place)
    if word not in WEEKDAYS or (len(word) == _SHORT and not _stands_for_a_day(draft, first)):
        return None
    days_ago = (today.weekday() - WEEKDAYS[word]) % _WEEK_DAYS
    if days_ago == 0 and qualifier and qualifier != "this":
        days_ago = _WEEK_DAYS
    return today - timedelta(days=days_ago), place + 1


def _stands_for_a_day(draft: Draft, first: int) -> bool:
    """Whether ``sun``, ``sat`` or ``mon`` is a day here."""
    return draft.said(first - 1) in {
        "on",
        "since",
        "from",
        "to",
        "until",
        "till",
        "after",
        "before",
        "and",
        "-",
        "last",
    }


def _dated(draft: Draft, first: int, today: date) -> tuple[date, int] | None:
    """``2026-11-20``, ``20 November 2026``, ``20th of November``, ``Nov 20th``."""
    word = draft.word(first)
    if match := _NUMERIC_DATE.fullmatch(word):
        return _numeric(match, first)
    if _ISO_DATE.fullmatch(word):
        return _dated_iso(word, first)
    if (match := _DAY_NUMBER.fullmatch(word)) is not None:
        place = first + 1 + (draft.word(first + 1) == "of")
        month = MONTHS.get(draft.word(place))
        return _in_year(draft, place + 1, today, month, int(match[1])) if month else None
    month = MONTHS.get(word)
    place = first + 1 + (draft.word(first + 1) == "the")
    match = _DAY_NUMBER.fullmatch(draft.word(place))
    return _in_year(draft, place + 1, today, month, int(match[1])) if month and match else None


def _numeric(match: re.Match[str], first: int) -> tuple[date, int] | None:
    """``20.11.2026`` has the day first, ``11/20/2026`` the month, unless there is no such month."""
    one, sign, two, year = int(match[1]), match[2], int(match[3]), int(match[4])
    month, day = (one, two) if sign == "/" and one <= 12 else (two, one)
    found = _date(year, month, day)
    return (found, first + 1) if found else None


def _dated_iso(word: str, first: int) -> tuple[date, int] | None:
    found = _date(*map(int, word.split("-")))
    return (found, first + 1) if found else None


def _in_year(draft: Draft, place: int, today: date, month: int, day: int) -> tuple[date, int] | None:
    if _YEAR.fullmatch(draft.word(place)):
        found = _date(int(draft.word(place)), month, day)
        return (found, place + 1) if found else None
    found = _date(today.year, month, day)
    if found and found > today:
        found = _date(today.year - 1, month, day)
    return (found, place) if found else None


def _day_of_the_month(draft: Draft, first: int, today: date) -> tuple[date, int] | None:
    match = _ORDINAL.fullmatch(draft.word(first))
    if match is None:
        return None
    found = _date(today.year, today.month, int(match[1]))
    if found is None or found > today:
        last_month = today.replace(day=1) - timedelta(days=1)
        found = _date(last_month.year, last_month.month, int(match[1]))
    return (found, first + 1) if found else None


def _date(year: int, month: int, day: int) -> date | None:
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def midnight(day: date, now: datetime) -> datetime:
    """When the day begins, in the zone of ``now``."""
    return datetime(day.year, day.month, day.day, tzinfo=now.tzinfo)
