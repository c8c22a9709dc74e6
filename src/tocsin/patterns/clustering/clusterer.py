"""Shapes come in, clusters come out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from tocsin.logmodel import masking
from tocsin.patterns.clustering.bodies import is_trace
from tocsin.patterns.clustering.columns import grouped_rows
from tocsin.patterns.clustering.outlines import outlines
from tocsin.patterns.clustering.refining import structure_of
from tocsin.patterns.clustering.structure import Slot, Structure
from tocsin.patterns.clustering.templates import template_of
from tocsin.patterns.clustering.traces import trace_structure, trace_template
from tocsin.patterns.contracts import ShapeText

MAX_REPRESENTATIVES = 3
"""Of the shapes of one outline so many are looked at, the smallest: they tell the types of slots."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Shapes that one statement of a program writes, as far as can be told."""

    shapes: frozenset[int]
    #: Constant words and typed wildcards.
    template: str


@dataclass(slots=True)
class _Outline:
    """The shapes of one outline."""

    shapes: set[int] = field(default_factory=set)
    #: By shape, those that are looked at.
    representatives: dict[int, Structure] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        return self.structure.skeleton

    @property
    def structure(self) -> Structure:
        return self.representatives[min(self.representatives)]


@dataclass(frozen=True, slots=True)
class _Group:
    template: str
    outlines: Sequence[str]


class PatternClusterer:
    """Online: ``add`` as shapes are seen; ``clusters`` looks again only at what has changed.

    The clusters depend only on the set of shapes that were added, not on their order.
    """

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._outlines: defaultdict[str, _Outline] = defaultdict(_Outline)
        self._buckets: defaultdict[str, set[str]] = defaultdict(set)
        self._dirty: set[str] = set()
        self._found: dict[str, list[_Group]] = {}

    def add(self, shapes: Iterable[ShapeText]) -> None:
        """Take in shapes; those that are known already change nothing."""
        new = list({each.shape: each for each in shapes if each.shape not in self._known}.values())
        if not new:
            return
        self._known.update(each.shape for each in new)
        looked_at: defaultdict[str, list[ShapeText]] = defaultdict(list)
        for each, outline in zip(new, outlines(pl.Series([each.masked for each in new])), strict=True):
            entry = self._outlines[outline]
            entry.shapes.add(each.shape)
            if len(entry.representatives) < MAX_REPRESENTATIVES or each.shape < max(entry.representatives):
                looked_at[outline].append(each)
        chosen = [
            (outline, each)
            for outline, candidates in looked_at.items()
            for each in sorted(candidates, key=lambda each: each.shape)[:MAX_REPRESENTATIVES]
        ]
        masked_values = _masked_values([each.exemplar for _, each in chosen])
        for (outline, each), values in zip(chosen, masked_values, strict=True):
            self._represent(outline, each, values)

    def clusters(self) -> list[Cluster]:
        """All clusters; every shape is in exactly one."""
        for skeleton in self._dirty:
            self._found[skeleton] = self._groups(self._buckets[skeleton])
        self._dirty.clear()
        by_template: defaultdict[str, set[int]] = defaultdict(set)
        for groups in self._found.values():
            for group in groups:
                by_template[group.template].update(*(self._outlines[outline].shapes for outline in group.outlines))
        return [Cluster(frozenset(shapes), template) for template, shapes in sorted(by_template.items())]

    def _represent(self, outline: str, each: ShapeText, values: Sequence[str]) -> None:
        entry = self._outlines[outline]
        before = entry.bucket if entry.representatives else None
        make = trace_structure if is_trace(outline) else structure_of
        entry.representatives[each.shape] = make(each.masked, values)
        if len(entry.representatives) > MAX_REPRESENTATIVES:
            del entry.representatives[max(entry.representatives)]
        if before is not None and before != entry.bucket:
            self._buckets[before].discard(outline)
            self._dirty.add(before)
        self._buckets[entry.bucket].add(outline)
        self._dirty.add(entry.bucket)

    def _groups(self, bucket: set[str]) -> list[_Group]:
        members = sorted(bucket)
        rows = [
            tuple(None if isinstance(column, Slot) else column for column in self._outlines[each].structure.columns)
            for each in members
        ]
        grouped: defaultdict[int, list[str]] = defaultdict(list)
        for outline, group in zip(members, grouped_rows(rows), strict=True):
            grouped[group].append(outline)
        return [_Group(self._template(group), group) for group in grouped.values()]

    def _template(self, group: Sequence[str]) -> str:
        members = [
            structure for outline in group for _, structure in sorted(self._outlines[outline].representatives.items())
        ]
        if is_trace(group[0]):
            return trace_template(members)
        skeleton = self._outlines[group[0]].bucket
        return template_of([member for member in members if member.skeleton == skeleton])


def _masked_values(exemplars: list[str]) -> list[list[str]]:
    """What stands at each mask of each message."""
    column = pl.Series(exemplars, dtype=pl.String)
    found: list[list[str]] = column.str.extract_all(masking._EXPRESSION).to_list()
    return found
