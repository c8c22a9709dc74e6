"""What ``field:value`` means: which fields there are, what values each takes, and the node that results."""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from difflib import get_close_matches

from tocsin.kit.moments import nanoseconds_of_number, nanoseconds_of_text
from tocsin.logmodel.levels import SEVERITY_BY_NAME, SEVERITY_RANGES, Level, level_of
from tocsin.query.message import message_node
from tocsin.query.numbers import NUMBER_EXPRESSION, number_of
from tocsin.query.quoting import as_value
from tocsin.query.tree import (
    And,
    Everything,
    MetadataCompares,
    MetadataExists,
    MetadataIs,
    MetadataLike,
    MetadataMatches,
    Node,
    Not,
    Operator,
    PatternIs,
    ServiceIs,
    ServiceLike,
    SeverityBetween,
    ShapeIs,
    SpanIs,
    TimestampCompares,
    TraceIs,
)
from tocsin.query.values import Form, Value

METADATA_PREFIX = "metadata."
"""May stand before any metadata key, and must where the key is one of ``NAMED_FIELDS`` or starts like this itself."""

FIRST_SEVERITY, LAST_SEVERITY = 1, 24

_SEVERITY_RANGE = re.compile(r"(\d{1,2})(?:\.\.(\d{1,2}))?")
_SHAPE = re.compile(r"[0-9a-fA-F]{16}")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+")
_NUMBER_RANGE = re.compile(rf"({NUMBER_EXPRESSION})\.\.({NUMBER_EXPRESSION})")
_RANGE_SIGN = ".."
_PLAIN_WORD = re.compile(r"[\w-]+")


def field_node(name: str, value: Value) -> Node:
    """The node for ``name:value``.

    Raises:
        InvalidQuery: the field can't have this value.
    """
    named_field = NAMED_FIELDS.get(name)
    if named_field is not None:
        return named_field(value)
    return _metadata(name.removeprefix(METADATA_PREFIX), value)


def hex_id(text: str) -> str:
    """A trace or span id as it is stored: in lower case where it is hexadecimal."""
    return text.lower() if _HEXADECIMAL.fullmatch(text) else text


def level_at_range(first: int, last: int) -> Level | None:
    """The level that covers exactly these severity numbers."""
    return _LEVEL_AT_RANGE.get((first, last))


_LEVEL_AT_RANGE = {severities: level for level, severities in SEVERITY_RANGES.items()}


def _level(value: Value) -> Node:
    if value.form is Form.ANY:
        return Everything()
    _must_be_text("level", value)
    severity = SEVERITY_BY_NAME.get(value.text.strip().lower())
    if severity is None:
        close = get_close_matches(value.text.upper(), list(Level), n=1)
        better = f"{value.sign}{close[0]}" if close else None
        value.refuse(f"{value.text!r} is not a level", *map(str, Level), better_value=better)
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


def _pattern(value: Value) -> Node:
    if value.form is Form.ANY:
        return Everything()
    _must_be_text("pattern", value)
    _must_not_compare("pattern", value)
    return PatternIs(value.text)


def _timestamp(value: Value) -> Node:
    if value.form is Form.ANY:
        return Everything()
    _must_be_text("timestamp", value)
    first, range_sign, last = value.text.partition(_RANGE_SIGN)
    if not range_sign:
        return TimestampCompares(value.operator, _unix_nano(value.text, value))
    _must_not_compare("a range", value)
    return And(
        (
            TimestampCompares(Operator.GREATER_OR_EQUAL, _unix_nano(first, value)),
            TimestampCompares(Operator.LESS_OR_EQUAL, _unix_nano(last, value)),
        )
    )


def _unix_nano(text: str, value: Value) -> int:
    is_number = number_of(text) is not None
    unix_nano = nanoseconds_of_number(Decimal(text)) if is_number else nanoseconds_of_text(text)
    if unix_nano is None:
        value.refuse(f"{text!r} is not a point in time", "a time like 2026-11-21T10:00:00Z", "seconds since 1970")
    return unix_nano


def _service(value: Value) -> Node:
    if value.form is Form.WILDCARD and value.wildcard:
        _must_not_compare("service", value)
        return ServiceLike(value.wildcard)
    return _whole_service(value)


def _whole_text(name: str, node_of: Callable[[str], Node]) -> Callable[[Value], Node]:
    def text_field(value: Value) -> Node:
        if value.form is Form.ANY:
            return Not(node_of(""))
        _must_be_text(name, value)
        _must_not_compare(name, value)
        return node_of(value.text)

    return text_field


_whole_service = _whole_text("service", ServiceIs)


def _metadata(key: str, value: Value) -> Node:
    if value.operator is not Operator.EQUALS:
        return _metadata_comparison(key, value)
    match value.form:
        case Form.ANY:
            return MetadataExists(key)
        case Form.EXPRESSION:
            return MetadataMatches(key, value.text)
        case Form.WILDCARD if value.wildcard:
            return MetadataLike(key, value.wildcard)
        case Form.BARE if written := _NUMBER_RANGE.fullmatch(value.text):
            return _metadata_range(key, value, written[1], written[2])
        case _:
            return MetadataIs(key, value.text)


def _metadata_comparison(key: str, value: Value) -> MetadataCompares:
    number = number_of(value.text)
    if number is None or not math.isfinite(number):
        value.refuse(f"{value.text!r} can't be compared: it is not a number, or too large a one", "a number")
    return MetadataCompares(key, value.operator, number)


def _metadata_range(key: str, value: Value, first_text: str, last_text: str) -> Node:
    first, last = float(first_text), float(last_text)
    if not (math.isfinite(first) and math.isfinite(last) and first <= last):
        value.refuse("no number is in this range", "a range like 500..599", better_value=f'"{value.text}"')
    return And(
        (
            MetadataCompares(key, Operator.GREATER_OR_EQUAL, first),
            MetadataCompares(key, Operator.LESS_OR_EQUAL, last),
        )
    )


def _must_be_text(name: str, value: Value) -> None:
    if value.form is Form.WILDCARD:
        value.refuse(f"{name} matches by its whole value; it can't have stars", "a whole value")
    if value.form is Form.EXPRESSION:
        better = f"*{value.text}*" if name == "service" and _PLAIN_WORD.fullmatch(value.text) else None
        detail = f"{name} can't be searched by an expression; messages and metadata can"
        value.refuse(detail, "a whole value", better_value=better)


def _must_not_compare(name: str, value: Value) -> None:
    if value.operator is not Operator.EQUALS:
        value.refuse(f"{name} can't be compared with {value.operator}", "a value", better_value=as_value(value.text))


NAMED_FIELDS: dict[str, Callable[[Value], Node]] = {
    "timestamp": _timestamp,
    "service": _service,
    "level": _level,
    "severity_number": _severity_number,
    "trace_id": _whole_text("trace_id", lambda text: TraceIs(hex_id(text))),
    "span_id": _whole_text("span_id", lambda text: SpanIs(hex_id(text))),
    "shape": _shape,
    "pattern": _pattern,
    "message": message_node,
}
"""The fields of a log itself; every other name is a metadata key."""
