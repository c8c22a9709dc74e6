"""Parse a query: text → tree, or an error that says where, what was expected and, if it can, what to write instead."""

from functools import cache
from importlib import resources
from typing import cast

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput

from tocsin.kit.errors import InvalidQuery
from tocsin.query.foreign import refuse_foreign_word, spaced_comparison
from tocsin.query.message import message_node
from tocsin.query.syntax_errors import expressions_in, syntax_error
from tocsin.query.terminals import bare, between_slashes, compared, field_nodes, quoted_text, with_gaps
from tocsin.query.text import joined
from tocsin.query.tree import And, Everything, Node, Not, Or
from tocsin.query.values import InvalidValue, Value

MAX_LENGTH = 4_096
"""Longest query, in characters."""

MAX_DEPTH = 64
"""Deepest nesting of AND, OR and NOT; every reader of a tree may recurse, because it is no deeper."""

MAX_EXPRESSIONS = 32
"""More ``/expressions/`` in one query would cost too much to compile."""


def parse(text: str) -> Node:
    """The normalised tree of a query; an empty one matches everything.

    Raises:
        InvalidQuery: the text is not a query, is longer than ``MAX_LENGTH`` or deeper than ``MAX_DEPTH``, or has more
            than ``MAX_EXPRESSIONS``. Its suggestion, where there is one, is a whole query that parses.
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
    _refuse_size(text)
    try:
        node: Node = _grammar().parse(text)  # type: ignore[assignment]
    except UnexpectedInput as unexpected:
        raise syntax_error(text, unexpected) from None
    except InvalidValue as error:
        error.suggest(text)
        error.suggestion = error.suggestion or spaced_comparison(text, error.start, error.end)
        raise
    if _is_deeper_than(node, MAX_DEPTH):
        raise InvalidQuery(f"a query may be {MAX_DEPTH} levels deep; this one is deeper", start=0, end=len(text))
    return node


def _refuse_size(text: str) -> None:
    if len(text) > MAX_LENGTH:
        detail = f"a query may have {MAX_LENGTH:,} characters; this one has {len(text):,}"
        raise InvalidQuery(detail, start=MAX_LENGTH, end=len(text))
    expressions = expressions_in(text)
    if len(expressions) > MAX_EXPRESSIONS:
        start, end = expressions[MAX_EXPRESSIONS]
        detail = f"a query may have {MAX_EXPRESSIONS} expressions; this one has {len(expressions)}"
        raise InvalidQuery(detail, start=start, end=end)


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

    def word(self, children: list[Token]) -> Node:
        value = bare(children[0])
        refuse_foreign_word(value)
        return message_node(value)

    def text(self, children: list[Token]) -> Node:
        return message_node(_READERS[children[0].type](children[0]))

    def value(self, children: list[Token]) -> Value:
        return _READERS[children[0].type](children[0])

    def compared_value(self, children: list[Token]) -> Value:
        operator, operand = children
        return compared(operator, _READERS[operand.type](operand))

    def field(self, children: list[Token | Value]) -> Node:
        name, *written = children
        values = [child for child in written if isinstance(child, Value)]
        return field_nodes(cast(Token, name), written[0], values)


_READERS = {"VALUE": bare, "QUOTED": quoted_text, "WILDCARD": with_gaps, "EXPRESSION": between_slashes}
"""By terminal, what makes a value of it."""


def _nodes(children: list[Node | Token]) -> tuple[Node, ...]:
    return tuple(child for child in children if not isinstance(child, Token))
