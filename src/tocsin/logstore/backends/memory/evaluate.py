"""Decide whether a log matches a query, straight from the tree's words: clarity before speed."""

from operator import ge, gt, le, lt
from typing import Any, assert_never

from tocsin.logmodel.log import Log
from tocsin.logmodel.metadata import text_of
from tocsin.query.numbers import number_of
from tocsin.query.tokens import fold, tokens_of
from tocsin.query.tree import (
    And,
    Everything,
    MetadataCompares,
    MetadataExists,
    MetadataIs,
    Node,
    Not,
    Operator,
    Or,
    Phrase,
    ServiceIs,
    SeverityBetween,
    ShapeIs,
    SpanIs,
    Substring,
    TraceIs,
)

_RELATIONS = {
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
        case MetadataIs() | MetadataCompares() | MetadataExists():
            return _metadata_matches(node, log.metadata)
        case _:
            return _field_matches(node, log)


def _field_matches(
    node: Phrase | Substring | ServiceIs | SeverityBetween | TraceIs | SpanIs | ShapeIs, log: Log
) -> bool:
    match node:
        case Phrase(tokens):
            return _holds_phrase(tokens_of(log.message), tokens)
        case Substring(text):
            return fold(text) in fold(log.message)
        case ServiceIs(service):
            return log.service == service
        case SeverityBetween(first, last):
            return first <= log.severity_number <= last
        case TraceIs(trace_id):
            return log.trace_id == trace_id
        case SpanIs(span_id):
            return log.span_id == span_id
        case ShapeIs(shape):
            return log.shape == shape
        case _:
            assert_never(node)


def _holds_phrase(tokens: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    last_start = len(tokens) - len(phrase)
    return any(tokens[start : start + len(phrase)] == phrase for start in range(last_start + 1))


def _metadata_matches(node: MetadataIs | MetadataCompares | MetadataExists, metadata: dict[str, Any]) -> bool:
    if node.key not in metadata:
        return False
    value = metadata[node.key]
    match node:
        case MetadataExists():
            return True
        case MetadataIs():
            return text_of(value) == node.value
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
