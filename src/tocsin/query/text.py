"""A tree back as text: for people to read, and for a query to be kept as evidence."""

import re
from datetime import UTC, datetime, timedelta
from typing import assert_never

from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.query.expressions import slashed, unslashed
from tocsin.query.fields import METADATA_PREFIX, NAMED_FIELDS, hex_id, level_at_range
from tocsin.query.message import word_like
from tocsin.query.quoting import as_value, quoted
from tocsin.query.tokens import TOKEN_CLASS
from tocsin.query.tree import (
    And,
    Everything,
    Matches,
    MetadataCompares,
    MetadataExists,
    MetadataIs,
    MetadataLike,
    MetadataMatches,
    Node,
    Not,
    Operator,
    Or,
    PatternIs,
    Phrase,
    ServiceIs,
    ServiceLike,
    SeverityBetween,
    ShapeIn,
    ShapeIs,
    SpanIs,
    Substring,
    TimestampCompares,
    TraceIs,
    WordLike,
)
from tocsin.query.wildcards import normal_wildcard, wildcard_text

_BARE_KEY = re.compile(r"[A-Za-z_@$][\w.@$/-]*")


def normalised(node: Node) -> Node:
    """The one form of a tree that ``parse`` makes.

    No AND directly in an AND, no OR in an OR; hexadecimal ids lower; no escaped slash in an expression and no empty
    one; no empty piece between two gaps, and no wildcard that says what a simpler node says.
    """
    match node:
        case And(nodes):
            return joined(And, tuple(normalised(inner) for inner in nodes))
        case Or(nodes):
            return joined(Or, tuple(normalised(inner) for inner in nodes))
        case Not(inner):
            return Not(normalised(inner))
        case TraceIs(trace_id):
            return TraceIs(hex_id(trace_id))
        case SpanIs(span_id):
            return SpanIs(hex_id(span_id))
        case Matches(expression):
            return Matches(unslashed(expression)) if expression else Everything()
        case MetadataMatches(key, expression):
            return MetadataMatches(key, unslashed(expression)) if expression else MetadataExists(key)
        case WordLike() | ServiceLike() | MetadataLike():
            return _normal_like(node)
        case _:
            return node


def _normal_like(node: WordLike | ServiceLike | MetadataLike) -> Node:
    wildcard = normal_wildcard(node.wildcard)
    is_anything = not any(wildcard.pieces)
    match node:
        case WordLike():
            return Matches(TOKEN_CLASS) if is_anything else word_like(wildcard)
        case ServiceLike():
            return Everything() if is_anything else ServiceLike(wildcard)
        case MetadataLike(key):
            return MetadataExists(key) if is_anything else MetadataLike(key, wildcard)


def joined(kind: type[And] | type[Or], nodes: tuple[Node, ...]) -> Node:
    """One node of this kind over at least one normalised node; those of the same kind are taken apart."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.nodes if isinstance(node, kind) else (node,))
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def to_text(node: Node) -> str:
    """A query that parses to this tree, normalised.

    Points in time have to lie in the years 1 to 9999, as all do that a query can name.
    """
    match node:
        case And(nodes):
            return " ".join(_enclosed(inner) for inner in nodes)
        case Or(nodes):
            return " OR ".join(_enclosed(inner) for inner in nodes)
        case Not(inner):
            return f"NOT {_enclosed(inner)}"
        case _:
            return _leaf(node)


def _enclosed(node: Node) -> str:
    return f"({to_text(node)})" if isinstance(node, And | Or) else to_text(node)


_Shapes = ShapeIs | ShapeIn | PatternIs
_Metadata = MetadataIs | MetadataLike | MetadataMatches | MetadataCompares | MetadataExists
_Message = Phrase | Substring | WordLike | Matches
_Column = ServiceIs | ServiceLike | TimestampCompares | SeverityBetween | TraceIs | SpanIs | _Shapes


def _leaf(node: Everything | _Message | _Column | _Metadata) -> str:
    match node:
        case Everything():
            return "*"
        case Phrase() | Substring() | WordLike() | Matches():
            return _message(node)
        case MetadataIs() | MetadataLike() | MetadataMatches() | MetadataCompares() | MetadataExists():
            return _metadata(node)
        case _:
            return _column(node)


def _message(node: _Message) -> str:
    match node:
        case Phrase(tokens):
            return tokens[0] if len(tokens) == 1 else quoted(" ".join(tokens))
        case Substring(text):
            return f"*{quoted(text)}*"
        case WordLike(wildcard):
            return wildcard_text(wildcard)
        case Matches(expression):
            return slashed(expression)
        case _:
            assert_never(node)


def _column(node: _Column) -> str:
    match node:
        case ServiceIs(service):
            return f"service:{as_value(service)}"
        case ServiceLike(wildcard):
            return f"service:{wildcard_text(wildcard)}"
        case TimestampCompares(operator, unix_nano):
            return f"timestamp:{_sign(operator)}{_moment(unix_nano)}"
        case SeverityBetween(first, last):
            level = level_at_range(first, last)
            return f"level:{level}" if level else f"severity_number:{first}..{last}"
        case TraceIs(trace_id):
            return f"trace_id:{as_value(trace_id)}"
        case SpanIs(span_id):
            return f"span_id:{as_value(span_id)}"
        case _:
            return _shapes(node)


def _shapes(node: _Shapes) -> str:
    match node:
        case ShapeIs(shape):
            return f"shape:{shape:016x}"
        case ShapeIn(shapes):
            alternatives = " OR ".join(f"shape:{shape:016x}" for shape in sorted(shapes))
            return f"({alternatives})" if alternatives else "NOT *"
        case PatternIs(pattern):
            return f"pattern:{as_value(pattern)}"
        case _:
            assert_never(node)


def _metadata(node: _Metadata) -> str:
    name = _field_name(node.key)
    match node:
        case MetadataIs(_, value):
            return f"{name}:{as_value(value)}"
        case MetadataLike(_, wildcard):
            return f"{name}:{wildcard_text(wildcard)}"
        case MetadataMatches(_, expression):
            return f"{name}:{slashed(expression)}"
        case MetadataCompares(_, operator, number):
            return f"{name}:{_sign(operator)}{number!r}"
        case MetadataExists():
            return f"{name}:*"
        case _:
            assert_never(node)


def _sign(operator: Operator) -> str:
    return "" if operator is Operator.EQUALS else operator.value


def _moment(unix_nano: int) -> str:
    seconds, nanoseconds = divmod(unix_nano, NANOSECONDS_A_SECOND)
    second = datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    return f"{second:%Y-%m-%dT%H:%M:%S}{fraction}Z".rjust(20 + len(fraction), "0")


def _field_name(key: str) -> str:
    name = f"{METADATA_PREFIX}{key}" if key in NAMED_FIELDS or key.startswith(METADATA_PREFIX) else key
    return name if _BARE_KEY.fullmatch(name) else quoted(name)
