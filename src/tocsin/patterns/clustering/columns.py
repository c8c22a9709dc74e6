"""Which words of a bucket are variables.

A *star* is a set of rows that are equal but for one column. The more values stand in that column, the more they look
like values, and the more constants hold the rest together, the surer is it that the column is a variable there. Rows of
an accepted star become one row, with a wildcard in that column, and stars are sought again.
"""

import numpy as np
from numpy.typing import NDArray

from tocsin.patterns.clustering.words import looks_variable, looks_very_variable

WILD = 0

Rows = NDArray[np.int64]


_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def grouped_rows(rows: list[tuple[str | None, ...]]) -> list[int]:
    """The group of each row, as any number that its members share.

    Args:
        rows: in an order that the set of rows fixes; None is a wildcard.
    """
    if len(rows) < 2:
        return [0] * len(rows)
    words = sorted({word for row in rows for word in row if word is not None})
    ids: dict[str | None, int] = {word: index + 1 for index, word in enumerate(words)}
    ids[None] = WILD
    matrix = np.array([[ids[word] for word in row] for row in rows], dtype=np.int64).reshape(len(rows), -1)
    return _Bucket(matrix, words).groups()


class _Bucket:
    def __init__(self, matrix: Rows, words: list[str]) -> None:
        self._strong = np.array([False, *(looks_very_variable(word) for word in words)])
        self._variable = np.array([False, *(looks_variable(word) for word in words)])
        self._matrix, inverse = np.unique(matrix, axis=0, return_inverse=True)
        self._group_of_row = inverse.reshape(-1)
        generator = np.random.default_rng(len(words))
        self._hashes = generator.integers(0, 2**63, size=(matrix.shape[1], len(words) + 1), dtype=np.uint64)

    def groups(self) -> list[int]:
        while self._merge_stars():
            pass
        return [int(group) for group in self._group_of_row]

    def _merge_stars(self) -> bool:
        rows, columns = self._matrix.shape
        if rows < 2:
            return False
        parts = self._hashes[np.arange(columns), self._matrix]
        whole = parts.sum(axis=1, dtype=np.uint64)
        constants = (self._matrix != WILD).sum(axis=1)
        best_size, best_column = np.zeros(rows, dtype=np.int64), np.full(rows, -1)
        for column in np.flatnonzero((self._matrix != self._matrix[0]).any(axis=0)):
            size = self._accepted(int(column), whole - parts[:, column], constants)
            is_better = size > best_size
            best_size[is_better], best_column[is_better] = size[is_better], column
        changed = np.flatnonzero(best_column >= 0)
        if not changed.size:
            return False
        self._matrix[changed, best_column[changed]] = WILD
        self._matrix, inverse = np.unique(self._matrix, axis=0, return_inverse=True)
        self._group_of_row = inverse.reshape(-1)[self._group_of_row]
        return True

    def _accepted(self, column: int, rest: NDArray[np.uint64], constants: Rows) -> Rows:
        """For each row, how many values its star in a column has; 0 where there is none to accept."""
        values = self._matrix[:, column]
        _, star, sizes = np.unique(rest, return_inverse=True, return_counts=True)
        count = len(sizes)
        wild = np.bincount(star, weights=values == WILD, minlength=count)
        strong = np.bincount(star, weights=self._strong[values], minlength=count)
        variable = np.bincount(star, weights=self._variable[values], minlength=count)
        held = np.zeros(count, dtype=np.int64)
        held[star] = constants - (values != WILD)
        if column == 0:
            accepted = ((strong + wild >= sizes) | (sizes >= 30)) & (held >= 2)
        else:
            accepted = (
                ((wild > 0) & (held >= 2))
                | ((strong >= 2) & (held >= 1))
                | ((variable >= 3) & (held >= 1))
                | ((sizes >= 4) & (held >= 2))
                | ((sizes >= 8) & (held >= 1))
            )
        return np.where((accepted & (sizes >= 2))[star], sizes[star], 0)
