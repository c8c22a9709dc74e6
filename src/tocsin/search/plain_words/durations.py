"""How long, in words: ``15 minutes``, ``an hour and a half``, ``2h30m`` → seconds, and back to ``now-15m``."""

import re
from dataclasses import dataclass

from tocsin.search.plain_words.draft import Draft

NUMBER_WORDS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40,
    "sixty": 60, "ninety": 90, "hundred": 100, "couple": 2, "few": 3, "several": 3,
}  # fmt: skip

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800

MONTH, YEAR = 30 * DAY, 365 * DAY
"""As lengths; where the calendar's are meant, ``days`` reads them."""

UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), MINUTE),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), HOUR),
    **dict.fromkeys(("d", "day", "days"), DAY),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), WEEK),
    **dict.fromkeys(("fortnight", "fortnights"), 2 * WEEK),
    **dict.fromkeys(("month", "months"), MONTH),
    **dict.fromkeys(("year", "years"), YEAR),
}
"""Seconds of a unit of time."""

_LETTERS = ((WEEK, "w"), (DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (1, "s"))
_NUMBER = re.compile(r"\d{1,6}(?:\.\d{1,3})?")
_JOINED = re.compile(r"(?:\d{1,6}(?:\.\d{1,3})?[a-z]+)+")
_JOINED_PART = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([a-z]+)")

MAX_SECONDS = 100 * YEAR


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time, and the unit that it was said in."""

    seconds: int
    unit_seconds: int

    @property
    def text(self) -> str:
        """As time expressions and intervals have it: in the unit that was said where that is possible."""
        if self.seconds % self.unit_seconds == 0 and self.unit_seconds in dict(_LETTERS):
            return f"{self.seconds // self.unit_seconds}{dict(_LETTERS)[self.unit_seconds]}"
        unit, letter = next(each for each in _LETTERS if self.seconds % each[0] == 0)
        return f"{self.seconds // unit}{letter}"


def duration_at(draft: Draft, first: int) -> tuple[Duration, int] | None:
    """The duration that begins at ``first``, and the place behind it."""
    found = _joined(draft, first) or _half(draft, first) or _counted(draft, first)
    if found is None:
        return None
    (duration, last) = found
    if draft.run(last, 3) in {("and", "a", "half"), ("and", "an", "half")}:
        duration = Duration(duration.seconds + duration.unit_seconds // 2, duration.unit_seconds)
        last += 3
    else:
        following = _counted(draft, last + (draft.word(last) == "and"))
        if following is not None and following[0].unit_seconds < duration.unit_seconds:
            unit = following[0].unit_seconds
            duration, last = Duration(duration.seconds + following[0].seconds, unit), following[1]
    return (duration, last) if 0 < duration.seconds <= MAX_SECONDS else None


def number_at(draft: Draft, first: int) -> tuple[float, int] | None:
    """The number that begins at ``first``, in digits or words, and the place behind it."""
    word = draft.word(first)
    if _NUMBER.fullmatch(word):
        return float(word), first + 1
    if word in {"a", "an"} and draft.word(first + 1) in {"couple", "few", "hundred"}:
        return number_at(draft, first + 1)
    if word in NUMBER_WORDS:
        return NUMBER_WORDS[word], first + 1 + (draft.word(first + 1) == "of")
    return None


def _joined(draft: Draft, first: int) -> tuple[Duration, int] | None:
    word = draft.word(first).removeprefix("-")
    if not _JOINED.fullmatch(word):
        return None
    parts = _JOINED_PART.findall(word)
    if any(unit not in UNITS for _, unit in parts):
        return None
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    return Duration(round(seconds), min(UNITS[unit] for _, unit in parts)), first + 1


def _half(draft: Draft, first: int) -> tuple[Duration, int] | None:
    """``half an hour``, ``half hour``, ``a quarter of an hour``."""
    place = first + (draft.word(first) in {"a", "an"})
    share = {"half": 2, "quarter": 4}.get(draft.word(place))
    if share is None:
        return None
    place += 1
    place += draft.word(place) == "of"
    place += draft.word(place) in {"a", "an"}
    unit = UNITS.get(draft.word(place))
    return (Duration(unit // share, MINUTE if unit // share % MINUTE == 0 else 1), place + 1) if unit else None


def _counted(draft: Draft, first: int) -> tuple[Duration, int] | None:
    number = number_at(draft, first)
    if number is None:
        return None
    amount, place = number
    unit = UNITS.get(draft.word(place))
    return (Duration(round(amount * unit), unit), place + 1) if unit else None
