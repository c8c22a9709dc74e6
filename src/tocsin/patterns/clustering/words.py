"""What words look like."""

import re

_STRONG = re.compile(r"[0-9/@\\]|\..*\.")
_VARIABLE = re.compile(r"[0-9/@_$\\]|\w\.\w|[a-z][A-Z]")


def looks_very_variable(word: str) -> bool:
    """Whether a word is hardly ever a constant: it has a digit, two dots, a slash or an at."""
    return _STRONG.search(word) is not None


def looks_variable(word: str) -> bool:
    """Whether a word may well be a value: an identifier, a name with a dot or a number."""
    return _VARIABLE.search(word) is not None
