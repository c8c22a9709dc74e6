"""Aggregates: one statement a plan, in which groups of all intervals are ranked by their whole range."""

# ruff: noqa: S608  (the printer binds every value; what stands in the text are names and numbers of our own)

import math
from collections.abc import Sequence

from tocsin.logmodel.ids import SPAN_ID_BYTES, TRACE_ID_BYTES
from tocsin.logmodel.levels import SEVERITY_RANGES
from tocsin.logstore.backends.postgres.connection import Row
from tocsin.logstore.backends.postgres.encoding import unescaped
from tocsin.logstore.backends.postgres.printer import Printer
from tocsin.logstore.backends.postgres.recheck import Selected
from tocsin.logstore.backends.postgres.schema import LOGS, NUMBER_OF, start_of_interval
from tocsin.logstore.ports import AggregatePlan, AggregateRow, Field, Measure, MetadataKey, Statistic

_LARGE = 1e290
"""PostgreSQL refuses sums that are too large for a 64-bit float: from here on numbers are made smaller before."""

_SCALE_BITS = 64


def aggregate_sql(plan: AggregatePlan, found: Selected) -> str:
    """The statement for a plan; each row is the interval's start, the values of ``by``, and the results."""
    names = [f"v{number}" for number in range(len(plan.by))]
    measures = [f"m{number}" for number in range(len(plan.measures))]
    start = "NULL::bigint" if plan.interval_nano is None else start_of_interval(plan.interval_nano)
    values = [_value(field, found.printer) for field in plan.by]
    measured = [_measured(measure, found.printer) for measure in plan.measures]
    columns = zip(["start", *names, *measures], [start, *values, *measured], strict=True)
    results = [_result(measure, name, found.printer) for measure, name in zip(plan.measures, measures, strict=True)]
    # OFFSET keeps the values together, so that each is computed once for each log.
    logs = f"""
(SELECT {", ".join(f"{value} AS {name}" for name, value in columns)} FROM {LOGS}
WHERE {found.condition} OFFSET 0) AS logs"""
    keys = ", ".join([*(["start"] if plan.interval_nano is not None else []), *names])
    if not keys:
        return f"SELECT NULL::bigint, {', '.join(results)} FROM {logs}"
    renamed = [f"{result} AS {name}" for result, name in zip(results, measures, strict=True)]
    first = "NULL::bigint AS start" if plan.interval_nano is None else "start"
    order = ", ".join(["total DESC", *(f"{name} NULLS FIRST" for name in names)])
    return f"""
WITH groups AS (
    SELECT {", ".join([first, *names, *renamed])}, count(*) AS size FROM {logs} GROUP BY {keys}
), whole AS (
    SELECT *, sum(size) OVER ({f"PARTITION BY {', '.join(names)}" if names else ""}) AS total FROM groups
), ranked AS (
    SELECT *, dense_rank() OVER (ORDER BY {order}) AS place FROM whole
)
SELECT {", ".join(["start", *names, *measures])} FROM ranked WHERE place <= {plan.limit:d} ORDER BY start, place"""


def aggregate_rows(plan: AggregatePlan, rows: list[Row]) -> list[AggregateRow]:
    """The rows of ``aggregate_sql`` as the port returns them."""
    first_result = 1 + len(plan.by)
    return [
        AggregateRow(
            start_unix_nano=row[0],
            values=tuple(None if value is None else unescaped(value) for value in row[1:first_result]),
            results=tuple(_number(result) for result in row[first_result:]),
        )
        for row in rows
    ]


def _number(result: float | Sequence[float] | None) -> float | None:
    if result is None or isinstance(result, int | float):
        return None if result is None else float(result)
    small, large, count = result
    return (small + math.ldexp(1.0, _SCALE_BITS) * large) / count if count else None


def _measured(measure: Measure, printer: Printer) -> str:
    """What the statistic looks at in a log."""
    if measure.field is None:
        return "NULL"
    value = _value(measure.field, printer)
    return value if measure.statistic is Statistic.DISTINCT else f"{NUMBER_OF}({value})"


def _result(measure: Measure, name: str, printer: Printer) -> str:
    match measure.statistic:
        case Statistic.COUNT:
            return "count(*)"
        case Statistic.DISTINCT:
            return f"count(DISTINCT {name})"
        case Statistic.PERCENTILE:
            return f"percentile_disc({printer.bind(measure.share or 1.0)}::float8) WITHIN GROUP (ORDER BY {name})"
        case Statistic.MIN | Statistic.MAX:
            return f"{measure.statistic.value}({name})"
        case Statistic.AVERAGE:
            small = f"coalesce(sum({name}) FILTER (WHERE abs({name}) < {_LARGE!r}), 0)"
            large = f"coalesce(sum({name} / 2.0 ^ {_SCALE_BITS}) FILTER (WHERE abs({name}) >= {_LARGE!r}), 0)"
            return f"ARRAY[{small}, {large}, count({name})]::float8[]"


def _value(field: Field, printer: Printer) -> str:
    """A field's value as text; null where a log has none."""
    text = f"fields ->> {printer.text(field.key)}" if isinstance(field, MetadataKey) else _COLUMN_TEXTS[field.value]
    return f'(({text}) COLLATE "C")'


def _id_text(column: str, width_bytes: int) -> str:
    """An id as ``logmodel.ids.unpack_hex_id`` shows it."""
    return f"""CASE length({column}) WHEN 0 THEN NULL WHEN {width_bytes:d} THEN encode({column}, 'hex')
ELSE convert_from(rtrim({column}, '\\x00'::bytea), 'UTF8') END"""


def _level_text() -> str:
    levels = (f"WHEN severity_number <= {last} THEN '{level}'" for level, (_, last) in SEVERITY_RANGES.items())
    return f"CASE {' '.join(levels)} END"


_COLUMN_TEXTS = {
    "service": "service",
    "level": _level_text(),
    "severity_number": "severity_number::text",
    "trace_id": _id_text("trace_id", TRACE_ID_BYTES),
    "span_id": _id_text("span_id", SPAN_ID_BYTES),
    "shape": "lpad(to_hex(shape), 16, '0')",
}
"""By ``LogColumn``, its value as text."""
