"""Shapes come in, clusters come out."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from tocsin.patterns.clustering.bodies import is_trace
from tocsin.patterns.clustering.cluster import Cluster
from tocsin.patterns.clustering.collapsed import CollapsedBucket
from tocsin.patterns.clustering.columns import grouped_rows
from tocsin.patterns.clustering.joining import Join, Joinable, frame_of, joins
from tocsin.patterns.clustering.outlines import outlines
from tocsin.patterns.clustering.refining import structure_of
from tocsin.patterns.clustering.rules import NOTHING, Rule
from tocsin.patterns.clustering.structure import Member, Slot, Structure, mask_values
from tocsin.patterns.clustering.templates import template_of
from tocsin.patterns.clustering.traces import trace_member, trace_template
from tocsin.patterns.contracts import ShapeText

MAX_REPRESENTATIVES = 3
"""Of the shapes of one outline so many are looked at, the smallest: they tell the types of slots."""


MAX_OUTLINES_PER_BUCKET = 4_000
"""Of one skeleton; time and memory of clustering a bucket grow with it."""


@dataclass(slots=True)
class _Outline:
    """The shapes of one outline."""

    structure: Structure
    frame: str
    shapes: set[int] = field(default_factory=set)
    #: By shape, those that are looked at.
    members: dict[int, Member] = field(default_factory=dict)
    #: How often the members have changed.
    version: int = 0

    def awaits(self, shape: int) -> bool:
        """Whether a shape would be looked at."""
        return len(self.members) < MAX_REPRESENTATIVES or shape <= max(self.members)

    def represent(self, shape: int, member: Member) -> None:
        """Look at a shape, and no longer at one that is one too many."""
        self.members[shape] = member
        self.version += 1
        if len(self.members) > MAX_REPRESENTATIVES:
            del self.members[max(self.members)]


@dataclass(frozen=True, slots=True)
class _Group:
    template: str
    outlines: Sequence[str]
    #: Decides the template: outlines, how often they have changed, and columns of any number of words.
    signature: tuple[tuple[str, ...], int, frozenset[int]]


class PatternClusterer:
    """Online: ``add`` as shapes are seen; ``clusters`` looks again only at what has changed.

    The clusters depend only on the set of shapes that were added, not on their order. Memory is bounded but for the
    shapes' numbers and the number of skeletons: of a text ``MAX_CHARACTERS`` count, and a bucket of more than
    ``MAX_OUTLINES_PER_BUCKET`` outlines collapses: its texts are then told apart by their first word alone, and types
    of slots are no longer known. So it goes with free text in which every word varies.
    """

    def __init__(self, without: frozenset[Rule] = NOTHING) -> None:
        self._without = without
        self._outlines: dict[str, _Outline] = {}
        #: Frame → skeleton → outlines.
        self._buckets: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        self._collapsed: dict[str, CollapsedBucket] = {}
        #: Frames that have other texts than when they were clustered, and those that have other shapes.
        self._dirty: set[str] = set()
        self._grown: set[str] = set()
        self._found: dict[str, list[_Group]] = {}
        self._clusters: dict[str, list[Cluster]] = {}
        #: Skeleton → outlines in groups, as they were when there were so many.
        self._grouped: dict[str, tuple[int, list[list[str]]]] = {}

    def add(self, shapes: Iterable[ShapeText]) -> None:
        """Take in shapes; one that is known already gets the exemplar that comes with it."""
        given = sorted({each.shape: each for each in shapes}.values(), key=lambda each: each.shape)
        texts = pl.Series([each.masked for each in given], dtype=pl.String)
        for each, outline in zip(given, outlines(texts), strict=True):
            self._add(each, outline)

    def clusters(self) -> list[Cluster]:
        """All clusters, by template; every shape is in exactly one."""
        for frame in self._dirty:
            self._found[frame] = self._groups(self._buckets[frame], self._found.get(frame, ()))
        self._dirty.clear()
        for frame in self._grown:
            self._clusters[frame] = [self._cluster(group) for group in self._found[frame]]
        self._grown.clear()
        by_template: defaultdict[str, list[Cluster]] = defaultdict(list)
        for clusters in (*self._clusters.values(), *(bucket.clusters() for bucket in self._collapsed.values())):
            for cluster in clusters:
                by_template[cluster.template].append(cluster)
        return [
            alike[0] if len(alike) == 1 else Cluster(frozenset().union(*(each.shapes for each in alike)), template)
            for template, alike in sorted(by_template.items())
        ]

    def _cluster(self, group: _Group) -> Cluster:
        return Cluster(
            frozenset().union(*(self._outlines[outline].shapes for outline in group.outlines)), group.template
        )

    def _add(self, each: ShapeText, outline: str) -> None:
        found = self._outlines.get(outline)
        if found is None:
            structure = _structure(each, outline, self._without)
            if structure.skeleton in self._collapsed:
                self._collapsed[structure.skeleton].add(structure, {each.shape})
                return
            found = self._outlines[outline] = _Outline(structure, frame_of(structure.skeleton))
            self._buckets[found.frame][structure.skeleton].append(outline)
        found.shapes.add(each.shape)
        self._grown.add(found.frame)
        if found.awaits(each.shape):
            found.represent(each.shape, _member(found.structure, each, outline))
            self._dirty.add(found.frame)
        if len(self._buckets[found.frame][found.structure.skeleton]) > MAX_OUTLINES_PER_BUCKET:
            self._collapse(found.frame, found.structure.skeleton)

    def _collapse(self, frame: str, skeleton: str) -> None:
        bucket = self._collapsed[skeleton] = CollapsedBucket(skeleton)
        for outline in self._buckets[frame].pop(skeleton):
            gone = self._outlines.pop(outline)
            bucket.add(gone.structure, gone.shapes)
        self._grouped.pop(skeleton, None)
        self._dirty.add(frame)
        self._grown.add(frame)

    def _groups(self, buckets: Mapping[str, Sequence[str]], before: Sequence[_Group]) -> list[_Group]:
        known = {group.signature: group.template for group in before}
        grouped = [
            group for skeleton in sorted(buckets) for group in self._grouped_outlines(skeleton, buckets[skeleton])
        ]
        joined: defaultdict[int, list[Join]] = defaultdict(list)
        if len(buckets) > 1 and Rule.WORD_COUNTS not in self._without:
            for join in joins([self._joinable(group) for group in grouped]):
                joined[join.larger].append(join)
        smaller = {join.smaller for each in joined.values() for join in each}
        found = []
        for index, group in enumerate(grouped):
            if index in smaller:
                continue
            any_words = frozenset(join.column for join in joined[index])
            signature = (tuple(group), sum(self._outlines[outline].version for outline in group), any_words)
            template = known.get(signature) or self._template(group, any_words)
            outlines_of_all = [*group, *(outline for join in joined[index] for outline in grouped[join.smaller])]
            found.append(_Group(template, outlines_of_all, signature))
        return found

    def _grouped_outlines(self, skeleton: str, bucket: Sequence[str]) -> list[list[str]]:
        count, found = self._grouped.get(skeleton, (0, []))
        if count == len(bucket):
            return found
        ordered = sorted(bucket)
        rows = [_words(self._outlines[outline].structure) for outline in ordered]
        grouped: defaultdict[int, list[str]] = defaultdict(list)
        for outline, group in zip(ordered, grouped_rows(rows, self._without), strict=True):
            grouped[group].append(outline)
        found = list(grouped.values())
        self._grouped[skeleton] = (len(bucket), found)
        return found

    def _joinable(self, group: Sequence[str]) -> Joinable:
        structures = [self._outlines[outline].structure for outline in group]
        columns = zip(*(_words(structure) for structure in structures), strict=True)
        row = tuple(column[0] if len(set(column)) == 1 else None for column in columns)
        return Joinable(structures[0].skeleton, row, len(group))

    def _template(self, group: Sequence[str], any_words: Collection[int]) -> str:
        found = [self._outlines[outline].members for outline in group]
        members = [member for each in found for _, member in sorted(each.items())]
        return (
            trace_template(members) if is_trace(group[0]) else template_of(members, self._without, any_words=any_words)
        )


def _structure(each: ShapeText, outline: str, without: frozenset[Rule]) -> Structure:
    return trace_member(each.masked, each.exemplar).structure if is_trace(outline) else structure_of(outline, without)


def _member(structure: Structure, each: ShapeText, outline: str) -> Member:
    if is_trace(outline):
        return trace_member(each.masked, each.exemplar)
    return Member(structure, mask_values(outline, each.exemplar))


def _words(structure: Structure) -> tuple[str | None, ...]:
    return tuple(None if isinstance(column, Slot) else column for column in structure.columns)
