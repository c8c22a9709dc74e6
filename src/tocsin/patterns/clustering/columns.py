"""Which words of a bucket are variables.

A *star* is a set of rows that are equal but for one column. The more values stand in that column, the more they look
like values, and the more constants hold the rest together, the surer is it that the column is a variable there. Rows of
an accepted star become one row, with a wildcard in that column, and stars are sought again. A *class* is a set of rows
that are equal but for words of one look, in as many columns as it may be.
"""

import numpy as np
from numpy.typing import NDArray

from tocsin.patterns.clustering.rules import NOTHING, Rule
from tocsin.patterns.clustering.words import looks_of

WILD = 0

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]


#: How much it takes: (values in the star or rows of the class, constants in the rest of the row).
_BESIDE_WILDCARD = (1, 2)
_VERY_VARIABLE = (2, 1)
_PLAIN = (4, 2)
_MANY_PLAIN = (8, 1)
_FIRST_WORD = (30, 2)
_EVENTS = (30, 2)
_CLASS_VERY_VARIABLE = (2, 2)
_CLASS_VARIABLE = (3, 2)
_CLASS_CAPITALS = (4, 2)


def grouped_rows(rows: list[tuple[str | None, ...]], without: frozenset[Rule] = NOTHING) -> list[int]:
    """The group of each row, as any number that its members share.

    Args:
        rows: in an order that the set of rows fixes; None is a wildcard.
        without: rules that don't hold.
    """
    distinct = list(dict.fromkeys(rows))
    if len(distinct) < 2:
        return [0] * len(rows)
    words = sorted({word for row in distinct for word in row if word is not None})
    ids: dict[str | None, int] = {word: index + 1 for index, word in enumerate(words)}
    ids[None] = WILD
    matrix = np.array([[ids[word] for word in row] for row in distinct], dtype=np.int64).reshape(len(distinct), -1)
    groups = dict(zip(distinct, _Bucket(matrix, words, without).groups(), strict=True))
    return [groups[row] for row in rows]


class _Bucket:
    def __init__(self, matrix: Rows, words: list[str], without: frozenset[Rule]) -> None:
        self._without = without
        looks = [looks_of(word) for word in words]
        self._strong = np.array([False, *(each.very_variable for each in looks)])
        self._variable = np.array([False, *(each.variable for each in looks)])
        self._capitals = np.array([False, *(each.capitals for each in looks)])
        self._event = np.array([False, *(each.event for each in looks)])
        self._group_of_row = np.arange(len(matrix))
        generator = np.random.default_rng(len(words))
        self._hashes = generator.integers(0, 2**63, size=(matrix.shape[1], len(words) + 2), dtype=np.uint64)
        self._columns = np.arange(matrix.shape[1])
        self._matrix = matrix

    def groups(self) -> list[int]:
        while self._merge_stars() or self._merge_classes():
            pass
        return [int(group) for group in self._group_of_row]

    def _become(self, matrix: Rows) -> None:
        """Rows that are equal now are one."""
        whole = self._hashes[self._columns, matrix].sum(axis=1, dtype=np.uint64)
        _, first, inverse = np.unique(whole, return_index=True, return_inverse=True)
        self._matrix = matrix[first]
        self._group_of_row = inverse[self._group_of_row]

    def _merge_stars(self) -> bool:
        rows = len(self._matrix)
        if rows < 2:
            return False
        parts = self._hashes[self._columns, self._matrix]
        whole = parts.sum(axis=1, dtype=np.uint64)
        best_size, best_column = np.zeros(rows, dtype=np.int64), np.full(rows, -1)
        for column in np.flatnonzero((self._matrix != self._matrix[0]).any(axis=0)):
            size = self._accepted(int(column), whole - parts[:, column])
            is_better = size > best_size
            best_size[is_better], best_column[is_better] = size[is_better], column
        changed = np.flatnonzero(best_column >= 0)
        if not changed.size:
            return False
        self._matrix[changed, best_column[changed]] = WILD
        self._become(self._matrix)
        return True

    def _accepted(self, column: int, rest: NDArray[np.uint64]) -> Rows:
        """For each row, how many values its star in a column has; 0 where there is none to accept."""
        values = self._matrix[:, column]
        _, star, sizes = np.unique(rest, return_inverse=True, return_counts=True)
        count = len(sizes)

        def counted(flags: Flags) -> Rows:
            return np.bincount(star, weights=flags[values], minlength=count).astype(np.int64)

        held = np.zeros(count, dtype=np.int64)
        held[star] = (self._matrix != WILD).sum(axis=1) - (values != WILD)
        wild = np.bincount(star, weights=values == WILD, minlength=count).astype(np.int64)
        accepted = self._enough(column, sizes, held, wild, counted(self._strong))
        if Rule.EVENTS not in self._without:
            is_event = 2 * counted(self._event) >= sizes - wild
            accepted &= ~(is_event & (wild == 0) & ((sizes < _EVENTS[0]) | (held < _EVENTS[1])))
        return np.where((accepted & (sizes >= 2))[star], sizes[star], 0)

    def _enough(self, column: int, sizes: Rows, held: Rows, wild: Rows, strong: Rows) -> Flags:
        if column == 0 and Rule.FIRST_WORD not in self._without:
            return ((strong + wild >= sizes) | (sizes >= _FIRST_WORD[0])) & (held >= _FIRST_WORD[1])
        accepted = np.zeros(len(sizes), dtype=bool)
        for rule, values, (least_values, least_held) in (
            (Rule.BESIDE_WILDCARD, wild, _BESIDE_WILDCARD),
            (Rule.VERY_VARIABLE, strong, _VERY_VARIABLE),
            (Rule.PLAIN, sizes, _PLAIN),
            (Rule.PLAIN, sizes, _MANY_PLAIN),
        ):
            if rule not in self._without:
                accepted |= (values >= least_values) & (held >= least_held)
        return accepted

    def _merge_classes(self) -> bool:
        if Rule.CLASSES not in self._without and (
            self._merge_class(self._strong, _CLASS_VERY_VARIABLE) or self._merge_class(self._variable, _CLASS_VARIABLE)
        ):
            return True
        return Rule.CAPITALS not in self._without and self._merge_class(self._capitals, _CLASS_CAPITALS)

    def _merge_class(self, flags: Flags, enough: tuple[int, int]) -> bool:
        """Merge rows that are equal but for words of a class, beyond the first column."""
        rows = len(self._matrix)
        if rows < enough[0]:
            return False
        in_class = flags[self._matrix]
        in_class[:, :1] = False
        marked = np.where(in_class | (self._matrix == WILD), len(flags), self._matrix)
        whole = self._hashes[self._columns, marked].sum(axis=1, dtype=np.uint64)
        _, group, sizes = np.unique(whole, return_inverse=True, return_counts=True)
        held = (marked != len(flags)).sum(axis=1)
        matrix = self._matrix.copy()
        for each in np.flatnonzero(sizes >= enough[0]):
            members = np.flatnonzero(group == each)
            if held[members[0]] >= enough[1]:
                varying = (matrix[members] != matrix[members[0]]).any(axis=0)
                matrix[np.ix_(members, np.flatnonzero(varying))] = WILD
        if (matrix == self._matrix).all():
            return False
        self._become(matrix)
        return True
