"""What spells a number, for every backend: JSON's form, with leading zeros allowed."""

import re

NUMBER_EXPRESSION = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
"""A text that is a number, as an expression that RE2 and Python read alike; it has to match the whole text."""

_NUMBER = re.compile(NUMBER_EXPRESSION)


def number_of(text: str) -> float | None:
    """The 64-bit float nearest to what the text spells (infinite where it is too large), None when it spells none."""
    return float(text) if _NUMBER.fullmatch(text) else None
