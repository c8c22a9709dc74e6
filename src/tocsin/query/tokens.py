"""What a token is: a maximal run of letters, digits and ``_``, folded to lower case.

Letters and digits are Unicode's categories L and N. The same RE2 classes are used by every backend, so that all of
them cut a message at the same places.
"""

import re2

TOKEN_CLASS = r"[\p{L}\p{N}_]"
"""One character of a token, as an RE2 class."""

_TOKEN = re2.compile(TOKEN_CLASS + "+")


def tokens_of(text: str) -> tuple[str, ...]:
    """The tokens of a text, folded, in order."""
    return tuple(fold(token) for token in _TOKEN.findall(text))


def fold(text: str) -> str:
    """Lower-case a text one character at a time, so that its length in characters never changes.

    ``str.lower`` maps a few characters to several (``İ`` to two), which no store's function does; those are kept.
    """
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)
