"""What a text is to the clustering: a skeleton, and columns of constants and slots."""

from dataclasses import dataclass
from enum import Enum

COLUMN = "\x00"
"""Stands for a column in a skeleton."""


class Kind(Enum):
    """How sure it is that a slot is a variable."""

    #: A part was masked, or looks like nothing but a value.
    HARD = "hard"
    #: It stands where values stand; shown as text while all members agree on it.
    SOFT = "soft"


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of a text that holds a value."""

    kind: Kind
    #: The value in the exemplar.
    text: str
    #: How parts and what joins them make the value (``COLUMN`` for each part); empty where the value is one.
    inner: str = ""
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Structure:
    """A text taken apart; ``skeleton`` with its columns filled in is the text but for white space."""

    #: Texts of one skeleton may be of one pattern; others never are, but for ``joining``.
    skeleton: str
    columns: tuple[str | Slot, ...]
