"""Quotes: how a text with spaces or signs in it is written in a query."""

import re

_BARE_VALUE = re.compile(r"\w[\w.:/@+-]*")
_ESCAPED = re.compile(r'\\(["\\])')


def quoted(text: str) -> str:
    """The text in quotes, with quotes and backslashes inside it escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquoted(text: str) -> str:
    """What stands between the quotes; a backslash before anything but a quote or backslash stands for itself."""
    return _ESCAPED.sub(r"\1", text[1:-1])


def as_value(text: str) -> str:
    """The text as it may stand behind a field's colon: in quotes where it has to be."""
    return text if _BARE_VALUE.fullmatch(text) else quoted(text)
