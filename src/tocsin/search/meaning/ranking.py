"""Ranks candidate rows. Pure, and a column at a time."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from tocsin.query.tokens import TOKEN_CLASS
from tocsin.search.meaning.index import Floats, Integers, PatternIndex, combined, rarity
from tocsin.search.meaning.words import Term

PART_SHARE = 0.3
"""What a part of a longer term counts where the whole term is found somewhere: 10.0.0.2 is a little like 10.0.0.1."""

VALUES_AMONG = 1_000
"""A value is as rare as if there were so many documents, or as many as patterns, if these are more."""

REPEAT_COST = 0.2
"""What relevance each earlier row of the same pattern takes from the next, and each with the same message.

A row that a value of the question is in is meant, and pays for the same message alone.
"""

_NO_TOKEN = TOKEN_CLASS.replace("[", "[^", 1)

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RankedRow:
    """Where a row stands among the candidates, and why."""

    row: int
    #: 0 to 1.
    relevance: float
    #: The share of what the question's words and values tell that is in the row.
    lexical: float
    #: How near the question is to the row's pattern; None where that is not known.
    semantic: float | None
    matched: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """Which terms are in which rows."""

    terms: Sequence[Term]
    #: Shape ``(n_terms, n_rows)``.
    found: Booleans


def matches_of(terms: Sequence[Term], services: pl.Series, messages: pl.Series) -> Matches:
    """Look for terms in the messages of rows, and in the names of their services."""
    text = pl.concat_str(pl.lit(services), pl.lit(messages), separator="\n").str.to_lowercase()
    columns = [text.str.contains(_expression(term)).alias(str(number)) for number, term in enumerate(terms)]
    if not terms or not len(messages):
        return Matches(terms, np.zeros((len(terms), len(messages)), dtype=np.bool_))
    return Matches(terms, pl.select(columns).to_numpy().T)


def lexical_shares(matches: Matches, index: PatternIndex) -> Floats:
    """For each row, the share of the weight of all terms that are anywhere which is in the row.

    How rare constant words are, the patterns say; how rare values are, the candidates, which are all that have them, or
    as many as count.
    """
    counts = matches.found.sum(axis=1)
    weights = np.zeros(len(matches.terms))
    found = [term for term, count in zip(matches.terms, counts, strict=True) if count]
    for number, term in enumerate(matches.terms):
        if not counts[number]:
            continue
        if index.is_constant(term):
            weights[number] = index.weight(term)
        else:
            weights[number] = rarity(int(counts[number]), of=max(VALUES_AMONG, len(index)))
        if term.is_part and any(other.contains(term) for other in found):
            weights[number] *= PART_SHARE
    total = weights.sum()
    shares: Floats = weights @ matches.found
    return shares / total if total else shares


def meant_rows(matches: Matches, index: PatternIndex) -> Booleans:
    """The rows that have a value of the question: a term that is no constant word of a pattern."""
    values = [not index.is_constant(term) and not term.is_part for term in matches.terms]
    return np.asarray(matches.found[np.array(values, dtype=np.bool_)].any(axis=0), dtype=np.bool_)


def ranked(
    rows: pl.DataFrame,
    matches: Matches,
    index: PatternIndex,
    semantic: Floats | None,
    k: int,
) -> list[RankedRow]:
    """The k best of the candidates, diversified.

    Args:
        rows: ``pattern`` (its number in the index, -1 for none) and ``message``; where rows are as relevant as each
            other, the first of them comes first.
        matches: of the same rows.
        index: the patterns.
        semantic: of each pattern, see ``PatternIndex.semantic``; None where the question has no vector.
        k: how many at most.
    """
    lexical = lexical_shares(matches, index)
    patterns: Integers = rows["pattern"].to_numpy()
    semantic_of_rows = None
    if semantic is not None:
        # The last place is for rows of no pattern.
        semantic_of_rows = np.append(semantic, np.nan)[patterns]
    relevance = combined(lexical, semantic_of_rows)
    chosen = diversified(relevance, patterns.tolist(), rows["message"].to_list(), meant_rows(matches, index), k)
    return [
        RankedRow(
            row=row,
            relevance=round(float(relevance[row]), 4),
            lexical=round(float(lexical[row]), 4),
            semantic=_known(semantic_of_rows, row),
            matched=tuple(term for term, found in zip(matches.terms, matches.found[:, row], strict=True) if found),
        )
        for row in chosen
    ]


def diversified(
    relevance: Floats, patterns: Sequence[int], messages: Sequence[str], is_meant: Booleans, k: int
) -> list[int]:
    """The k best rows, each time the one that is best after what it pays for repeating those before."""
    seen_patterns: dict[int, int] = {}
    seen_messages: dict[str, int] = {}

    def cost(row: int) -> float:
        repeats = seen_messages.get(messages[row], 0)
        if not is_meant[row]:
            repeats = max(repeats, seen_patterns.get(patterns[row], 0))
        return REPEAT_COST * repeats

    # Costs only grow, so what is best by an old cost is asked again before it is taken.
    waiting = [(-round(float(value), 9), row, 0.0) for row, value in enumerate(relevance.tolist())]
    heapq.heapify(waiting)
    chosen: list[int] = []
    while waiting and len(chosen) < k:
        _, row, paid = heapq.heappop(waiting)
        due = cost(row)
        if due > paid:
            heapq.heappush(waiting, (round(due - float(relevance[row]), 9), row, due))
            continue
        chosen.append(row)
        seen_patterns[patterns[row]] = seen_patterns.get(patterns[row], 0) + 1
        seen_messages[messages[row]] = seen_messages.get(messages[row], 0) + 1
    return chosen


def _expression(term: Term) -> str:
    between = f"{_NO_TOKEN}+"
    # Tokens are letters, digits and ``_``: nothing that an expression reads otherwise.
    return f"(?:^|{_NO_TOKEN}){between.join(term.tokens)}(?:{_NO_TOKEN}|$)"


def _known(semantic: Floats | None, row: int) -> float | None:
    if semantic is None or np.isnan(semantic[row]):
        return None
    return round(float(semantic[row]), 4)
