"""Templates: what the members of a cluster have in common, and a typed wildcard for each thing that they have not."""

import re
from collections.abc import Sequence

from tocsin.logmodel.masking import MASK
from tocsin.patterns.clustering.slot_types import ANY, NAMES, common_type
from tocsin.patterns.clustering.structure import COLUMN, Kind, Slot, Structure

_WILDCARD = re.compile(rf"<(?:\*|{'|'.join(NAMES)})>")


def plain(template: str) -> str:
    """The template with ``<*>`` in place of every typed wildcard."""
    return _WILDCARD.sub(MASK, template)


def template_of(members: Sequence[Structure]) -> str:
    """The template of structures with one skeleton."""
    pieces = members[0].skeleton.split(COLUMN)
    written = [pieces[0]]
    for index, piece in enumerate(pieces[1:]):
        written += [_written([member.columns[index] for member in members]), piece]
    return "".join(written)


def _written(column: Sequence[str | Slot]) -> str:
    first = column[0]
    if all(_shown(value) == _shown(first) for value in column) and _shown(first) is not None:
        return _shown(first) or ""
    if isinstance(first, Slot) and first.inner and all(_inner(value) == first.inner for value in column):
        parts = zip(*(value.parts for value in column if isinstance(value, Slot)), strict=True)
        return _filled(first.inner, [_wildcard(list(each)) for each in parts])
    return _wildcard([value.text if isinstance(value, Slot) else value for value in column])


def _shown(value: str | Slot) -> str | None:
    """What is a constant as long as others say the same; None for what never is."""
    if isinstance(value, Slot):
        return value.text if value.kind is Kind.SOFT else None
    return value


def _inner(value: str | Slot) -> str:
    return value.inner if isinstance(value, Slot) else ""


def _filled(inner: str, wildcards: Sequence[str]) -> str:
    pieces = inner.split(COLUMN)
    return pieces[0] + "".join(wildcard + piece for wildcard, piece in zip(wildcards, pieces[1:], strict=True))


def _wildcard(values: Sequence[str]) -> str:
    kind = common_type(values)
    return MASK if kind == ANY else f"<{kind}>"
