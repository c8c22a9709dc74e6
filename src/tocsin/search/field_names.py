"""Fields by the names that queries have for them, and the nodes that ask for their values.

A metadata key is its own name, unless it is the name of a field of the log itself: ``metadata.level``.
"""

from tocsin.kit.errors import InvalidRequest
from tocsin.logstore.ports import Field, LogColumn, MetadataKey
from tocsin.query.fields import METADATA_PREFIX, NAMED_FIELDS
from tocsin.query.text import joined
from tocsin.query.tree import (
    And,
    Everything,
    MetadataExists,
    MetadataLike,
    Node,
    Not,
    ServiceLike,
    SpanIs,
    TraceIs,
    Wildcard,
)

_COLUMNS = {column.value: column for column in LogColumn}

_INSTEAD = {"message": "count shape in its place", "timestamp": "give an interval in its place"}


def field_named(name: str) -> Field:
    """The field with this name.

    Raises:
        InvalidRequest: it is a field whose values can't be counted, or no name.
    """
    if name in _COLUMNS:
        return _COLUMNS[name]
    if name in NAMED_FIELDS:
        hint = _INSTEAD.get(name, f"fields of a log that can be are {', '.join(_COLUMNS)}")
        raise InvalidRequest(f"the values of {name} can't be counted: {hint}")
    if not name:
        raise InvalidRequest("a field has a name")
    return MetadataKey(name.removeprefix(METADATA_PREFIX))


def name_of(field: Field) -> str:
    """The name of a field; ``field_named`` is the inverse."""
    if isinstance(field, LogColumn):
        return field.value
    is_taken = not field.key or field.key in NAMED_FIELDS or field.key.startswith(METADATA_PREFIX)
    return f"{METADATA_PREFIX}{field.key}" if is_taken or field.key in _COLUMNS else field.key


def has_value(field: Field) -> Node:
    """Matches the logs that have a value of the field."""
    match field:
        case MetadataKey(key):
            return MetadataExists(key)
        case LogColumn.TRACE_ID:
            return Not(TraceIs(""))
        case LogColumn.SPAN_ID:
            return Not(SpanIs(""))
        case _:
            return Everything()


def begins_with(field: Field, prefix: str) -> Node:
    """Matches the logs whose value of the field begins so.

    Raises:
        InvalidRequest: the field is one of numbers and ids, of which no beginning is asked for.
    """
    if not prefix:
        return has_value(field)
    match field:
        case MetadataKey(key):
            return MetadataLike(key, Wildcard((prefix, "")))
        case LogColumn.SERVICE:
            return ServiceLike(Wildcard((prefix, "")))
        case LogColumn.LEVEL | LogColumn.SEVERITY_NUMBER:
            # They have few values: whoever asks leaves out those that begin otherwise.
            return Everything()
        case _:
            raise InvalidRequest(f"values of {field.value} are not completed; leave the prefix out")


def both(query: Node, condition: Node) -> Node:
    """Matches what both match."""
    nodes = tuple(node for node in (query, condition) if node != Everything())
    return joined(And, nodes) if nodes else Everything()
