"""From the pieces of text that the grammar has told apart to values, and from a field with its values to a node."""

import re
from collections.abc import Sequence
from dataclasses import replace

from lark import Token

from tocsin.query.expressions import refusal, slashed, unslashed
from tocsin.query.fields import field_node
from tocsin.query.foreign import refuse_foreign_value
from tocsin.query.quoting import quoted, unquoted
from tocsin.query.text import joined
from tocsin.query.tree import Node, Operator, Or
from tocsin.query.values import Form, InvalidValue, Value
from tocsin.query.wildcards import wildcard_of

_KEYWORDS = frozenset({"AND", "OR", "NOT"})
_UNBALANCED = ("missing", "unexpected", "no argument", "trailing")
"""How RE2 begins what it says of signs that were probably meant as text."""

_READS_AS_EXPRESSION = re.compile(r"/(?=.*[\\^|]).+", re.DOTALL)


def bare(token: Token) -> Value:
    """A word or value without quotes."""
    value = Value(str(token), *borders(token))
    if _READS_AS_EXPRESSION.fullmatch(value.text):
        body = value.text[1:].removesuffix("/")
        detail = r"an expression ends with a slash, and inside it a slash is written \/; other texts stand in quotes"
        value.refuse(detail, "an /expression/", better_value=slashed(unslashed(body)))
    return value


def quoted_text(token: Token) -> Value:
    """A text in quotes."""
    return Value(unquoted(token), *borders(token), form=Form.QUOTED)


def with_gaps(token: Token) -> Value:
    """A text with stars; stars alone are anything."""
    wildcard = wildcard_of(token)
    form = Form.WILDCARD if any(wildcard.pieces) else Form.ANY
    return Value(str(token), *borders(token), form=form, wildcard=wildcard)


def between_slashes(token: Token) -> Value:
    """An expression.

    Raises:
        InvalidQuery: RE2 does not take it, or it has flags behind it.
    """
    body, _, flags = token[1:].rpartition("/")
    value = Value(unslashed(body), *borders(token), form=Form.EXPRESSION)
    if flags:
        better = slashed(f"(?{flags}){value.text}")
        value.refuse(f"flags stand inside an expression: (?{flags})", "an /expression/", better_value=better)
    reason = refusal(value.text)
    if reason is not None:
        better_value = f"*{quoted(value.text)}*" if reason.startswith(_UNBALANCED) else None
        detail = f"this is not an expression that RE2 takes: {reason}"
        value.refuse(detail, "an RE2 expression", better_value=better_value)
    return value


def compared(operator: Token, operand: Value) -> Value:
    """A value behind a comparison."""
    value = replace(operand, start=borders(operator)[0], operator=Operator(str(operator)))
    if not operand.is_text:
        value.refuse("only a plain value can be compared", "a number", "a time", "a level")
    return value


def field_nodes(name: Token, first: Token | Value, values: Sequence[Value]) -> Node:
    """The node for a field with one value, or with a list that ``first``, a parenthesis, opens.

    Raises:
        InvalidQuery: the value does not stand directly behind the field, or the field can't have it.
    """
    field = unquoted(name[:-1]) if name.type == "QUOTED_FIELD" else str(name[:-1])
    _refuse_gap(name, first, values[-1])
    is_list = isinstance(first, Token)
    for value in values:
        if is_list and value.form is Form.BARE:
            _refuse_separator(value)
        refuse_foreign_value(name, value, in_list=is_list)
    return joined(Or, tuple(field_node(field, value) for value in values))


def borders(token: Token) -> tuple[int, int]:
    """Where a token starts and ends in the query."""
    start = token.start_pos or 0
    return start, start + len(token)


def _refuse_separator(value: Value) -> None:
    if value.text in _KEYWORDS:
        value.refuse("a list has values with OR between them", "a value", better_value=quoted(value.text))
    if "," in value.text:
        better_value = " OR ".join(filter(None, value.text.split(",")))
        value.refuse("the values of a list are joined with OR", "a value", "OR", better_value=better_value)


def _refuse_gap(name: Token, first: Token | Value, last: Value) -> None:
    behind_name = borders(name)[1]
    start = borders(first)[0] if isinstance(first, Token) else first.start
    if start == behind_name:
        return
    place = replace(last, start=behind_name)
    if isinstance(first, Value) and first.form is Form.BARE and first.text in _KEYWORDS:
        at_name = replace(last, start=behind_name, end=behind_name)
        raise InvalidValue("a value is missing", at_name, ("a value",), "*")
    detail = "a value stands directly behind its field's colon"
    raise InvalidValue(detail, place, ("a value without a space before it",), "", (behind_name, start))
