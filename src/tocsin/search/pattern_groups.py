"""Groups by pattern: the store groups by shape, and the groups of a pattern's shapes are added up here."""

from collections.abc import Sequence
from dataclasses import replace

from tocsin.kit.errors import InvalidRequest
from tocsin.logstore.ports import AggregateRow, LogColumn
from tocsin.patterns.contracts import PatternCatalogue, pattern_id_text, shape_number
from tocsin.search.contracts import Grouping

PATTERN = "pattern"
"""The name of this field where logs are grouped."""

_ADDED_UP = ("count", "rate")


def by_shape(grouping: Grouping) -> Grouping:
    """The grouping with the shape in the pattern's place.

    Raises:
        InvalidRequest: a measure can't be had from those of a pattern's shapes.
    """
    others = [measure for measure in grouping.measures if measure not in _ADDED_UP]
    if others:
        raise InvalidRequest(f"by pattern, only count and rate are computed, not {', '.join(others)}")
    if LogColumn.SHAPE in grouping.by:
        raise InvalidRequest("group by pattern or by shape, not by both")
    return replace(grouping, by=tuple(LogColumn.SHAPE.value if each == PATTERN else each for each in grouping.by))


def added_up(rows: Sequence[AggregateRow], place: int, catalogue: PatternCatalogue) -> list[AggregateRow]:
    """The rows by pattern, in the order of the port; their results are counts.

    The shape stands at ``place`` of a row's values; one that the registry does not have is a pattern of its own.
    """
    sums: dict[tuple[int | None, tuple[str | None, ...]], list[float]] = {}
    totals: dict[tuple[str | None, ...], float] = {}
    for row in rows:
        values = (*row.values[:place], _pattern_of(row.values[place], catalogue), *row.values[place + 1 :])
        counts = [result or 0.0 for result in row.results]
        before = sums.setdefault((row.start_unix_nano, values), [0.0] * len(counts))
        sums[row.start_unix_nano, values] = [one + other for one, other in zip(before, counts, strict=True)]
        totals[values] = totals.get(values, 0.0) + counts[-1]
    order = sorted(totals, key=lambda values: (-totals[values], [(value is not None, value or "") for value in values]))
    rank = {values: number for number, values in enumerate(order)}
    return [
        AggregateRow(start, values, tuple(sums[start, values]))
        for start, values in sorted(sums, key=lambda each: (each[0] or 0, rank[each[1]]))
    ]


def templates_of(pattern_ids: Sequence[str | None], catalogue: PatternCatalogue) -> dict[str, str]:
    """How these patterns read, by their ids."""
    found = {text: catalogue.find(text) for text in pattern_ids if text is not None}
    return {text: pattern.template for text, pattern in found.items() if pattern is not None}


def _pattern_of(shape: str | None, catalogue: PatternCatalogue) -> str | None:
    number = None if shape is None else shape_number(shape)
    found = None if number is None else catalogue.pattern_of(number)
    return shape if found is None else pattern_id_text(found)
