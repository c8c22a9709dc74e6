"""Values of several words, or of none.

A *frame* is a skeleton in which the number of words in a row does not count. Two clusters of one frame are joined when
the smaller is the larger with other words in place of one wildcard.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tocsin.patterns.clustering.structure import COLUMN
from tocsin.patterns.clustering.words import names_the_next, says_what_happens

LEAST_TEXTS = 4
"""Of a cluster that others join: so many values prove that there is a variable."""

LEAST_CONSTANTS = 3
"""That hold a cluster together which others join."""

MAX_WORDS = 4
"""Of a value."""

Words = tuple[str | None, ...]

_WORDS_IN_A_ROW = re.compile(f"{COLUMN}(?: {COLUMN})*")


@dataclass(frozen=True, slots=True)
class Joinable:
    """A cluster of texts of one skeleton."""

    skeleton: str
    #: For each column the constant of all texts, or None.
    row: Words
    texts: int


@dataclass(frozen=True, slots=True)
class Join:
    """One cluster becomes part of another."""

    smaller: int
    larger: int
    #: The column of the larger one that holds any number of words from now on.
    column: int


def frame_of(skeleton: str) -> str:
    """The skeleton, in which the number of words in a row does not count."""
    return _WORDS_IN_A_ROW.sub(COLUMN, skeleton)


def joins(clusters: Sequence[Joinable]) -> list[Join]:
    """What is to be joined, among clusters of one frame in an order that their set fixes; each joins one at most."""
    split = [_in_a_row(cluster) for cluster in clusters]
    by_rest: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, rows in enumerate(split):
        for which, row in enumerate(rows):
            by_rest[_key(rows, which, row[0])].append(index)
    order = sorted(range(len(clusters)), key=lambda index: (-_constants(clusters[index]), -clusters[index].texts))
    found: dict[int, Join] = {}
    larger: set[int] = set()
    for index in order:
        if index in found or clusters[index].texts < LEAST_TEXTS or _constants(clusters[index]) < LEAST_CONSTANTS:
            continue
        for which, place, column in _wildcards(split[index]):
            row = split[index][which]
            for other in by_rest[_key(split[index], which, row[0])]:
                if (
                    other not in found
                    and other not in larger
                    and clusters[other].texts <= clusters[index].texts
                    and _fits(row, place, split[other][which])
                ):
                    found[other] = Join(other, index, column)
                    larger.add(index)
    return list(found.values())


def _in_a_row(cluster: Joinable) -> list[Words]:
    rows: list[Words] = []
    start = 0
    for match in _WORDS_IN_A_ROW.finditer(cluster.skeleton):
        end = start + match[0].count(COLUMN)
        rows.append(cluster.row[start:end])
        start = end
    return rows


def _key(rows: Sequence[Words], which: int, first: str | None) -> tuple[object, ...]:
    return which, first, *rows[:which], *rows[which + 1 :]


def _constants(cluster: Joinable) -> int:
    return sum(word is not None for word in cluster.row)


def _wildcards(rows: Sequence[Words]) -> list[tuple[int, int, int]]:
    """Wildcards after a constant: in which row, at which place of it, in which column of all."""
    found = []
    column = 0
    for which, row in enumerate(rows):
        found += [(which, place, column + place) for place, word in enumerate(row) if word is None and place]
        column += len(row)
    return found


def _fits(row: Words, place: int, other: Words) -> bool:
    """Whether the other row is this one but for the words in one place."""
    before, after = row[:place], row[place + 1 :]
    words = len(other) - len(row) + 1
    if words == 1 or not 0 <= words <= MAX_WORDS or other[:place] != before or other[place + words :] != after:
        return False
    middle = other[place : place + words]
    return not any(word is not None and (says_what_happens(word) or names_the_next(word)) for word in middle)
