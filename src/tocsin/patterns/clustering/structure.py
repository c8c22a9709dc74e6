"""What a text is to the clustering: a skeleton, and columns of constants and slots."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from tocsin.logmodel.masking import MASK

COLUMN = "\x00"
"""Stands for a column in a skeleton."""

MAX_CHARACTERS = 2_000
"""Of a masked text; what is beyond belongs to one slot at the end. Costs and memory per shape grow with it."""

MAX_VALUE_CHARACTERS = 200
"""Of what stands at a mask so much is kept, to tell its type."""

_DATE_AND_TIME = re.compile(r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")

FIRST_MASK = 0xF0000
"""The character that stands for the first mask of a text in a slot; the others follow it."""


class Kind(Enum):
    """How sure it is that a slot is a variable."""

    #: A part was masked, or looks like nothing but a value.
    HARD = "hard"
    #: It stands where values stand; shown as text while all members agree on it.
    SOFT = "soft"
    #: It was masked, but stands where names of a program stand; shown as text while all members agree on a name.
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of a text that holds a value; each mask in it is one character."""

    kind: Kind
    text: str
    #: How parts and what joins them make the value (``COLUMN`` for each part); empty where the value is one.
    inner: str = ""
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Structure:
    """A text taken apart; ``skeleton`` with its columns filled in is the text but for white space."""

    #: Texts of one skeleton may be of one pattern.
    skeleton: str
    columns: tuple[str | Slot, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A text of a cluster, with what stands at its masks in one message."""

    structure: Structure
    #: By the character of the mask.
    values: dict[int, str]


def mask_values(text: str, message: str) -> dict[int, str]:
    """What stands at each mask of a text in a message of it; where it can't be told, the mask.

    Between two masks stands more than what values are made of, so the first place where it is found is nearly always
    right; a wrong one costs the type of a slot.
    """
    constants = text.split(MASK)
    found: list[str] = []
    position = len(constants[0])
    end = position if message.startswith(constants[0]) else -1
    for constant in constants[1:-1]:
        end = message.find(constant, _shortest_end(message, position)) if end >= 0 else -1
        found.append(message[position:end] if end >= 0 else MASK)
        position = end + len(constant)
    if len(constants) > 1:
        found.append(message[position : len(message) - len(constants[-1])] if end >= 0 else MASK)
    return {FIRST_MASK + index: value[:MAX_VALUE_CHARACTERS] for index, value in enumerate(found)}


def _shortest_end(message: str, position: int) -> int:
    """Where a value may end that begins here: after one character, but not inside a date and time."""
    found = _DATE_AND_TIME.match(message, position)
    return found.end() if found else position + 1


def filled(inner: str, parts: Sequence[str]) -> str:
    """What is joined by ``inner``, with its parts filled in."""
    pieces = inner.split(COLUMN)
    return pieces[0] + "".join(part + piece for part, piece in zip(parts, pieces[1:], strict=True))
