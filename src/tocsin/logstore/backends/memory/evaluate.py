"""Decide whether a log matches a query, straight from the tree's words: clarity before speed."""

from operator import eq, ge, gt, le, lt
from typing import Any, assert_never

from tocsin.logmodel.log import Log
from tocsin.logmodel.metadata import text_of
from tocsin.query.expressions import found_in
from tocsin.query.numbers import number_of
from tocsin.query.tokens import fold, tokens_of
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
from tocsin.query.wildcards import is_like

_RELATIONS = {
    Operator.EQUALS: eq,
    Operator.LESS: lt,
    Operator.LESS_OR_EQUAL: le,
    Operator.GREATER: gt,
    Operator.GREATER_OR_EQUAL: ge,
}


def matches(node: Node, log: Log) -> bool:
    """Whether the log is what the node asks for."""
    match node:
        case Everything():
            return True
        case Not(inner):
            return not matches(inner, log)
        case And(nodes):
            return all(matches(inner, log) for inner in nodes)
        case Or(nodes):
            return any(matches(inner, log) for inner in nodes)
        case MetadataIs() | MetadataLike() | MetadataMatches() | MetadataCompares() | MetadataExists():
            return _metadata_matches(node, log.metadata)
        case Phrase() | Substring() | WordLike() | Matches():
            return _message_matches(node, log.message)
        case PatternIs(pattern):
            raise TypeError(f"no store knows the shapes of the pattern {pattern!r}")
        case _:
            return _column_matches(node, log)


def _message_matches(node: Phrase | Substring | WordLike | Matches, message: str) -> bool:
    match node:
        case Phrase(tokens):
            return _holds_phrase(tokens_of(message), tokens)
        case Substring(text):
            return fold(text) in fold(message)
        case WordLike(wildcard):
            return any(is_like(token, wildcard) for token in tokens_of(message))
        case Matches(expression):
            return found_in(expression, message)
        case _:
            assert_never(node)


def _column_matches(
    node: ServiceIs | ServiceLike | TimestampCompares | SeverityBetween | TraceIs | SpanIs | ShapeIs | ShapeIn, log: Log
) -> bool:
    match node:
        case ServiceIs(service):
            return log.service == service
        case ServiceLike(wildcard):
            return is_like(log.service, wildcard)
        case TimestampCompares(operator, unix_nano):
            return bool(_RELATIONS[operator](log.timestamp_unix_nano, unix_nano))
        case SeverityBetween(first, last):
            return first <= log.severity_number <= last
        case TraceIs(trace_id):
            return log.trace_id == trace_id
        case SpanIs(span_id):
            return log.span_id == span_id
        case ShapeIs(shape):
            return log.shape == shape
        case ShapeIn(shapes):
            return log.shape in shapes
        case _:
            assert_never(node)


def _holds_phrase(tokens: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    last_start = len(tokens) - len(phrase)
    return any(tokens[start : start + len(phrase)] == phrase for start in range(last_start + 1))


def _metadata_matches(
    node: MetadataIs | MetadataLike | MetadataMatches | MetadataCompares | MetadataExists, metadata: dict[str, Any]
) -> bool:
    if node.key not in metadata:
        return False
    value = metadata[node.key]
    match node:
        case MetadataExists():
            return True
        case MetadataIs():
            return text_of(value) == node.value
        case MetadataLike():
            return is_like(text_of(value), node.wildcard)
        case MetadataMatches():
            return found_in(node.expression, text_of(value))
        case MetadataCompares():
            number = _as_number(value)
            return number is not None and bool(_RELATIONS[node.operator](number, node.number))
        case _:
            assert_never(node)


def _as_number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return number_of(value) if isinstance(value, str) else None
