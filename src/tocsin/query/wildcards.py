"""Texts with gaps: how they stand in a query, their one normal form, and what is like them."""

import re

from tocsin.query.quoting import QUOTED_TEXT, as_piece, unquoted
from tocsin.query.tree import Wildcard

_PART = re.compile(rf'\*|{QUOTED_TEXT}|[^*"]+', re.DOTALL)


def wildcard_of(text: str) -> Wildcard:
    """What a text with stars says; pieces may stand in quotes."""
    pieces = [""]
    for part in _PART.findall(text):
        if part == "*":
            pieces.append("")
        else:
            pieces[-1] = unquoted(part) if part.startswith('"') else part
    return normal_wildcard(Wildcard(tuple(pieces)))


def normal_wildcard(wildcard: Wildcard) -> Wildcard:
    """The same without empty pieces between gaps: two gaps beside each other are one."""
    first, *inner, last = wildcard.pieces
    return Wildcard((first, *filter(None, inner), last))


def wildcard_text(wildcard: Wildcard) -> str:
    """The wildcard as it stands in a query."""
    return "*".join(as_piece(piece) for piece in wildcard.pieces)


def is_like(text: str, wildcard: Wildcard) -> bool:
    """Whether the whole text has the wildcard's pieces in their places."""
    first, *inner, last = wildcard.pieces
    start, end = len(first), len(text) - len(last)
    if start > end or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in inner:
        found = text.find(piece, start, end)
        if found < 0:
            return False
        start = found + len(piece)
    return True
