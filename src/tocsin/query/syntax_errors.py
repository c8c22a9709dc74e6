"""What is wrong with a text that the grammar refuses, in words for people."""

import re
from collections.abc import Iterator

from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from tocsin.kit.errors import InvalidQuery
from tocsin.query.quoting import quoted

_PLAIN_WORDS = {
    "WORD": "a word",
    "QUOTED": "a quoted phrase",
    "SUBSTRING": "a *substring*",
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

_SKIPPED_OR_PARENTHESIS = re.compile(r'"(?:[^"\\]|\\.)*"|[()]', re.DOTALL)
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
    open_parentheses = list(_open_parentheses(text[:start]))
    keyword = _KEYWORD_BEFORE.search(text[:start])
    if found.startswith('"'):
        return "this quote is never closed", start, len(text), f'{text}"'
    if found.startswith("*"):
        return "a star may only stand alone or around a *substring*", start, end, _with_stars_around_word(text, start)
    if keyword and found in {"", ")"}:
        better = text[: keyword.start()] + text[start:]
        return f"something to look for is missing after {keyword[0].strip()}", start, end, better
    if not found and "VALUE" in terminals:
        return "a value is missing", start, end, f"{text.rstrip()}*"
    if not found and open_parentheses:
        return "this parenthesis is never closed", open_parentheses[-1], open_parentheses[-1] + 1, f"{text})"
    if found == ")" and not open_parentheses:
        return "this parenthesis was never opened", start, end, text[:start] + text[end:]
    if found == ")":
        return "there is nothing between these parentheses", open_parentheses[-1], end, None
    if found in {"AND", "OR"}:
        return f"something to look for is missing before {found}", start, end, text[:start] + text[end:].lstrip()
    return f"{found!r} can't stand here", start, end, None


def _open_parentheses(text: str) -> Iterator[int]:
    """Where the parentheses stand that are not closed in this text, outermost first."""
    places: list[int] = []
    for found in _SKIPPED_OR_PARENTHESIS.finditer(text):
        if found[0] == "(":
            places.append(found.start())
        elif found[0] == ")" and places:
            places.pop()
    yield from places


def _with_stars_around_word(text: str, star: int) -> str:
    """The text with the word that the star touches made a substring, or quoted where it is a field's value."""
    before = re.search(r"[^\s()\"]*$", text[:star])
    after = re.match(r"[^\s()\"]*", text[star:])
    start = before.start() if before else star
    end = star + (after.end() if after else 1)
    field, colon, value = text[start:end].rpartition(":")
    better = f"{field}:{quoted(value)}" if colon else f"*{value.replace('*', '')}*"
    return f"{text[:start]}{better}{text[end:]}"
