"""What the endpoints that correct patterns take and answer."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.kit.text_forms import NOT_BLANK
from tocsin.patterns.contracts import Edit, EditKind, Pattern, pattern_id_text

MAX_MERGED_PATTERNS = 100
MAX_SPLIT_SHAPES = 10_000
MAX_NAME_CHARACTERS = 200

_NAME_FORM = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?![\s\S])"

HexId = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{16}$(?![\s\S])", examples=["1f3a5c7e9b0d2468"])]
"""A pattern or shape as people see it."""


_Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_NAME_CHARACTERS,
        pattern=_NAME_FORM,
        examples=["card declined"],
        extra=NOT_BLANK,
    ),
]


class MergeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Patterns that are one."""

    patterns: Annotated[list[HexId], Meta(min_length=2, max_length=MAX_MERGED_PATTERNS)]


class SplitRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some shapes of a pattern that are another one."""

    shapes: Annotated[list[HexId], Meta(min_length=1, max_length=MAX_SPLIT_SHAPES)]


class PatternChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name, a mute, or both; what is left out stays as it is, and a name of null is taken away."""

    name: _Name | UnsetType | None = UNSET
    is_muted: bool | UnsetType = UNSET


class PatternResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern as it is now."""

    id: str
    template: str
    name: str | None
    is_muted: bool
    first_seen: datetime
    shapes: list[str]

    @classmethod
    def of(cls, pattern: Pattern) -> "PatternResponse":
        """The pattern on the wire."""
        return cls(
            id=pattern_id_text(pattern.id),
            template=pattern.template,
            name=pattern.name,
            is_muted=pattern.is_muted,
            first_seen=datetime.fromtimestamp(pattern.first_seen_unix_nano / NANOSECONDS_A_SECOND, UTC),
            shapes=[pattern_id_text(shape) for shape in sorted(pattern.shapes)],
        )


class EditResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person decided about patterns."""

    id: UUID
    kind: EditKind
    shapes: list[str]
    name: str | None
    created_by: UUID
    created_at: datetime

    @classmethod
    def of(cls, edit: Edit) -> "EditResponse":
        """The edit on the wire."""
        return cls(
            id=edit.id,
            kind=edit.kind,
            shapes=[pattern_id_text(shape) for shape in edit.shapes],
            name=edit.name,
            created_by=edit.created_by,
            created_at=edit.created_at,
        )


class EditsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Every edit that holds, the newest first."""

    edits: list[EditResponse]
