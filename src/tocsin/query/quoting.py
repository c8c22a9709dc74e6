"""Quotes: how a text with spaces or signs in it is written in a query."""

import re

QUOTED_TEXT = r'"(?:[^"\\]|\\.)*"'
"""A text in quotes, as an expression that wants ``re.DOTALL``."""

_BARE_VALUE = re.compile(r"\w[\w.:/@+-]*")
_ESCAPED = re.compile(r'\\(["\\])')
_RANGE_SIGN = ".."


def quoted(text: str) -> str:
    """The text in quotes, with quotes and backslashes inside it escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquoted(text: str) -> str:
    """What stands between the quotes; a backslash before anything but a quote or backslash stands for itself."""
    return _ESCAPED.sub(r"\1", text[1:-1])


def as_value(text: str) -> str:
    """The text as it may stand behind a field's colon: in quotes where it has to be."""
    return text if _BARE_VALUE.fullmatch(text) and _RANGE_SIGN not in text else quoted(text)


def as_piece(text: str) -> str:
    """The text as it may stand between the stars of a wildcard: in quotes where it has to be."""
    return text if not text or _BARE_VALUE.fullmatch(text) else quoted(text)
