"""Buckets that grew too large: their texts are told apart by the first word alone."""

from dataclasses import dataclass, field

from tocsin.logmodel.masking import MASK
from tocsin.patterns.clustering.cluster import Cluster
from tocsin.patterns.clustering.structure import Slot, Structure, filled

MAX_FIRST_WORDS = 64
"""With more, all texts of the bucket are one cluster."""


@dataclass(slots=True)
class _Heap:
    columns: list[str | None]
    shapes: set[int] = field(default_factory=set)


class CollapsedBucket:
    """What is left of a bucket: the shapes, and for each first word the constants that all its texts share.

    Nothing else is kept of a text. The order in which texts come does not matter.
    """

    def __init__(self, skeleton: str) -> None:
        self._skeleton = skeleton
        self._heaps: dict[str | None, _Heap] = {}
        self._is_one = False

    def add(self, structure: Structure, shapes: set[int]) -> None:
        """Take in shapes of one text."""
        columns = [None if isinstance(column, Slot) else column for column in structure.columns]
        self._merge(columns, shapes)
        if len(self._heaps) > MAX_FIRST_WORDS:
            self._is_one = True
            heaps, self._heaps = self._heaps, {}
            for heap in heaps.values():
                self._merge(heap.columns, heap.shapes)

    def clusters(self) -> list[Cluster]:
        """One for each first word, or one in all."""
        return [
            Cluster(
                frozenset(heap.shapes),
                filled(self._skeleton, [MASK if word is None else word for word in heap.columns]),
            )
            for heap in self._heaps.values()
        ]

    def _merge(self, columns: list[str | None], shapes: set[int]) -> None:
        first = None if self._is_one or not columns else columns[0]
        heap = self._heaps.get(first)
        if heap is None:
            heap = self._heaps[first] = _Heap(list(columns))
        heap.columns = [mine if mine == theirs else None for mine, theirs in zip(heap.columns, columns, strict=True)]
        heap.shapes |= shapes
