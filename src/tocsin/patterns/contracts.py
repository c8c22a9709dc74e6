"""What other rooms see of patterns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from uuid import UUID

from tocsin.logmodel.masking import MASK, masked_texts, shape_of

_PATTERN_ID_DIGITS = 16
_PATTERN_ID = re.compile(r"[0-9a-fA-F]{16}")


@dataclass(frozen=True, slots=True)
class ShapeText:
    """A shape as text: what clustering looks at."""

    shape: int
    #: The message with its variable parts masked, see ``logmodel.masking``.
    masked: str
    #: One whole message of the shape.
    exemplar: str


@dataclass(frozen=True, slots=True)
class RegisteredShape:
    """A shape, the timestamp of its earliest log, and that log's message as far as clustering looks at it."""

    shape: int
    first_seen_unix_nano: int
    exemplar: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Shapes that are one kind of event.

    Its id is the shape of it that was seen first; the other shapes name it too, so an id goes on to work when patterns
    are merged or split, by people or by new evidence.
    """

    id: int
    #: Constant words, and wildcards with the type of what stands there: ``<ip>``, ``<num>``, …, ``<*>`` for any.
    template: str
    shapes: frozenset[int]
    #: The timestamp of its earliest log.
    first_seen_unix_nano: int
    #: What a person calls it.
    name: str | None = None
    #: Whether a person wants to hear no more of it.
    is_muted: bool = False


@dataclass(frozen=True)
class PatternCatalogue:
    """The patterns of one organization at one moment; never changed."""

    #: By id.
    patterns: Mapping[int, Pattern] = field(default_factory=lambda: MappingProxyType({}))
    #: The id of the pattern that a shape belongs to.
    pattern_ids: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    #: Another one for each state.
    version: int = 0
    #: Whether there are more shapes than the registry holds; logs of the others belong to no pattern.
    is_full: bool = False

    def pattern_of(self, shape: int) -> int | None:
        """The id of the pattern of a shape; None where the registry has not seen the shape."""
        return self.pattern_ids.get(shape)

    def find(self, text: str) -> Pattern | None:
        """The pattern that a person means: by an id in hexadecimal digits, a name, a template or a message.

        A text that is a variable as a whole, such as a mistyped id, is no message.
        """
        number = shape_number(text)
        if number is not None:
            found = self.pattern_of(number)
            if found is not None:
                return self.patterns[found]
        found = self._by_words.get(text)
        if found is None and masked_texts([text]) != [MASK]:
            found = self.pattern_of(shape_of(text))
        return None if found is None else self.patterns[found]

    @cached_property
    def first_seen_unix_nano(self) -> int | None:
        """The timestamp of the earliest log of any pattern."""
        return min((each.first_seen_unix_nano for each in self.patterns.values()), default=None)

    @cached_property
    def _by_words(self) -> dict[str, int]:
        templates = {pattern.template: pattern.id for pattern in self.patterns.values()}
        return templates | {pattern.name: pattern.id for pattern in self.patterns.values() if pattern.name}


class EditKind(StrEnum):
    """What a person can decide about patterns."""

    MERGE = "merge"
    SPLIT = "split"
    NAME = "name"
    MUTE = "mute"
    UNMUTE = "unmute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Something that a person decided; it holds for shapes, so it sticks whatever clustering makes of new ones."""

    id: UUID
    kind: EditKind
    #: One shape of each pattern to merge; the shapes to split off; a shape of the pattern to name or mute.
    shapes: tuple[int, ...]
    name: str | None = None
    created_by: UUID
    created_at: datetime


def pattern_id_text(pattern_id: int) -> str:
    """An id as people see it: 16 hexadecimal digits."""
    return f"{pattern_id:0{_PATTERN_ID_DIGITS}x}"


def shape_number(text: str) -> int | None:
    """The shape or id that people write like this; None where it is something else."""
    return int(text, 16) if _PATTERN_ID.fullmatch(text) else None
