"""``ExplorationService``: which fields and values there are, and what can be computed over logs."""

import asyncio
from dataclasses import replace

from tocsin.kit.errors import InvalidRequest
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logstore.ports import (
    AggregatePlan,
    AggregateRow,
    Field,
    LogColumn,
    LogStore,
    Measure,
    MetadataKey,
    Selection,
    Statistic,
    TimeRange,
    interval_starts,
)
from tocsin.query.tree import Everything, Node, Not
from tocsin.search.contracts import (
    Aggregate,
    Facet,
    Facets,
    FieldCount,
    FieldCounts,
    FieldValues,
    Group,
    Grouping,
    Question,
    ValueCount,
)
from tocsin.search.field_names import begins_with, both, field_named, has_value, name_of
from tocsin.search.intervals import interval_nano
from tocsin.search.limits import QueryLimits
from tocsin.search.measures import MAX_MEASURES, NamedMeasure, measure_named
from tocsin.search.pattern_groups import PATTERN, added_up, by_shape, templates_of
from tocsin.search.questions import Questions, check_limit, check_number

DEFAULT_FIELDS, MAX_FIELDS = 100, 1_000
DEFAULT_VALUES, MAX_VALUES = 20, 1_000
DEFAULT_FACETS, MAX_FACETS = ("service", "level"), 20
DEFAULT_GROUPS, MAX_GROUPS = 10, 1_000
MAX_GROUPED_FIELDS = 5

MAX_KEYS = 10_000
"""Keys of the metadata among which a prefix is looked for."""

UNPREFIXED_VALUES = 24
"""No more values than this have the fields, levels and severity numbers, whose prefix the store is not asked for."""

MAX_ROWS = 100_000
"""Groups times intervals in one answer: some 15 MB of JSON."""

_COUNT = Measure(Statistic.COUNT)


class ExplorationService:
    """Answers what the logs of one organization are like.

    Its methods raise as ``SearchService``'s do, and ``InvalidRequest`` where a field, a measure or a limit can't be.
    """

    def __init__(self, store: LogStore, questions: Questions, *, limits: QueryLimits) -> None:
        self._store = store
        self._questions = questions
        self._limits = limits

    async def fields(self, question: Question, *, prefix: str = "", limit: int = DEFAULT_FIELDS) -> FieldCounts:
        """The fields whose names begin so, in any case, and that a log which matches has."""
        check_limit(limit, MAX_FIELDS)
        selection = await self._selection(question)
        async with self._limits.slot(selection):
            # Most of these fields are on every log: one count is enough for them.
            conditions = {column: has_value(column) for column in LogColumn if _begins(column.value, prefix)}
            counts = {each: await self._store.count(_where(selection, each)) for each in set(conditions.values())}
            keys = await self._store.metadata_keys(selection, limit=MAX_KEYS + 1)
        built_in = [
            FieldCount(column.value, counts[condition], is_built_in=True) for column, condition in conditions.items()
        ]
        named = ((name_of(MetadataKey(each.key)), each.count) for each in keys[:MAX_KEYS])
        found = [FieldCount(name, count, is_built_in=False) for name, count in named if _begins(name, prefix)]
        fields = [each for each in built_in if each.count] + found
        has_more = len(fields) > limit or len(keys) > MAX_KEYS
        return FieldCounts(time_range=selection.time_range, fields=fields[:limit], has_more=has_more)

    async def values(
        self, question: Question, field_name: str, *, prefix: str = "", limit: int = DEFAULT_VALUES
    ) -> FieldValues:
        """The values of a field that begin so, letter for letter."""
        check_limit(limit, MAX_VALUES)
        field = field_named(field_name)
        selection = await self._selection(question)
        selection = _where(selection, begins_with(field, prefix))
        async with self._limits.slot(selection):
            counted = await self._counted(selection, field, limit=max(limit + 1, UNPREFIXED_VALUES))
        found = [each for each in counted if each.value.startswith(prefix)]
        return FieldValues(
            time_range=selection.time_range,
            field=name_of(field),
            values=found[:limit],
            has_more=len(found) > limit,
        )

    async def facets(
        self, question: Question, field_names: tuple[str, ...] = DEFAULT_FACETS, *, limit: int = DEFAULT_VALUES
    ) -> Facets:
        """How the logs that match divide by each of these fields."""
        check_limit(limit, MAX_VALUES)
        check_number("fields", len(field_names), MAX_FACETS)
        fields = [field_named(name) for name in dict.fromkeys(field_names)]
        selection = await self._selection(question)
        async with self._limits.slot(selection):
            total = await self._store.count(selection)
            facets = [await self._facet(selection, field, total=total, limit=limit) for field in fields]
        return Facets(time_range=selection.time_range, total=total, facets=facets)

    async def aggregate(self, question: Question, grouping: Grouping) -> Aggregate:
        """What the grouping asks for."""
        check_limit(grouping.limit, MAX_GROUPS)
        check_number("measures", len(grouping.measures), MAX_MEASURES)
        check_number("fields to group by", max(1, len(grouping.by)), MAX_GROUPED_FIELDS)
        if PATTERN in grouping.by:
            return await self._aggregate_by_pattern(question, grouping)
        return await self._aggregate(question, grouping)

    async def _aggregate_by_pattern(self, question: Question, grouping: Grouping) -> Aggregate:
        """Ask for shapes, as many as an answer may have, and add them up."""
        catalogue = await self._questions.catalogue(question.organization_id)
        names = tuple(dict.fromkeys(grouping.by))
        plan, measures, fields = await self._plan(question, by_shape(replace(grouping, by=names)))
        interval, time_range = plan.interval_nano, plan.selection.time_range
        intervals = 1 if interval is None else len(interval_starts(time_range, interval))
        plan = replace(plan, limit=MAX_ROWS // intervals)
        async with self._limits.slot(plan.selection):
            rows = await self._store.aggregate(plan)
        if len({row.values for row in rows}) >= plan.limit:
            raise InvalidRequest(
                f"the shapes of the logs that match make {plan.limit:,} groups or more: narrow the query or the "
                "time range, or leave the interval out"
            )
        place = names.index(PATTERN)
        by_pattern = await asyncio.to_thread(added_up, rows, place, catalogue)
        answer = _answer(by_pattern, plan, measures, fields, limit=grouping.limit)
        named = [replace(group, values=_renamed(group.values)) for group in answer.groups]
        templates = templates_of([group.values[PATTERN] for group in named], catalogue)
        return replace(answer, groups=named, templates=templates)

    async def _aggregate(self, question: Question, grouping: Grouping) -> Aggregate:
        plan, measures, fields = await self._plan(question, grouping)
        async with self._limits.slot(plan.selection):
            rows = await self._store.aggregate(plan)
        return _answer(rows, plan, measures, fields, limit=grouping.limit)

    async def _plan(
        self, question: Question, grouping: Grouping
    ) -> tuple[AggregatePlan, list[NamedMeasure], list[Field]]:
        measures = [measure_named(name) for name in dict.fromkeys(grouping.measures)]
        fields = [field_named(name) for name in dict.fromkeys(grouping.by)]
        selection = await self._selection(question)
        interval = _interval(grouping, selection.time_range)
        plan = AggregatePlan(
            selection=selection,
            # The last counts, so that combinations beyond the limit are known.
            measures=(*(each.measure for each in measures), _COUNT),
            by=tuple(fields),
            interval_nano=interval,
            limit=grouping.limit + 1,
        )
        return plan, measures, fields

    async def _selection(self, question: Question) -> Selection:
        return await self._questions.selection(question, timeout_seconds=self._limits.timeout_seconds)

    async def _facet(self, selection: Selection, field: Field, *, total: int, limit: int) -> Facet:
        condition = has_value(field)
        values = await self._counted(_where(selection, condition), field, limit=limit)
        missing = 0
        if condition != Everything():
            missing = await self._store.count(_where(selection, Not(condition)))
        # Logs that arrive between the questions are in one count and not in the other.
        others = max(0, total - missing - sum(each.count for each in values))
        return Facet(name_of(field), values, others, missing)

    async def _counted(self, selection: Selection, field: Field, *, limit: int) -> list[ValueCount]:
        plan = AggregatePlan(selection=selection, measures=(_COUNT,), by=(field,), limit=limit)
        rows = await self._store.aggregate(plan)
        return [ValueCount(value, _count(row)) for row in rows if (value := row.values[0]) is not None]


def _answer(
    rows: list[AggregateRow],
    plan: AggregatePlan,
    measures: list[NamedMeasure],
    fields: list[Field],
    *,
    limit: int,
) -> Aggregate:
    kept = _largest(rows, limit)
    return Aggregate(
        time_range=plan.selection.time_range,
        interval_nano=plan.interval_nano,
        groups=[_group(row, fields, measures, plan) for row in rows if row.values in kept],
        has_more=any(row.values not in kept for row in rows),
    )


def _renamed(values: dict[str, str | None]) -> dict[str, str | None]:
    """Values by pattern, where they were by shape."""
    return {PATTERN if name == LogColumn.SHAPE.value else name: value for name, value in values.items()}


def _where(selection: Selection, condition: Node) -> Selection:
    return replace(selection, query=both(selection.query, condition))


def _begins(name: str, prefix: str) -> bool:
    return name.casefold().startswith(prefix.casefold())


def _interval(grouping: Grouping, time_range: TimeRange) -> int | None:
    if grouping.interval is None:
        return None
    interval = interval_nano(None if grouping.interval == "auto" else grouping.interval, time_range)
    intervals = len(interval_starts(time_range, interval))
    if grouping.by and intervals * grouping.limit > MAX_ROWS:
        raise InvalidRequest(
            f"{grouping.limit:,} groups in each of {intervals:,} intervals are more than {MAX_ROWS:,}: "
            f"ask for {MAX_ROWS // intervals:,} groups, or a longer interval"
        )
    return interval


def _largest(rows: list[AggregateRow], limit: int) -> set[tuple[str | None, ...]]:
    """The combinations of values with the most logs, in the order of the port."""
    totals: dict[tuple[str | None, ...], int] = {}
    for row in rows:
        totals[row.values] = totals.get(row.values, 0) + _count(row)
    ranked = sorted(
        totals, key=lambda values: (-totals[values], [(value is not None, value or "") for value in values])
    )
    return set(ranked[:limit])


def _count(row: AggregateRow) -> int:
    return int(row.results[-1] or 0)


def _group(row: AggregateRow, fields: list[Field], measures: list[NamedMeasure], plan: AggregatePlan) -> Group:
    seconds = _seconds(row.start_unix_nano, plan)
    return Group(
        row.start_unix_nano,
        {name_of(field): value for field, value in zip(fields, row.values, strict=True)},
        {
            each.name: result / seconds if each.is_rate and result is not None else result
            for each, result in zip(measures, row.results[:-1], strict=True)
        },
    )


def _seconds(start_unix_nano: int | None, plan: AggregatePlan) -> float:
    """How much of the time range a group is about."""
    whole = plan.selection.time_range
    start, end = whole.start_unix_nano, whole.end_unix_nano
    if start_unix_nano is not None and plan.interval_nano is not None:
        start, end = max(start, start_unix_nano), min(end, start_unix_nano + plan.interval_nano)
    return (end - start) / NANOSECONDS_A_SECOND
