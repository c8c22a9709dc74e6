"""Shapes come in, clusters come out."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from tocsin.logmodel import masking
from tocsin.patterns.clustering.columns import grouped_rows
from tocsin.patterns.clustering.refining import structure_of
from tocsin.patterns.clustering.structure import Slot, Structure
from tocsin.patterns.clustering.templates import template_of
from tocsin.patterns.contracts import ShapeText


@dataclass(frozen=True, slots=True)
class Cluster:
    """Shapes that one statement of a program writes, as far as can be told."""

    shapes: frozenset[int]
    #: Constant words and typed wildcards.
    template: str


class PatternClusterer:
    """Online: ``add`` as shapes are seen; ``clusters`` looks again only at what has changed.

    The clusters depend only on the set of shapes that were added, not on their order.
    """

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._buckets: defaultdict[str, dict[int, Structure]] = defaultdict(dict)
        self._dirty: set[str] = set()
        self._found: dict[str, list[Cluster]] = {}

    def add(self, shapes: Iterable[ShapeText]) -> None:
        """Take in shapes; those that are known already change nothing."""
        new = [each for each in shapes if each.shape not in self._known]
        for each, values in zip(new, _masked_values([each.exemplar for each in new]), strict=True):
            if each.shape in self._known:
                continue
            self._known.add(each.shape)
            structure = structure_of(each.masked, values)
            self._buckets[structure.skeleton][each.shape] = structure
            self._dirty.add(structure.skeleton)

    def clusters(self) -> list[Cluster]:
        """All clusters; every shape is in exactly one."""
        for skeleton in self._dirty:
            self._found[skeleton] = _clustered(self._buckets[skeleton])
        self._dirty.clear()
        by_template: defaultdict[str, set[int]] = defaultdict(set)
        for skeleton in sorted(self._found):
            for cluster in self._found[skeleton]:
                by_template[cluster.template] |= cluster.shapes
        return [Cluster(frozenset(shapes), template) for template, shapes in sorted(by_template.items())]


def _clustered(members: dict[int, Structure]) -> list[Cluster]:
    shapes = sorted(members)
    rows = [
        tuple(None if isinstance(column, Slot) else column for column in members[shape].columns) for shape in shapes
    ]
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for shape, group in zip(shapes, grouped_rows(rows), strict=True):
        groups[group].append(shape)
    return [Cluster(frozenset(group), template_of([members[shape] for shape in group])) for group in groups.values()]


def _masked_values(exemplars: list[str]) -> list[list[str]]:
    """What stands at each mask of each message."""
    column = pl.Series(exemplars, dtype=pl.String)
    found: list[list[str]] = column.str.extract_all(masking._EXPRESSION).to_list()
    return found
