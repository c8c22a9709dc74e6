"""``PatternListing``: the logs that match, divided by pattern. Counts are of all logs, never of a sample."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from tocsin.logmodel.levels import Level, level_of
from tocsin.logstore.ports import LogStore, OrganizationId, Selection, TimeRange, interval_starts
from tocsin.patterns.contracts import Pattern, PatternCatalogue
from tocsin.search.contracts import Question, ValueCount
from tocsin.search.intervals import interval_nano
from tocsin.search.limits import QueryLimits
from tocsin.search.pattern_contracts import PatternCount, PatternCounts, PatternOrder, Trend
from tocsin.search.questions import Catalogues, Questions, check_limit, check_number

DEFAULT_PATTERNS, MAX_PATTERNS = 100, 5_000

MAX_INTERVALS = 300
"""Of a sparkline. A row of the counts, of which there are several for each shape, has a number for each."""

STEADY_DEVIATIONS = 3.0
"""A count that is no further from the one before, in standard deviations of the difference of two Poisson counts, is
steady; and so is one that is no more than half as large again."""

_STEADY_RATIO = 1.5
_EARLIEST_UNIX_NANO = -(2**63) + 1

Integers = npt.NDArray[np.int64]


class FollowedCatalogues(Catalogues, Protocol):
    """Knows the patterns of every organization, and can look for new ones."""

    async def look(self, organization_id: OrganizationId) -> PatternCatalogue:
        """The organization's patterns as of now."""
        ...


class PatternListing:
    """Lists patterns. Raises as ``SearchService`` does."""

    def __init__(
        self, store: LogStore, catalogues: FollowedCatalogues, questions: Questions, *, limits: QueryLimits
    ) -> None:
        self._store = store
        self._catalogues = catalogues
        self._questions = questions
        self._limits = limits

    async def patterns(
        self,
        question: Question,
        *,
        order: PatternOrder = PatternOrder.COUNT,
        only_new: bool = False,
        limit: int = DEFAULT_PATTERNS,
        interval: str | None = None,
    ) -> PatternCounts:
        """The patterns of the logs that match, with how they were in the time of the same length just before."""
        check_limit(limit, MAX_PATTERNS)
        selection = await self._questions.selection(question, timeout_seconds=self._limits.timeout_seconds)
        nanoseconds = interval_nano(interval, selection.time_range)
        check_number("intervals", len(interval_starts(selection.time_range, nanoseconds)), MAX_INTERVALS)
        before = replace(selection, time_range=_just_before(selection.time_range))
        async with self._limits.slot(selection):
            rows, rows_before = await asyncio.gather(
                self._store.shape_counts(selection, interval_nano=nanoseconds),
                self._store.shape_counts(before, interval_nano=_whole(before.time_range)),
            )
        catalogue = await self._catalogue(selection, rows)
        total = _sum(rows)
        # In a thread: there are as many rows as shapes, times services and severities.
        registered, counted = await asyncio.to_thread(_counted, rows, rows_before, catalogue, selection.time_range)
        found = sorted((each for each in counted if each.is_new or not only_new), key=_SORTS[order])
        shown = [_shown(each, total) for each in found[:limit]]
        return PatternCounts(
            time_range=selection.time_range,
            total=total,
            interval_nano=nanoseconds,
            starts=interval_starts(selection.time_range, nanoseconds),
            patterns=shown,
            pattern_total=len(found),
            others=registered - sum(each.count for each in shown),
            unregistered=total - registered,
        )

    async def _catalogue(self, selection: Selection, rows: pa.Table) -> PatternCatalogue:
        """A catalogue that knows the shapes of these rows, as far as there is room for them."""
        catalogue = await self._catalogues.catalogue(selection.organization_id)
        if catalogue.is_full or _registered(rows, catalogue).num_rows == rows.num_rows:
            return catalogue
        return await self._catalogues.look(selection.organization_id)


@dataclass(slots=True, kw_only=True)
class _Counted:
    """A pattern's rows added up."""

    pattern: Pattern
    count: int
    count_before: int
    first: int
    last: int
    is_new: bool
    levels: dict[Level, int]
    services: dict[str, int]
    counts: list[int]

    @property
    def deviations(self) -> float:
        """How far the count is from the one before, see ``STEADY_DEVIATIONS``."""
        return float((self.count - self.count_before) / np.sqrt(self.count + self.count_before))

    @property
    def trend(self) -> Trend:
        smaller, larger = sorted((self.count, self.count_before))
        if abs(self.deviations) <= STEADY_DEVIATIONS or larger <= _STEADY_RATIO * smaller:
            return Trend.STEADY
        return Trend.RISING if self.count > self.count_before else Trend.FALLING


_SORTS: dict[PatternOrder, Callable[[_Counted], tuple[float, ...]]] = {
    PatternOrder.COUNT: lambda each: (-each.count, each.pattern.id),
    PatternOrder.NEWEST: lambda each: (-each.pattern.first_seen_unix_nano, each.pattern.id),
    PatternOrder.RISING: lambda each: (-each.deviations, -each.count, each.pattern.id),
}


def _counted(
    rows: pa.Table, rows_before: pa.Table, catalogue: PatternCatalogue, time_range: TimeRange
) -> tuple[int, list[_Counted]]:
    """How many logs are of shapes that the catalogue knows, and these by pattern."""
    rows, rows_before = (_registered(each, catalogue) for each in (rows, rows_before))
    if not rows.num_rows:
        return 0, []
    places, patterns = _places(rows["shape"].to_numpy(), catalogue)
    number = len(patterns)
    counts = rows["count"].to_numpy().astype(np.int64)
    first, last = np.full(number, 2**63 - 1), np.full(number, -(2**63))
    np.minimum.at(first, places, rows["first_timestamp"].to_numpy())
    np.maximum.at(last, places, rows["last_timestamp"].to_numpy())
    before = _before(rows_before, catalogue)
    severities = _divided(places, rows["severity_number"], counts)
    services = _divided(places, rows["service"], counts)
    sparklines = _sparklines(rows, places)
    totals = np.bincount(places, weights=counts, minlength=number).astype(np.int64)
    known_since = catalogue.first_seen_unix_nano
    had_others_before = known_since is not None and known_since < time_range.start_unix_nano
    return _sum(rows), [
        _Counted(
            pattern=pattern,
            count=int(totals[place]),
            count_before=before.get(pattern.id, 0),
            first=int(first[place]),
            last=int(last[place]),
            is_new=had_others_before and pattern.first_seen_unix_nano >= time_range.start_unix_nano,
            levels=_by_level(severities[place]),
            services=services[place],
            counts=sparklines[place].tolist(),
        )
        for place, pattern in enumerate(patterns)
    ]


def _sum(rows: pa.Table) -> int:
    return int(rows["count"].to_numpy().sum())


def _registered(rows: pa.Table, catalogue: PatternCatalogue) -> pa.Table:
    """The rows of shapes that the catalogue knows."""
    shapes, places = np.unique(rows["shape"].to_numpy(), return_inverse=True)
    is_known = np.array([shape in catalogue.pattern_ids for shape in shapes.tolist()], dtype=np.bool_)
    return rows if is_known.all() else rows.filter(pa.array(is_known[places]))


def _places(shapes: npt.NDArray[np.uint64], catalogue: PatternCatalogue) -> tuple[Integers, list[Pattern]]:
    """For each row the number of its pattern, and the patterns by that number."""
    unique, inverse = np.unique(shapes, return_inverse=True)
    numbers: dict[int, int] = {}
    of_unique = [numbers.setdefault(catalogue.pattern_ids[shape], len(numbers)) for shape in unique.tolist()]
    return np.array(of_unique, dtype=np.int64)[inverse], [catalogue.patterns[pattern_id] for pattern_id in numbers]


def _before(rows: pa.Table, catalogue: PatternCatalogue) -> dict[int, int]:
    counts: dict[int, int] = {}
    for shape, count in zip(rows["shape"].to_pylist(), rows["count"].to_pylist(), strict=True):
        pattern_id = catalogue.pattern_ids[shape]
        counts[pattern_id] = counts.get(pattern_id, 0) + count
    return counts


def _divided(places: Integers, column: pa.ChunkedArray, counts: Integers) -> dict[int, dict[Any, int]]:
    """Counts by pattern and value of a column."""
    frame = pl.DataFrame({"place": places, "value": pl.from_arrow(column), "count": counts})
    divided: dict[int, dict[Any, int]] = {}
    for place, value, count in frame.group_by("place", "value").agg(pl.col("count").sum()).iter_rows():
        divided.setdefault(place, {})[value] = count
    return divided


def _by_level(severities: dict[int, int]) -> dict[Level, int]:
    levels: dict[Level, int] = {}
    for severity, count in severities.items():
        level = level_of(severity)
        levels[level] = levels.get(level, 0) + count
    return levels


def _sparklines(rows: pa.Table, places: Integers) -> Integers:
    """Counts by pattern and interval, shape ``(n_patterns, n_intervals)``."""
    lists = rows["counts"].combine_chunks()
    matrix = lists.flatten().to_numpy().astype(np.int64).reshape(rows.num_rows, -1)
    # Every pattern has a row, so each begins where the number changes.
    order = np.argsort(places, kind="stable")
    starts = np.flatnonzero(np.diff(places[order], prepend=-1))
    added: Integers = np.add.reduceat(matrix[order], starts, axis=0)
    return added


def _shown(counted: _Counted, total: int) -> PatternCount:
    services = sorted(counted.services.items(), key=lambda item: (-item[1], item[0]))
    return PatternCount(
        pattern=counted.pattern,
        count=counted.count,
        share=counted.count / total,
        first_unix_nano=counted.first,
        last_unix_nano=counted.last,
        count_before=counted.count_before,
        trend=counted.trend,
        is_new=counted.is_new,
        levels={level: counted.levels[level] for level in Level if level in counted.levels},
        services=[ValueCount(service, count) for service, count in services],
        counts=counted.counts,
    )


def _just_before(time_range: TimeRange) -> TimeRange:
    length = time_range.end_unix_nano - time_range.start_unix_nano
    return TimeRange(max(time_range.start_unix_nano - length, _EARLIEST_UNIX_NANO), time_range.start_unix_nano)


def _whole(time_range: TimeRange) -> int:
    return max(1, time_range.end_unix_nano - time_range.start_unix_nano)
