"""What is wrong with a body or a parameter, for people: the names that callers write, and what may stand there."""

import re
from collections.abc import Iterator
from typing import Any

from litestar.exceptions import ValidationException
from litestar.params import ParameterKwarg
from litestar.typing import FieldDefinition
from msgspec import inspect

from tocsin.kit.text_forms import FORM_IN_WORDS

NO_BODY = "the request has no body"

_BODY = "data"
"""What the framework calls the body, as the argument of an endpoint."""

_KINDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "uuid": "a UUID",
    "datetime": "a date and time",
    "date": "a date",
}
_PARTS = {"str": "character", "array": "entry", "object": "entry"}
_SENTENCES = {
    "Invalid RFC3339 encoded date": "must be a date, such as 2026-11-25",
    "Invalid RFC3339 encoded datetime": "must be a date and time, such as 2026-11-25T10:00:00Z",
    "Expected `datetime` with a timezone component": "must say its time zone, as 2026-11-25T10:00:00Z does",
    "Invalid UUID": "must be a UUID",
}
_ENUM = re.compile(r"Invalid enum value (.+)", re.DOTALL)
_LENGTH = re.compile(r"Expected `(\w+)` of length (>=|<=) (\d+)")
_RANGE = re.compile(r"Expected `\w+` (>=|<=|>|<) (\S+)")
_PATTERN = re.compile(r"Expected `str` matching regex ")
_KIND = re.compile(r"Expected `([^`]+)`, got `(\w+)`")
_MISSING = re.compile(r"Object missing required field `(.+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+)`")
_STEP = re.compile(r"[^.\[\]]+|\[[^\]]*\]")
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def validation_detail(exception: ValidationException, arguments: dict[str, FieldDefinition]) -> str:
    """What the framework found wrong, of an endpoint with these arguments."""
    found = exception.extra if isinstance(exception.extra, list) else []
    return "; ".join(_finding(item, arguments) for item in found) or exception.detail


def _finding(item: dict[str, Any], arguments: dict[str, FieldDefinition]) -> str:
    key, message = item.get("key", _BODY), item["message"]
    if key == _BODY and message == repr(_BODY):
        return NO_BODY
    in_body = item.get("source") == "body"
    argument = arguments.get(_BODY if in_body else key)
    path = key if in_body and key != _BODY else ""
    # Which entry of an object it is, msgspec does not say.
    name = (path.replace("[...]", "") or "body") if in_body else _wire_name(key, argument)
    return f"{name}: {in_words(message, None if argument is None else _at(argument.annotation, path))}"


def _wire_name(key: str, argument: FieldDefinition | None) -> str:
    definition = None if argument is None else argument.kwarg_definition
    return (definition.name if isinstance(definition, ParameterKwarg) else None) or key


def in_words(message: str, kind: inspect.Type | None = None) -> str:
    """A message of msgspec about a value of this kind."""
    if message in _SENTENCES:
        return _SENTENCES[message]
    if match := _ENUM.fullmatch(message):
        choices = [] if kind is None else list(_choices(kind))
        value = match[1].replace("'", '"')
        return (
            f"{value} is none of {', '.join(choices)}"
            if choices
            else f"{value} is none of the values that may stand here"
        )
    if match := _LENGTH.fullmatch(message):
        return _length_in_words(*match.groups())
    if match := _RANGE.fullmatch(message):
        return f"must be {_BOUNDS[match[1]]} {match[2]}"
    if _PATTERN.match(message):
        words = None if kind is None else next(_forms(kind), None)
        return f"must be {words or 'of the form that /docs shows'}"
    return _shape_in_words(message)


def _shape_in_words(message: str) -> str:
    if match := _KIND.fullmatch(message):
        wanted = " or ".join(_KINDS.get(kind.strip(), kind.strip()) for kind in match[1].split("|"))
        return f"must be {wanted}, not {_KINDS.get(match[2], match[2])}"
    if match := _MISSING.fullmatch(message):
        return f"{match[1]} is missing"
    if match := _UNKNOWN.fullmatch(message):
        return f"there is no field {match[1]}"
    return message


def _length_in_words(kind: str, bound: str, length: str) -> str:
    if bound == ">=" and length == "1":
        return "must not be empty"
    part = _PARTS.get(kind, "entry")
    parts = part if length == "1" else {"character": "characters", "entry": "entries"}[part]
    return f"must have {_BOUNDS[bound]} {int(length):,} {parts}"


def _at(annotation: Any, path: str) -> inspect.Type | None:
    """What is wanted at a path such as ``scopes[0]`` of a body."""
    kind: inspect.Type | None = inspect.type_info(annotation)
    for step in _STEP.findall(path):
        kind = next((inner for outer in _alternatives(kind) for inner in _inside(outer, step)), None)
    return kind


def _alternatives(kind: inspect.Type | None) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from _alternatives(one)
    elif isinstance(kind, inspect.Metadata) and not isinstance(kind.type, inspect.StrType):
        yield from _alternatives(kind.type)
    elif kind is not None:
        yield kind


def _inside(kind: inspect.Type, step: str) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.StructType):
        yield from (field.type for field in kind.fields if field.encode_name == step)
    elif isinstance(kind, inspect.DictType):
        yield kind.value_type
    elif isinstance(kind, inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType):
        yield kind.item_type


def _choices(kind: inspect.Type) -> Iterator[str]:
    for one in _alternatives(kind):
        if isinstance(one, inspect.EnumType):
            yield from (str(member.value) for member in one.cls)
        elif isinstance(one, inspect.LiteralType):
            yield from map(str, one.values)


def _forms(kind: inspect.Type) -> Iterator[str]:
    """The words for a text's form; a message about an object's pattern is about its keys."""
    for one in _alternatives(kind):
        text = one.key_type if isinstance(one, inspect.DictType) else one
        if isinstance(text, inspect.Metadata) and text.extra and FORM_IN_WORDS in text.extra:
            yield str(text.extra[FORM_IN_WORDS])
