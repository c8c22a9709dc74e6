"""What ``field:value`` means: which fields there are, what values each takes, and the node that results."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto
from typing import NoReturn

from tocsin.kit.errors import InvalidQuery
from tocsin.logmodel.levels import SEVERITY_BY_NAME, SEVERITY_RANGES, Level, level_of
from tocsin.query.numbers import number_of
from tocsin.query.quoting import quoted
from tocsin.query.tokens import tokens_of
from tocsin.query.tree import (
    Everything,
    MetadataCompares,
    MetadataExists,
    MetadataIs,
    Node,
    Not,
    Operator,
    Phrase,
    ServiceIs,
    SeverityBetween,
    ShapeIs,
    SpanIs,
    Substring,
    TraceIs,
)

METADATA_PREFIX = "metadata."
"""May stand before any metadata key, and must where the key is one of ``NAMED_FIELDS`` or starts like this itself."""

FIRST_SEVERITY, LAST_SEVERITY = 1, 24

_SEVERITY_RANGE = re.compile(r"(\d{1,2})(?:\.\.(\d{1,2}))?")
_SHAPE = re.compile(r"[0-9a-fA-F]{16}")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+")


class Form(Enum):
    """How a value was written."""

    TEXT = auto()
    SUBSTRING = auto()
    ANY = auto()


@dataclass(frozen=True, slots=True)
class Value:
    """What is looked for, as it was written, behind a field's colon or alone; ``start`` and ``end`` are where."""

    text: str
    start: int
    end: int
    form: Form = Form.TEXT
    operator: Operator = Operator.EQUALS

    @property
    def is_plain(self) -> bool:
        """Whether it is a text to be equal to."""
        return self.form is Form.TEXT and self.operator is Operator.EQUALS

    def refuse(self, detail: str, *expected: str, better_value: str | None = None) -> NoReturn:
        """Say that this can't be looked for; ``better_value`` is what may have been meant in its place."""
        raise InvalidValue(detail, self, expected, better_value)


class InvalidValue(InvalidQuery):
    """A value can't be looked for, or not in its field; ``better_value`` may be right in its place."""

    def __init__(self, detail: str, value: Value, expected: tuple[str, ...], better_value: str | None) -> None:
        super().__init__(detail, start=value.start, end=value.end, expected=expected)
        self.better_value = better_value


def field_node(name: str, value: Value) -> Node:
    """The node for ``name:value``.

    Raises:
        InvalidQuery: the field can't have this value.
    """
    named_field = NAMED_FIELDS.get(name)
    if named_field is not None:
        return named_field(value)
    return _metadata(name.removeprefix(METADATA_PREFIX), value)


def phrase_of(value: Value) -> Phrase:
    """The value's tokens, next to each other.

    Raises:
        InvalidQuery: it has none.
    """
    tokens = tokens_of(value.text)
    if not tokens:
        better_value = f"*{quoted(value.text)}*" if value.text else None
        value.refuse("there is no letter or digit to look for", "a word", "a *substring*", better_value=better_value)
    return Phrase(tokens)


def hex_id(text: str) -> str:
    """A trace or span id as it is stored: in lower case where it is hexadecimal."""
    return text.lower() if _HEXADECIMAL.fullmatch(text) else text


def level_at_range(first: int, last: int) -> Level | None:
    """The level that covers exactly these severity numbers."""
    return _LEVEL_AT_RANGE.get((first, last))


_LEVEL_AT_RANGE = {severities: level for level, severities in SEVERITY_RANGES.items()}


def _message(value: Value) -> Node:
    _must_not_compare("message", value)
    if value.form is Form.ANY:
        return Everything()
    if value.form is Form.SUBSTRING:
        return Substring(value.text)
    return phrase_of(value)


def _level(value: Value) -> Node:
    if value.form is Form.ANY:
        return Everything()
    _must_be_text("level", value)
    severity = SEVERITY_BY_NAME.get(value.text.strip().lower())
    if severity is None:
        close = get_close_matches(value.text.upper(), list(Level), n=1)
        value.refuse(f"{value.text!r} is not a level", *map(str, Level), better_value=close[0] if close else None)
    return _severities_in_relation(value, *SEVERITY_RANGES[level_of(severity)])


def _severity_number(value: Value) -> Node:
    if value.form is Form.ANY:
        return Everything()
    _must_be_text("severity_number", value)
    written = _SEVERITY_RANGE.fullmatch(value.text)
    if written is None:
        value.refuse(f"{value.text!r} is not a severity number", "a number from 1 to 24", "a range like 9..12")
    first, last = int(written[1]), int(written[2] or written[1])
    if not FIRST_SEVERITY <= first <= last <= LAST_SEVERITY:
        value.refuse("severity numbers go from 1 to 24", "a number from 1 to 24", "a range like 9..12")
    if written[2] and value.operator is not Operator.EQUALS:
        value.refuse("a range can't be compared", "a number from 1 to 24")
    return _severities_in_relation(value, first, last)


def _severities_in_relation(value: Value, first: int, last: int) -> SeverityBetween:
    bounds = {
        Operator.EQUALS: (first, last),
        Operator.GREATER_OR_EQUAL: (first, LAST_SEVERITY),
        Operator.GREATER: (last + 1, LAST_SEVERITY),
        Operator.LESS_OR_EQUAL: (FIRST_SEVERITY, last),
        Operator.LESS: (FIRST_SEVERITY, first - 1),
    }[value.operator]
    if bounds[0] > bounds[1]:
        value.refuse(f"no severity is {value.operator} {value.text}", "a level or number with others on that side")
    return SeverityBetween(*bounds)


def _shape(value: Value) -> Node:
    if value.form is Form.ANY:
        return Everything()
    _must_be_text("shape", value)
    _must_not_compare("shape", value)
    if not _SHAPE.fullmatch(value.text):
        value.refuse(f"{value.text!r} is not a shape", "16 hexadecimal digits")
    return ShapeIs(int(value.text, 16))


def _whole_text(name: str, node_of: Callable[[str], Node]) -> Callable[[Value], Node]:
    def text_field(value: Value) -> Node:
        if value.form is Form.ANY:
            return Not(node_of(""))
        _must_be_text(name, value)
        _must_not_compare(name, value)
        return node_of(value.text)

    return text_field


def _metadata(key: str, value: Value) -> Node:
    if value.form is Form.ANY:
        return MetadataExists(key)
    _must_be_text(key, value)
    if value.operator is Operator.EQUALS:
        return MetadataIs(key, value.text)
    number = number_of(value.text)
    if number is None or not math.isfinite(number):
        value.refuse(f"{value.text!r} can't be compared: it is not a number, or too large a one", "a number")
    return MetadataCompares(key, value.operator, number)


def _must_be_text(name: str, value: Value) -> None:
    if value.form is Form.SUBSTRING:
        value.refuse(f"{name} matches by its whole value; only messages are searched for substrings", "a whole value")


def _must_not_compare(name: str, value: Value) -> None:
    if value.operator is not Operator.EQUALS:
        value.refuse(f"{name} can't be compared with {value.operator}", "a value", better_value=value.text)


NAMED_FIELDS: dict[str, Callable[[Value], Node]] = {
    "service": _whole_text("service", ServiceIs),
    "level": _level,
    "severity_number": _severity_number,
    "trace_id": _whole_text("trace_id", lambda text: TraceIs(hex_id(text))),
    "span_id": _whole_text("span_id", lambda text: SpanIs(hex_id(text))),
    "shape": _shape,
    "message": _message,
}
"""The fields of a log itself; every other name is a metadata key."""
