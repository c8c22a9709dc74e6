"""Shapes come in, clusters come out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from tocsin.patterns.clustering.bodies import is_trace
from tocsin.patterns.clustering.collapsed import CollapsedBucket
from tocsin.patterns.clustering.columns import grouped_rows
from tocsin.patterns.clustering.outlines import outlines
from tocsin.patterns.clustering.refining import structure_of
from tocsin.patterns.clustering.rules import NOTHING, Rule
from tocsin.patterns.clustering.structure import Member, Slot, Structure, mask_values
from tocsin.patterns.clustering.templates import template_of
from tocsin.patterns.clustering.traces import trace_member, trace_template
from tocsin.patterns.contracts import ShapeText

MAX_REPRESENTATIVES = 4
"""Of the shapes of one outline so many are looked at, the smallest: they tell the types of slots."""


MAX_OUTLINES_PER_BUCKET = 4_000
"""Of one skeleton; time and memory of clustering a bucket grow with it."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Shapes that one statement of a program writes, as far as can be told."""

    shapes: frozenset[int]
    #: Constant words and typed wildcards.
    template: str


@dataclass(slots=True)
class _Outline:
    """The shapes of one outline."""

    structure: Structure
    shapes: set[int] = field(default_factory=set)
    #: By shape, those that are looked at.
    members: dict[int, Member] = field(default_factory=dict)

    def awaits(self, shape: int) -> bool:
        """Whether a shape would be looked at."""
        return len(self.members) < MAX_REPRESENTATIVES or shape < max(self.members)

    def represent(self, shape: int, member: Member) -> None:
        """Look at a shape, and no longer at one that is one too many."""
        self.members[shape] = member
        if len(self.members) > MAX_REPRESENTATIVES:
            del self.members[max(self.members)]


@dataclass(frozen=True, slots=True)
class _Group:
    template: str
    outlines: Sequence[str]


class PatternClusterer:
    """Online: ``add`` as shapes are seen; ``clusters`` looks again only at what has changed.

    The clusters depend only on the set of shapes that were added, not on their order. Memory is bounded but for the
    shapes' numbers and the number of skeletons: of a text ``MAX_CHARACTERS`` count, and a bucket of more than
    ``MAX_OUTLINES_PER_BUCKET`` outlines collapses: its texts are then told apart by their first word alone, and types
    of slots are no longer known. So it goes with free text in which every word varies.
    """

    def __init__(self, without: frozenset[Rule] = NOTHING) -> None:
        self._without = without
        self._known: set[int] = set()
        self._outlines: dict[str, _Outline] = {}
        self._buckets: defaultdict[str, list[str]] = defaultdict(list)
        self._collapsed: dict[str, CollapsedBucket] = {}
        self._dirty: set[str] = set()
        self._found: dict[str, list[_Group]] = {}

    def add(self, shapes: Iterable[ShapeText]) -> None:
        """Take in shapes; those that are known already change nothing."""
        new = list({each.shape: each for each in shapes if each.shape not in self._known}.values())
        new.sort(key=lambda each: each.shape)
        self._known.update(each.shape for each in new)
        texts = pl.Series([each.masked for each in new], dtype=pl.String)
        for each, outline in zip(new, outlines(texts), strict=True):
            self._add(each, outline)

    def clusters(self) -> list[Cluster]:
        """All clusters; every shape is in exactly one."""
        for skeleton in self._dirty:
            self._found[skeleton] = self._groups(sorted(self._buckets[skeleton]))
        self._dirty.clear()
        by_template: defaultdict[str, set[int]] = defaultdict(set)
        for groups in self._found.values():
            for group in groups:
                by_template[group.template].update(*(self._outlines[outline].shapes for outline in group.outlines))
        for bucket in self._collapsed.values():
            for template, shapes in bucket.clusters():
                by_template[template] |= shapes
        return [Cluster(frozenset(shapes), template) for template, shapes in sorted(by_template.items())]

    def _add(self, each: ShapeText, outline: str) -> None:
        found = self._outlines.get(outline)
        if found is None:
            structure = _structure(each, outline, self._without)
            if structure.skeleton in self._collapsed:
                self._collapsed[structure.skeleton].add(structure, {each.shape})
                return
            found = self._outlines[outline] = _Outline(structure)
            self._buckets[structure.skeleton].append(outline)
        found.shapes.add(each.shape)
        if found.awaits(each.shape):
            found.represent(each.shape, _member(found.structure, each, outline))
            self._dirty.add(found.structure.skeleton)
        if len(self._buckets[found.structure.skeleton]) > MAX_OUTLINES_PER_BUCKET:
            self._collapse(found.structure.skeleton)

    def _collapse(self, skeleton: str) -> None:
        bucket = self._collapsed[skeleton] = CollapsedBucket(skeleton)
        for outline in self._buckets.pop(skeleton):
            gone = self._outlines.pop(outline)
            bucket.add(gone.structure, gone.shapes)
        self._found.pop(skeleton, None)
        self._dirty.discard(skeleton)

    def _groups(self, bucket: Sequence[str]) -> list[_Group]:
        rows = [
            tuple(None if isinstance(column, Slot) else column for column in self._outlines[each].structure.columns)
            for each in bucket
        ]
        grouped: defaultdict[int, list[str]] = defaultdict(list)
        for outline, group in zip(bucket, grouped_rows(rows, self._without), strict=True):
            grouped[group].append(outline)
        return [_Group(self._template(group), group) for group in grouped.values()]

    def _template(self, group: Sequence[str]) -> str:
        found = [self._outlines[outline].members for outline in group]
        members = [member for each in found for _, member in sorted(each.items())]
        return trace_template(members) if is_trace(group[0]) else template_of(members, self._without)


def _structure(each: ShapeText, outline: str, without: frozenset[Rule]) -> Structure:
    return trace_member(each.masked, each.exemplar).structure if is_trace(outline) else structure_of(outline, without)


def _member(structure: Structure, each: ShapeText, outline: str) -> Member:
    if is_trace(outline):
        return trace_member(each.masked, each.exemplar)
    return Member(structure, mask_values(outline, each.exemplar))
