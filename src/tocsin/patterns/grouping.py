"""Clusters of shapes, and what people decided about them → patterns. Pure: the same input, the same patterns."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tocsin.patterns.contracts import Edit, EditKind, Pattern


@dataclass(frozen=True, slots=True)
class Grouped:
    """Shapes that belong together, and how they read."""

    shapes: frozenset[int]
    template: str


def patterns_of(
    clusters: Iterable[Grouped],
    first_seen: Mapping[int, int],
    edits: Sequence[Edit],
    template_of: Callable[[frozenset[int]], str],
) -> list[Pattern]:
    """The patterns that these clusters and edits make, each shape in exactly one of them.

    Edits hold in the order in which they were made. A merge joins the patterns that its shapes are in; a split makes a
    pattern of its shapes, wherever they are; shapes that nobody has seen are left out of both. The later of two names
    holds, and so does the later of a mute and its end.

    Args:
        clusters: disjoint; together they have the shapes of ``first_seen``.
        first_seen: the timestamp of each shape's earliest log, nanoseconds since 1970.
        edits: the ones that hold, oldest first.
        template_of: how a part of a cluster reads.
    """
    partition = _Partition(clusters)
    for edit in edits:
        if edit.kind is EditKind.MERGE:
            partition.merge(edit.shapes)
        elif edit.kind is EditKind.SPLIT:
            partition.split(edit.shapes)
    patterns = [_pattern(shapes, partition, first_seen, template_of) for shapes in partition.groups()]
    return _labelled(patterns, edits)


class _Partition:
    """Which shapes belong together, as edits move them about."""

    def __init__(self, clusters: Iterable[Grouped]) -> None:
        self.templates: dict[frozenset[int], str] = {}
        self._members: list[set[int]] = []
        self._group_of: dict[int, int] = {}
        for cluster in clusters:
            self.templates[cluster.shapes] = cluster.template
            self._add(set(cluster.shapes))

    def groups(self) -> list[frozenset[int]]:
        return [frozenset(members) for members in self._members if members]

    def merge(self, shapes: Collection[int]) -> None:
        groups = sorted({self._group_of[shape] for shape in shapes if shape in self._group_of})
        for other in groups[1:]:
            self._move(self._members[other], groups[0])

    def split(self, shapes: Collection[int]) -> None:
        known = {shape for shape in shapes if shape in self._group_of}
        if known:
            for shape in known:
                self._members[self._group_of[shape]].discard(shape)
            self._add(known)

    def _add(self, shapes: set[int]) -> None:
        self._members.append(set())
        self._move(shapes, len(self._members) - 1)

    def _move(self, shapes: set[int], group: int) -> None:
        moved = set(shapes)
        shapes.clear()
        self._members[group] |= moved
        self._group_of.update(dict.fromkeys(moved, group))


def _pattern(
    shapes: frozenset[int],
    partition: _Partition,
    first_seen: Mapping[int, int],
    template_of: Callable[[frozenset[int]], str],
) -> Pattern:
    founder = min(shapes, key=lambda shape: (first_seen[shape], shape))
    template = partition.templates.get(shapes) or template_of(shapes)
    return Pattern(id=founder, template=template, shapes=shapes, first_seen_unix_nano=first_seen[founder])


def _labelled(patterns: list[Pattern], edits: Sequence[Edit]) -> list[Pattern]:
    """The patterns with the names and mutes that were given to one of their shapes."""
    labels = [edit for edit in edits if edit.kind in (EditKind.NAME, EditKind.MUTE, EditKind.UNMUTE)]
    if not labels:
        return patterns
    pattern_of = {shape: number for number, pattern in enumerate(patterns) for shape in pattern.shapes}
    names: dict[int, str | None] = {}
    muted: dict[int, bool] = {}
    for edit in labels:
        for number in {pattern_of[shape] for shape in edit.shapes if shape in pattern_of}:
            if edit.kind is EditKind.NAME:
                names[number] = edit.name
            else:
                muted[number] = edit.kind is EditKind.MUTE
    return [
        Pattern(
            id=pattern.id,
            template=pattern.template,
            shapes=pattern.shapes,
            first_seen_unix_nano=pattern.first_seen_unix_nano,
            name=names.get(number),
            is_muted=muted.get(number, False),
        )
        for number, pattern in enumerate(patterns)
    ]
