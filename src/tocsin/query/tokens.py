"""What a token is: a maximal run of letters, digits and ``_``, folded to lower case.

Letters and digits are Unicode's categories L and N. The same RE2 classes are used by every backend, so that all of
them cut a message at the same places.
"""

import re

import re2

TOKEN_CLASS = r"[\p{L}\p{N}_]"
"""One character of a token, as an RE2 class."""

_TOKEN = re2.compile(TOKEN_CLASS + "+")

# The same in ASCII, a hundred times faster.
_ASCII_TOKEN = re.compile("[a-z0-9_]+")


def tokens_of(text: str) -> tuple[str, ...]:
    """The tokens of a text, folded, in order."""
    if text.isascii():
        return tuple(_ASCII_TOKEN.findall(text.lower()))
    return tuple(fold(token) for token in _TOKEN.findall(text))


def fold(text: str) -> str:
    """Lower-case a text one character at a time, so that neither neighbours nor the text's length matter.

    That is Unicode's simple lower-casing, except that ``İ``, whose lower case is two characters, is kept.
    """
    # str.lower looks at the neighbours of one character only: a sigma that ends a word becomes ``ς``.
    lowered = text.replace("Σ", "σ").lower()
    if len(lowered) == len(text):
        return lowered
    return "İ".join(part.lower() for part in text.replace("Σ", "σ").split("İ"))
