"""What is wrong with a text that the grammar refuses, in words for people."""

import re
from collections.abc import Iterator

from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from tocsin.kit.errors import InvalidQuery
from tocsin.query.quoting import QUOTED_TEXT

_PLAIN_WORDS = {
    "WORD": "a word",
    "QUOTED": "a quoted phrase",
    "WILDCARD": "a word* or *substring*",
    "EXPRESSION": "an /expression/",
    "FIELD": "field:value",
    "VALUE": "a value",
    "OPERATOR": "a comparison",
    "LEFT_PARENTHESIS": "an opening parenthesis",
    "RIGHT_PARENTHESIS": "a closing parenthesis",
    "NOT": "NOT",
    "AND": "AND",
    "OR": "OR",
    "$END": "the end of the query",
}
"""What people are told is expected, in this order; terminals that are left out are variants of these."""

_EXPRESSION = r"(?<![^\s(:-])/(?:[^/\\]|\\.)+/[imsU]*(?=[\s)]|$)"
_QUOTED_OR_EXPRESSION = re.compile(rf"{QUOTED_TEXT}|({_EXPRESSION})", re.DOTALL)
_SKIPPED_OR_PARENTHESIS = re.compile(rf"{QUOTED_TEXT}|{_EXPRESSION}|[()]", re.DOTALL)
_AFTER_LISTED = {"OR", "RIGHT_PARENTHESIS"}
_NOT_BEFORE = re.compile(r"\(\s*NOT\s*$")
_KEYWORD_BEFORE = re.compile(r"\s*(?<![^\s()\"])(?:AND|OR|NOT)\s*$")


def syntax_error(text: str, unexpected: UnexpectedInput) -> InvalidQuery:
    """The error to show for what the grammar did not expect; the suggestion is a guess that may not parse."""
    start, end, terminals = _place(text, unexpected)
    expected = tuple(words for terminal, words in _PLAIN_WORDS.items() if terminal in terminals)
    detail, start, end, suggestion = _explained(text, start, end, terminals)
    return InvalidQuery(detail, start=start, end=end, expected=expected, suggestion=suggestion)


def _place(text: str, unexpected: UnexpectedInput) -> tuple[int, int, set[str]]:
    if isinstance(unexpected, UnexpectedToken):
        terminals = set(unexpected.accepts or unexpected.expected)
        if unexpected.token.type == "$END":
            return len(text), len(text), terminals
        start = unexpected.token.start_pos or 0
        return start, start + len(unexpected.token), terminals
    terminals = set(unexpected.allowed or ()) if isinstance(unexpected, UnexpectedCharacters) else set()
    start = unexpected.pos_in_stream or 0
    return start, start + 1, terminals


def _explained(text: str, start: int, end: int, terminals: set[str]) -> tuple[str, int, int, str | None]:
    """(detail, start, end, suggestion); the place moves to the cause where that is elsewhere."""
    found = text[start:end]
    is_over = found in {"", ")"}
    keyword = _KEYWORD_BEFORE.search(text[:start])
    if found == '"':
        return "this quote is never closed", start, len(text), f'{text}"'
    if found == "*":
        return "a star stands alone or beside the letters of a word", start, end, text[:start] + text[end:]
    if keyword and is_over:
        better = text[: keyword.start()] + text[start:]
        return f"something to look for is missing after {keyword[0].strip()}", start, end, better
    if "VALUE" in terminals and is_over:
        return "a value is missing", start, end, f"{text[:start].rstrip()}*{text[start:]}"
    if "VALUE" in terminals and found == "(":
        return "a list holds values, and no parentheses", start, end, None
    if terminals == _AFTER_LISTED and found:
        return _joined_otherwise(text, start, end)
    if is_over:
        return _unbalanced(text, start, end)
    if found in {"AND", "OR"}:
        return f"something to look for is missing before {found}", start, end, text[:start] + text[end:].lstrip()
    return f"{found!r} can't stand here", start, end, None


def _joined_otherwise(text: str, start: int, end: int) -> tuple[str, int, int, str | None]:
    """What to say where neither OR nor the end follows a value in a list."""
    found, before = text[start:end], text[:start].rstrip(" ,;")
    if _NOT_BEFORE.search(text[:start]):
        return "a list has no NOT; it stands before the field, as - does", start, end, None
    if found.upper() in {"AND", "OR"} or not found.strip(",;|&"):
        better = f"{before} OR {text[end:].lstrip()}"
    else:
        better = f"{before} OR {text[start:]}"
    return "the values of a list are joined with OR, in capitals", start, end, better


def _unbalanced(text: str, start: int, end: int) -> tuple[str, int, int, str | None]:
    """What to say of parentheses where the query or a part of it ends too early."""
    open_parentheses = list(_open_parentheses(text[:start]))
    if start < end and open_parentheses:
        return "there is nothing between these parentheses", open_parentheses[-1], end, None
    if start < end:
        return "this parenthesis was never opened", start, end, text[:start] + text[end:]
    if open_parentheses:
        return "this parenthesis is never closed", open_parentheses[-1], open_parentheses[-1] + 1, f"{text})"
    return "the query ends too early", start, end, None


def _open_parentheses(text: str) -> Iterator[int]:
    """Where the parentheses stand that are not closed in this text, outermost first."""
    places: list[int] = []
    for found in _SKIPPED_OR_PARENTHESIS.finditer(text):
        if found[0] == "(":
            places.append(found.start())
        elif found[0] == ")" and places:
            places.pop()
    yield from places


def expressions_in(text: str) -> list[tuple[int, int]]:
    """Where each ``/expression/`` of a query starts and ends."""
    return [found.span(1) for found in _QUOTED_OR_EXPRESSION.finditer(text) if found[1]]
