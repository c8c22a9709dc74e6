"""A tree back as text: for people to read, and for a query to be kept as evidence."""

import re
from typing import assert_never

from tocsin.query.fields import METADATA_PREFIX, NAMED_FIELDS, hex_id, level_at_range
from tocsin.query.quoting import as_value, quoted
from tocsin.query.tree import (
    And,
    Everything,
    MetadataCompares,
    MetadataExists,
    MetadataIs,
    Node,
    Not,
    Or,
    Phrase,
    ServiceIs,
    SeverityBetween,
    ShapeIs,
    SpanIs,
    Substring,
    TraceIs,
)

_BARE_KEY = re.compile(r"[A-Za-z_@$][\w.@$/-]*")


def normalised(node: Node) -> Node:
    """The one form of a tree that ``parse`` makes: no AND directly in an AND, no OR in an OR, hexadecimal ids lower."""
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
        case _:
            return node


def joined(kind: type[And] | type[Or], nodes: tuple[Node, ...]) -> Node:
    """One node of this kind over at least one normalised node; those of the same kind are taken apart."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.nodes if isinstance(node, kind) else (node,))
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def to_text(node: Node) -> str:
    """A query that parses to this tree, normalised."""
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


def _leaf(
    node: Everything
    | Phrase
    | Substring
    | ServiceIs
    | SeverityBetween
    | TraceIs
    | SpanIs
    | ShapeIs
    | MetadataIs
    | MetadataCompares
    | MetadataExists,
) -> str:
    match node:
        case Everything():
            return "*"
        case Phrase(tokens):
            return tokens[0] if len(tokens) == 1 else quoted(" ".join(tokens))
        case Substring(text):
            return f"*{quoted(text)}*"
        case ServiceIs(service):
            return f"service:{as_value(service)}"
        case SeverityBetween(first, last):
            level = level_at_range(first, last)
            return f"level:{level}" if level else f"severity_number:{first}..{last}"
        case TraceIs(trace_id):
            return f"trace_id:{as_value(trace_id)}"
        case SpanIs(span_id):
            return f"span_id:{as_value(span_id)}"
        case ShapeIs(shape):
            return f"shape:{shape:016x}"
        case _:
            return _metadata(node)


def _metadata(node: MetadataIs | MetadataCompares | MetadataExists) -> str:
    name = _field_name(node.key)
    match node:
        case MetadataIs(_, value):
            return f"{name}:{as_value(value)}"
        case MetadataCompares(_, operator, number):
            return f"{name}:{operator}{number!r}"
        case MetadataExists():
            return f"{name}:*"
        case _:
            assert_never(node)


def _field_name(key: str) -> str:
    name = f"{METADATA_PREFIX}{key}" if key in NAMED_FIELDS or key.startswith(METADATA_PREFIX) else key
    return name if _BARE_KEY.fullmatch(name) else quoted(name)
