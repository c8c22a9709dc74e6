"""Which words of a bucket are variables.

A *star* is a set of rows that are equal but for one column. The more values stand in that column, the more they look
like values, and the more constants hold the rest together, the surer is it that the column is a variable there. Rows of
an accepted star become one row, with a wildcard in that column, and stars are sought again. A *class* is a set of rows
that are equal but for words of one look, in as many columns as it may be.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tocsin.patterns.clustering.words import (
    is_in_capitals,
    looks_variable,
    looks_very_variable,
    names_the_next,
    says_what_happens,
)

WILD = 0

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How much it takes to call a column a variable; each rule can be turned off, to see what it is worth.

    A pair is (values in the star, constants in the rest of the row).
    """

    #: Beside a wildcard: constants.
    beside_wildcard: int = 2
    very_variable: tuple[int, int] = (2, 1)
    variable: tuple[int, int] = (3, 1)
    plain: tuple[int, int] = (4, 2)
    many: tuple[int, int] = (8, 1)
    #: After a word that names what comes next.
    named: tuple[int, int] = (2, 3)
    #: The first word says what a message is about.
    first_word: tuple[int, int] = (30, 2)
    #: Words that say what happens, where they are half of the values or more.
    events: tuple[int, int] = (30, 2)
    #: Rows that are equal but for words of one look: (rows, constants).
    class_very_variable: tuple[int, int] = (2, 2)
    class_variable: tuple[int, int] = (3, 3)
    class_capitals: tuple[int, int] = (4, 2)


def grouped_rows(rows: list[tuple[str | None, ...]], evidence: Evidence) -> list[int]:
    """The group of each row, as any number that its members share.

    Args:
        rows: in an order that the set of rows fixes; None is a wildcard.
        evidence: how much it takes.
    """
    if len(rows) < 2:
        return [0] * len(rows)
    words = sorted({word for row in rows for word in row if word is not None})
    ids: dict[str | None, int] = {word: index + 1 for index, word in enumerate(words)}
    ids[None] = WILD
    matrix = np.array([[ids[word] for word in row] for row in rows], dtype=np.int64).reshape(len(rows), -1)
    return _Bucket(matrix, words, evidence).groups()


class _Bucket:
    def __init__(self, matrix: Rows, words: list[str], evidence: Evidence) -> None:
        self._evidence = evidence
        self._strong = _flags(words, looks_very_variable)
        self._variable = _flags(words, looks_variable)
        self._capitals = _flags(words, is_in_capitals)
        self._event = _flags(words, says_what_happens)
        self._naming = _flags(words, names_the_next)
        self._group_of_row = np.arange(len(matrix))
        generator = np.random.default_rng(len(words))
        self._hashes = generator.integers(0, 2**63, size=(matrix.shape[1], len(words) + 2), dtype=np.uint64)
        self._become(matrix)

    def groups(self) -> list[int]:
        while self._merge_stars() or self._merge_classes():
            pass
        return [int(group) for group in self._group_of_row]

    def _become(self, matrix: Rows) -> None:
        """Rows that are equal now are one."""
        self._matrix, inverse = np.unique(matrix, axis=0, return_inverse=True)
        self._group_of_row = inverse.reshape(-1)[self._group_of_row]

    def _merge_stars(self) -> bool:
        rows, columns = self._matrix.shape
        if rows < 2:
            return False
        parts = self._hashes[np.arange(columns), self._matrix]
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
        is_named = np.zeros(count, dtype=bool)
        is_named[star] = self._naming[self._matrix[:, column - 1]] if column else False
        wild = np.bincount(star, weights=values == WILD, minlength=count).astype(np.int64)
        accepted = self._enough(column, sizes, held, wild, counted(self._strong), counted(self._variable), is_named)
        is_event = 2 * counted(self._event) >= sizes - wild
        few = (sizes < self._evidence.events[0]) | (held < self._evidence.events[1])
        accepted &= ~(is_event & few & (wild == 0))
        return np.where((accepted & (sizes >= 2))[star], sizes[star], 0)

    def _enough(
        self, column: int, sizes: Rows, held: Rows, wild: Rows, strong: Rows, variable: Rows, is_named: Flags
    ) -> Flags:
        evidence = self._evidence
        if column == 0:
            return ((strong + wild >= sizes) | (sizes >= evidence.first_word[0])) & (held >= evidence.first_word[1])
        accepted: Flags = (wild > 0) & (held >= evidence.beside_wildcard)
        for values, (least_values, least_held) in (
            (strong, evidence.very_variable),
            (variable, evidence.variable),
            (sizes, evidence.plain),
            (sizes, evidence.many),
            (np.where(is_named, sizes, 0), evidence.named),
        ):
            accepted |= (values >= least_values) & (held >= least_held)
        return accepted

    def _merge_classes(self) -> bool:
        evidence = self._evidence
        return (
            self._merge_class(self._strong, evidence.class_very_variable)
            or self._merge_class(self._variable, evidence.class_variable)
            or self._merge_class(self._capitals, evidence.class_capitals)
        )

    def _merge_class(self, flags: Flags, enough: tuple[int, int]) -> bool:
        """Merge rows that are equal but for words of a class, beyond the first column."""
        rows, columns = self._matrix.shape
        if rows < enough[0]:
            return False
        in_class = flags[self._matrix]
        in_class[:, :1] = False
        marked = np.where(in_class | (self._matrix == WILD), len(flags), self._matrix)
        whole = self._hashes[np.arange(columns), marked].sum(axis=1, dtype=np.uint64)
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


def _flags(words: list[str], has: Callable[[str], bool]) -> Flags:
    return np.array([False, *(has(word) for word in words)])
