"""``PatternListing``: the logs that match, divided by pattern. Counts are of all logs, never of a sample."""

import asyncio
import math
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from tocsin.logmodel.levels import Level, level_of
from tocsin.logstore.ports import (
    SHAPE_COUNTS_SCHEMA,
    LogStore,
    OrganizationId,
    Selection,
    TimeRange,
    interval_starts,
)
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
        async with self._limits.slot(selection):
            rows, rows_before = await asyncio.gather(
                self._store.shape_counts(selection, interval_nano=nanoseconds), self._counts_before(selection)
            )
        catalogue = await self._catalogue(selection, rows)
        # In a thread: there are as many rows as shapes, times services and severities.
        registered, found, shown = await asyncio.to_thread(
            _listed, rows, rows_before, catalogue, selection.time_range, order=order, only_new=only_new, limit=limit
        )
        total = _sum(rows)
        return PatternCounts(
            time_range=selection.time_range,
            total=total,
            interval_nano=nanoseconds,
            starts=interval_starts(selection.time_range, nanoseconds),
            patterns=shown,
            pattern_total=found,
            others=registered - sum(each.count for each in shown),
            unregistered=total - registered,
        )

    async def _counts_before(self, selection: Selection) -> pa.Table:
        catalogue = await self._catalogues.catalogue(selection.organization_id)
        since = catalogue.first_seen_unix_nano
        if since is not None and since >= selection.time_range.start_unix_nano:
            # No pattern is older.
            return SHAPE_COUNTS_SCHEMA.empty_table()
        before = replace(selection, time_range=_just_before(selection.time_range))
        return await self._store.shape_counts(before, interval_nano=_whole(before.time_range))

    async def _catalogue(self, selection: Selection, rows: pa.Table) -> PatternCatalogue:
        """A catalogue that knows the shapes of these rows, as far as there is room for them."""
        catalogue = await self._catalogues.catalogue(selection.organization_id)
        if catalogue.is_full or _registered(rows, catalogue).num_rows == rows.num_rows:
            return catalogue
        return await self._catalogues.look(selection.organization_id)


def _listed(
    rows: pa.Table,
    rows_before: pa.Table,
    catalogue: PatternCatalogue,
    time_range: TimeRange,
    *,
    order: PatternOrder,
    only_new: bool,
    limit: int,
) -> tuple[int, int, list[PatternCount]]:
    """How many logs are of shapes that the catalogue knows, how many patterns were found, and the first of these."""
    total = _sum(rows)
    rows, rows_before = (_registered(each, catalogue) for each in (rows, rows_before))
    if not rows.num_rows:
        return 0, 0, []
    counted = _Counted.of(rows, rows_before, catalogue, time_range)
    places = counted.sorted_by(order)
    if only_new:
        places = places[counted.is_new[places]]
    return _sum(rows), len(places), _shown(counted, rows, places[:limit], total)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """Patterns by number, and their rows added up: each array but ``places`` has an item for each pattern."""

    patterns: list[Pattern]
    #: For each row, the number of its pattern.
    places: Integers
    counts: Integers
    counts_before: Integers
    is_new: npt.NDArray[np.bool_]

    @staticmethod
    def of(rows: pa.Table, rows_before: pa.Table, catalogue: PatternCatalogue, time_range: TimeRange) -> "_Counted":
        places, patterns = _places(rows["shape"].to_numpy(), catalogue)
        before = _before(rows_before, catalogue)
        known_since = catalogue.first_seen_unix_nano
        had_others_before = known_since is not None and known_since < time_range.start_unix_nano
        first_seen = np.array([each.first_seen_unix_nano for each in patterns], dtype=np.int64)
        return _Counted(
            patterns=patterns,
            places=places,
            counts=np.bincount(places, weights=rows["count"].to_numpy(), minlength=len(patterns)).astype(np.int64),
            counts_before=np.array([before.get(each.id, 0) for each in patterns], dtype=np.int64),
            is_new=(first_seen >= time_range.start_unix_nano) & had_others_before,
        )

    @property
    def deviations(self) -> npt.NDArray[np.float64]:
        """How far the counts are from those before, see ``STEADY_DEVIATIONS``."""
        deviations: npt.NDArray[np.float64] = (self.counts - self.counts_before) / np.sqrt(
            self.counts + self.counts_before
        )
        return deviations

    def sorted_by(self, order: PatternOrder) -> Integers:
        """The numbers of the patterns in this order."""
        ids = np.array([each.id for each in self.patterns], dtype=np.uint64)
        match order:
            case PatternOrder.COUNT:
                return np.lexsort((ids, -self.counts))
            case PatternOrder.NEWEST:
                first_seen = np.array([each.first_seen_unix_nano for each in self.patterns], dtype=np.int64)
                # The complement turns the order of all integers around; the smallest has no negative.
                return np.lexsort((ids, ~first_seen))
            case PatternOrder.RISING:
                return np.lexsort((ids, -self.counts, -self.deviations))

    def trend(self, place: int) -> Trend:
        count, before = int(self.counts[place]), int(self.counts_before[place])
        smaller, larger = sorted((count, before))
        if abs(count - before) <= STEADY_DEVIATIONS * math.sqrt(count + before) or larger <= _STEADY_RATIO * smaller:
            return Trend.STEADY
        return Trend.RISING if count > before else Trend.FALLING


def _shown(counted: _Counted, rows: pa.Table, shown: Integers, total: int) -> list[PatternCount]:
    """These patterns, with what their rows say."""
    is_shown = np.isin(counted.places, shown)
    rows, places = rows.filter(pa.array(is_shown)), counted.places[is_shown]
    counts = rows["count"].to_numpy().astype(np.int64)
    number = len(counted.patterns)
    first, last = np.full(number, 2**63 - 1), np.full(number, -(2**63))
    np.minimum.at(first, places, rows["first_timestamp"].to_numpy())
    np.maximum.at(last, places, rows["last_timestamp"].to_numpy())
    severities = _divided(places, rows["severity_number"], counts)
    services = _divided(places, rows["service"], counts)
    sparklines = _sparklines(rows, places)
    return [
        PatternCount(
            pattern=counted.patterns[place],
            count=int(counted.counts[place]),
            share=int(counted.counts[place]) / total,
            first_unix_nano=int(first[place]),
            last_unix_nano=int(last[place]),
            count_before=int(counted.counts_before[place]),
            trend=counted.trend(place),
            is_new=bool(counted.is_new[place]),
            levels=_by_level(severities[place]),
            services=_most_first(services[place]),
            counts=sparklines[place].tolist(),
        )
        for place in shown.tolist()
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
    return {level: levels[level] for level in Level if level in levels}


def _most_first(services: dict[str, int]) -> list[ValueCount]:
    return [ValueCount(*each) for each in sorted(services.items(), key=lambda item: (-item[1], item[0]))]


def _sparklines(rows: pa.Table, places: Integers) -> dict[int, Integers]:
    """Counts by interval, for each pattern that has a row."""
    if not rows.num_rows:
        return {}
    lists = rows["counts"].combine_chunks()
    matrix = lists.flatten().to_numpy().astype(np.int64).reshape(rows.num_rows, -1)
    order = np.argsort(places, kind="stable")
    starts = np.flatnonzero(np.diff(places[order], prepend=-1))
    added = np.add.reduceat(matrix[order], starts, axis=0)
    return dict(zip(places[order][starts].tolist(), added, strict=True))


def _just_before(time_range: TimeRange) -> TimeRange:
    length = time_range.end_unix_nano - time_range.start_unix_nano
    return TimeRange(max(time_range.start_unix_nano - length, _EARLIEST_UNIX_NANO), time_range.start_unix_nano)


def _whole(time_range: TimeRange) -> int:
    return max(1, time_range.end_unix_nano - time_range.start_unix_nano)
