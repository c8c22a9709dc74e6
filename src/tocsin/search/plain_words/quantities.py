"""Amounts with a unit, ``2s``, ``10 MB``, and how they are said in the unit of a field."""

import re
from dataclasses import dataclass
from enum import Enum, auto

from tocsin.search.plain_words.draft import Draft
from tocsin.search.plain_words.durations import number_at
from tocsin.search.plain_words.known_fields import SIZE_UNITS, TIME_UNITS, parts_of


class Dimension(Enum):
    """What is measured."""

    TIME = auto()
    SIZE = auto()


_TIMES = {
    **TIME_UNITS,
    **dict.fromkeys(("millisecond", "msecs"), 1e-3),
    **dict.fromkeys(("microsecond", "µs", "μs"), 1e-6),
    **dict.fromkeys(("second",), 1.0),
    **dict.fromkeys(("m", "minute"), 60.0),
    **dict.fromkeys(("h", "hour", "hours", "hr", "hrs"), 3_600.0),
    **dict.fromkeys(("day", "days"), 86_400.0),
}
_SIZES = {
    **SIZE_UNITS,
    **dict.fromkeys(("k", "kilobyte"), 1e3),
    **dict.fromkeys(("megabyte", "megs", "meg"), 1e6),
    **dict.fromkeys(("gb", "gigabyte", "gigabytes"), 1e9),
    **dict.fromkeys(("gib",), 1024.0**3),
}

_AMOUNT = re.compile(r"(-?\d{1,15}(?:\.\d{1,9})?)([a-zµμ]*)%?")


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount, in seconds or bytes where it has such a unit."""

    amount: float
    dimension: Dimension | None = None

    def in_unit_of(self, field: str) -> tuple[float, bool]:
        """The amount in the field's unit, and whether its name tells the unit: times are milliseconds otherwise."""
        if self.dimension is None:
            return self.amount, True
        last = parts_of(field)[-1:]
        units = TIME_UNITS if self.dimension is Dimension.TIME else SIZE_UNITS
        unit = next((units[part] for part in last if part in units), None)
        default = 1e-3 if self.dimension is Dimension.TIME else 1.0
        return self.amount / (unit or default), unit is not None or self.dimension is Dimension.SIZE


def quantity_at(draft: Draft, first: int) -> tuple[Quantity, int] | None:
    """The quantity that begins at ``first``, and the place behind it."""
    word = draft.word(first)
    if match := _AMOUNT.fullmatch(word):
        amount, letters = float(match[1]), match[2]
        if letters:
            return _with_unit(amount, letters, first + 1)
        return _with_unit(amount, draft.word(first + 1), first + 2) or (Quantity(amount), first + 1)
    number = number_at(draft, first)
    if number is None:
        return None
    return _with_unit(number[0], draft.word(number[1]), number[1] + 1)


def _with_unit(amount: float, unit: str, last: int) -> tuple[Quantity, int] | None:
    if unit in _TIMES:
        return Quantity(amount * _TIMES[unit], Dimension.TIME), last
    if unit in _SIZES:
        return Quantity(amount * _SIZES[unit], Dimension.SIZE), last
    return None


def number_text(number: float) -> str:
    """A number as a query has it, without an exponent."""
    rounded = round(number, 9)
    return str(int(rounded)) if rounded == int(rounded) else f"{rounded:.9f}".rstrip("0").rstrip(".")
