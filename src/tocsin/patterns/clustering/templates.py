"""Templates: what the members of a cluster have in common, and a typed wildcard for each thing that they have not."""

import re
from collections.abc import Collection, Sequence

from tocsin.logmodel.masking import MASK
from tocsin.patterns.clustering.rules import NOTHING, Rule
from tocsin.patterns.clustering.slot_types import ANY, NAMES, common_type
from tocsin.patterns.clustering.structure import FIRST_MASK, Kind, Member, Slot, filled

_WILDCARD = re.compile(rf"<(?:\*|{'|'.join(NAMES)})>")

_NAME = re.compile(r"[A-Za-z_][\w.\-]*")


def plain(template: str) -> str:
    """The template with ``<*>`` in place of every typed wildcard."""
    return _WILDCARD.sub(MASK, template)


def template_of(
    members: Sequence[Member], without: frozenset[Rule] = NOTHING, *, any_words: Collection[int] = ()
) -> str:
    """The template of texts with one skeleton.

    Args:
        members: at least one.
        without: rules that don't hold.
        any_words: columns that hold any number of words.
    """
    columns = zip(*(member.structure.columns for member in members), strict=True)
    written = [
        MASK if index in any_words else _written(column, members, without) for index, column in enumerate(columns)
    ]
    return filled(members[0].structure.skeleton, written)


def _written(column: Sequence[str | Slot], members: Sequence[Member], without: frozenset[Rule]) -> str:
    first = column[0]
    if isinstance(first, str) and column.count(first) == len(column):
        return first
    shown = {_shown(value, member) for value, member in zip(column, members, strict=True)}
    is_shown = isinstance(first, str) or Rule.SINGLE_VALUES not in without
    if len(shown) == 1 and None not in shown and is_shown:
        return shown.pop() or ""
    if isinstance(first, Slot) and first.inner and all(_inner(value) == first.inner for value in column):
        return filled(first.inner, [_part(column, members, index) for index in range(len(first.parts))])
    return _wildcard({_text(value, member) for value, member in zip(column, members, strict=True)})


def _shown(value: str | Slot, member: Member) -> str | None:
    """What is a constant as long as others say the same; None for what never is."""
    if isinstance(value, str):
        return value
    text = None if value.kind is Kind.HARD else _text(value, member)
    return text if value.kind is Kind.SOFT or (text and _NAME.fullmatch(text)) else None


def _text(value: str | Slot, member: Member) -> str:
    return value if isinstance(value, str) else _filled_in(value.text, member)


def _filled_in(text: str, member: Member) -> str:
    if len(text) == 1 and ord(text) >= FIRST_MASK:
        return member.values[ord(text)]
    return text if text.isascii() else text.translate(member.values)


def _inner(value: str | Slot) -> str:
    return value.inner if isinstance(value, Slot) else ""


def _part(column: Sequence[str | Slot], members: Sequence[Member], index: int) -> str:
    return _wildcard(
        {
            _filled_in(value.parts[index], member)
            for value, member in zip(column, members, strict=True)
            if isinstance(value, Slot)
        }
    )


def _wildcard(values: set[str]) -> str:
    kind = common_type(values)
    return MASK if kind == ANY else f"<{kind}>"
