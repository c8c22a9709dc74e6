"""Parse a query: text → tree, or an error that says where, what was expected and, if it can, what to write instead."""

from dataclasses import replace
from functools import cache
from importlib import resources

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput

from tocsin.kit.errors import InvalidQuery
from tocsin.query.fields import Form, InvalidValue, Value, field_node, phrase_of
from tocsin.query.quoting import as_value, unquoted
from tocsin.query.syntax_errors import syntax_error
from tocsin.query.text import joined
from tocsin.query.tree import And, Everything, Node, Not, Operator, Or, Phrase, Substring

MAX_LENGTH = 4_096
"""Longest query, in characters."""

MAX_DEPTH = 64
"""Deepest nesting of AND, OR and NOT; every reader of a tree may recurse, because it is no deeper."""


def parse(text: str) -> Node:
    """The normalised tree of a query; an empty one matches everything.

    Raises:
        InvalidQuery: the text is not a query, or is longer than ``MAX_LENGTH`` or deeper than ``MAX_DEPTH``. Its
            suggestion, where there is one, is a whole query that parses.
    """
    try:
        return _parsed(text)
    except InvalidQuery as error:
        if not error.suggestion or not _parses(error.suggestion):
            error.suggestion = None
        raise


def _parses(text: str) -> bool:
    try:
        _parsed(text)
    except InvalidQuery:
        return False
    return True


def _parsed(text: str) -> Node:
    if len(text) > MAX_LENGTH:
        detail = f"a query may have {MAX_LENGTH:,} characters; this one has {len(text):,}"
        raise InvalidQuery(detail, start=MAX_LENGTH, end=len(text))
    try:
        node: Node = _grammar().parse(text)  # type: ignore[assignment]
    except UnexpectedInput as unexpected:
        raise syntax_error(text, unexpected) from None
    except InvalidValue as error:
        if error.better_value is not None:
            error.suggestion = f"{text[: error.start]}{error.better_value}{text[error.end :]}"
        raise
    if _is_deeper_than(node, MAX_DEPTH):
        raise InvalidQuery(f"a query may be {MAX_DEPTH} levels deep; this one is deeper", start=0, end=len(text))
    return node


def _is_deeper_than(node: Node, limit: int) -> bool:
    layer: list[Node] = [node]
    for _ in range(limit):
        inner: list[Node] = []
        for parent in layer:
            if isinstance(parent, And | Or):
                inner.extend(parent.nodes)
            elif isinstance(parent, Not):
                inner.append(parent.node)
        if not inner:
            return False
        layer = inner
    return True


@cache
def _grammar() -> Lark:
    text = resources.files("tocsin.query").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="contextual", transformer=_TreeBuilder(), maybe_placeholders=False)


class _TreeBuilder(Transformer[Token, Node]):
    """Makes a node of each rule as soon as it is read, so that no depth of nesting costs stack."""

    def start(self, children: list[Node]) -> Node:
        return children[0] if children else Everything()

    def either(self, children: list[Node | Token]) -> Node:
        return joined(Or, _nodes(children))

    def both(self, children: list[Node | Token]) -> Node:
        return joined(And, _nodes(children))

    def negated(self, children: list[Node | Token]) -> Node:
        return Not(_nodes(children)[0])

    def group(self, children: list[Node | Token]) -> Node:
        return _nodes(children)[0]

    def everything(self, _children: list[Token]) -> Node:
        return Everything()

    def word(self, children: list[Token]) -> Node:
        return _phrase(str(children[0]), children[0])

    def phrase(self, children: list[Token]) -> Node:
        return _phrase(unquoted(children[0]), children[0])

    def substring(self, children: list[Token]) -> Node:
        return Substring(_between_stars(children[0]))

    def bare_value(self, children: list[Token]) -> Value:
        return Value(str(children[0]), *_borders(children[0]))

    def quoted_value(self, children: list[Token]) -> Value:
        return Value(unquoted(children[0]), *_borders(children[0]))

    def substring_value(self, children: list[Token]) -> Value:
        return Value(_between_stars(children[0]), *_borders(children[0]), form=Form.SUBSTRING)

    def any_value(self, children: list[Token]) -> Value:
        return Value("", *_borders(children[0]), form=Form.ANY)

    def compared_value(self, children: list[Token]) -> Value:
        operator, operand = children
        text = unquoted(operand) if operand.type == "QUOTED" else str(operand)
        return Value(text, _borders(operator)[0], _borders(operand)[1], operator=Operator(str(operator)))

    def field(self, children: tuple[Token, Value]) -> Node:
        name, value = children
        if value.start != name.end_pos:
            replace(value, start=_borders(name)[1]).refuse(
                "a value stands directly behind its field's colon",
                "a value without a space before it",
                better_value=as_value(value.text) if value.is_plain else None,
            )
        return field_node(unquoted(name[:-1]) if name.type == "QUOTED_FIELD" else str(name[:-1]), value)


def _nodes(children: list[Node | Token]) -> tuple[Node, ...]:
    return tuple(child for child in children if not isinstance(child, Token))


def _borders(token: Token) -> tuple[int, int]:
    start = token.start_pos or 0
    return start, start + len(token)


def _between_stars(token: Token) -> str:
    text = token[1:-1]
    return unquoted(text) if text.startswith('"') else text


def _phrase(text: str, token: Token) -> Phrase:
    return phrase_of(Value(text, *_borders(token)))
