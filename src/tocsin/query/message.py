"""What a word, phrase, wildcard or expression means: the node that looks for it in the message."""

import re2

from tocsin.query.expressions import slashed
from tocsin.query.quoting import quoted
from tocsin.query.tokens import TOKEN_CLASS, fold, tokens_of
from tocsin.query.tree import Everything, Matches, Node, Operator, Phrase, Substring, Wildcard, WordLike
from tocsin.query.values import Form, Value

_IN_TOKENS = re2.compile(TOKEN_CLASS + "*")


def message_node(value: Value) -> Node:
    """The node for a value that stands alone or behind ``message:``.

    Raises:
        InvalidQuery: no message can be searched for it.
    """
    if value.operator is not Operator.EQUALS:
        value.refuse(f"message can't be compared with {value.operator}", "a value", better_value=quoted(value.text))
    match value.form:
        case Form.ANY:
            return Everything()
        case Form.EXPRESSION:
            return Matches(value.text)
        case Form.WILDCARD if value.wildcard:
            return _wildcard_node(value, value.wildcard)
        case _:
            return _phrase(value)


def word_like(wildcard: Wildcard) -> WordLike | Substring:
    """The one node for a wildcard of token characters: with gaps at both ends only, it is a substring."""
    return (
        WordLike(wildcard) if len(wildcard.pieces) != 3 or any(wildcard.pieces[::2]) else Substring(wildcard.pieces[1])
    )


def _phrase(value: Value) -> Phrase:
    tokens = tokens_of(value.text)
    if not tokens:
        better_value = f"*{quoted(value.text)}*" if value.text else None
        value.refuse("there is no letter or digit to look for", "a word", "a *substring*", better_value=better_value)
    return Phrase(tokens)


def _wildcard_node(value: Value, wildcard: Wildcard) -> Node:
    if len(wildcard.pieces) == 3 and not any(wildcard.pieces[::2]):
        return Substring(wildcard.pieces[1])
    if not all(_IN_TOKENS.fullmatch(piece) for piece in wildcard.pieces):
        value.refuse(
            "a word with a star is one word: it has letters, digits and _ only",
            "a word like conn*",
            "a *substring*",
            "an /expression/",
            better_value=_as_looser_search(wildcard),
        )
    return word_like(Wildcard(tuple(map(fold, wildcard.pieces))))


def _as_looser_search(wildcard: Wildcard) -> str:
    pieces = list(filter(None, wildcard.pieces))
    if len(pieces) == 1:
        return f"*{quoted(pieces[0])}*"
    return slashed(r"\S*".join(map(re2.escape, pieces)))
