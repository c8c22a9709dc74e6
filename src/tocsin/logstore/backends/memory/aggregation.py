"""Groups of logs and what is computed over them, straight from the port's words: clarity before speed."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import assert_never

import pyarrow as pa

from tocsin.logmodel.log import Log
from tocsin.logmodel.metadata import text_of
from tocsin.logstore.ports import (
    RECENT_COUNTS_SCHEMA,
    SHAPE_COUNTS_SCHEMA,
    AggregatePlan,
    AggregateRow,
    Field,
    KeyCount,
    LogColumn,
    Measure,
    MetadataKey,
    Statistic,
)
from tocsin.query.numbers import number_of

Values = tuple[str | None, ...]


def aggregated(plan: AggregatePlan, logs: Iterable[Log]) -> list[AggregateRow]:
    """The plan's groups of these logs, which are its selection's."""
    combinations: Counter[Values] = Counter()
    groups: dict[tuple[int | None, Values], list[Log]] = defaultdict(list)
    for log in logs:
        values = tuple(value_of(field, log) for field in plan.by)
        combinations[values] += 1
        groups[_interval_start(plan, log), values].append(log)
    if not plan.by and plan.interval_nano is None:
        return [_row(plan, None, (), groups[None, ()])]
    ranked = sorted(combinations, key=lambda values: (-combinations[values], _missing_first(values)))[: plan.limit]
    return [
        _row(plan, start, values, groups[start, values])
        for start in sorted({start for start, _ in groups}, key=lambda start: start or 0)
        for values in ranked
        if (start, values) in groups
    ]


def shape_counts(logs: Iterable[Log], starts: range) -> pa.Table:
    """These logs in ``SHAPE_COUNTS_SCHEMA``, by the intervals with these starts."""
    groups: dict[tuple[int, str, int], list[int]] = defaultdict(list)
    for log in logs:
        groups[log.shape, log.service, log.severity_number].append(log.timestamp_unix_nano)
    rows = [
        (*group, len(times), min(times), max(times), _in_intervals(times, starts)) for group, times in groups.items()
    ]
    columns = zip(*rows, strict=True) if rows else [()] * len(SHAPE_COUNTS_SCHEMA)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, SHAPE_COUNTS_SCHEMA, strict=True)],
        schema=SHAPE_COUNTS_SCHEMA,
    )


def recent_counts(logs: Iterable[Log], *, interval_nano: int, max_age_nano: int) -> pa.Table:
    """These logs in ``RECENT_COUNTS_SCHEMA``, without those that are older than that when they are observed."""
    counts = Counter(
        (log.shape, log.service, log.severity_number, log.timestamp_unix_nano // interval_nano * interval_nano)
        for log in logs
        if log.observed_timestamp_unix_nano - log.timestamp_unix_nano <= max_age_nano
    )
    columns = zip(*((*group, count) for group, count in counts.items()), strict=True)
    names = RECENT_COUNTS_SCHEMA.names
    return (
        pa.table(dict(zip(names, columns, strict=True)), schema=RECENT_COUNTS_SCHEMA)
        if counts
        else (RECENT_COUNTS_SCHEMA.empty_table())
    )


def _in_intervals(times_unix_nano: Iterable[int], starts: range) -> list[int]:
    counts = [0] * len(starts)
    for time in times_unix_nano:
        counts[(time - starts.start) // starts.step] += 1
    return counts


def counted_keys(logs: Iterable[Log], *, limit: int) -> list[KeyCount]:
    """The metadata keys that most of these logs have."""
    counts = Counter(key for log in logs for key in log.metadata)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [KeyCount(key, count) for key, count in ranked[:limit]]


def value_of(field: Field, log: Log) -> str | None:
    """The field's value in a log as text; None where the log has none."""
    match field:
        case MetadataKey(key):
            return text_of(log.metadata[key]) if key in log.metadata else None
        case LogColumn.SERVICE:
            return log.service
        case LogColumn.LEVEL:
            return log.level.value
        case LogColumn.SEVERITY_NUMBER:
            return str(log.severity_number)
        case LogColumn.TRACE_ID:
            return log.trace_id or None
        case LogColumn.SPAN_ID:
            return log.span_id or None
        case LogColumn.SHAPE:
            return f"{log.shape:016x}"
        case _:
            assert_never(field)


def _interval_start(plan: AggregatePlan, log: Log) -> int | None:
    if plan.interval_nano is None:
        return None
    return log.timestamp_unix_nano // plan.interval_nano * plan.interval_nano


def _missing_first(values: Values) -> list[tuple[bool, str]]:
    return [(value is not None, value or "") for value in values]


def _row(plan: AggregatePlan, start: int | None, values: Values, logs: Sequence[Log]) -> AggregateRow:
    return AggregateRow(start, values, tuple(_result(measure, logs) for measure in plan.measures))


def _result(measure: Measure, logs: Sequence[Log]) -> float | None:
    if measure.field is None:
        return float(len(logs))
    texts = [text for log in logs if (text := value_of(measure.field, log)) is not None]
    if measure.statistic is Statistic.DISTINCT:
        return float(len(set(texts)))
    numbers = sorted(number for text in texts if (number := number_of(text)) is not None)
    return _over_numbers(measure, numbers) if numbers else None


def _over_numbers(measure: Measure, numbers: Sequence[float]) -> float:
    match measure.statistic:
        case Statistic.MIN:
            return numbers[0]
        case Statistic.MAX:
            return numbers[-1]
        case Statistic.AVERAGE:
            return sum(numbers) / len(numbers)
        case _:
            return numbers[math.ceil((measure.share or 1.0) * len(numbers)) - 1]
