"""Aggregates: one statement a plan, in which groups of all intervals are ranked by their whole range."""

# ruff: noqa: S608  (the printer binds every value; what stands in the text are names and numbers of our own)

from tocsin.logmodel.ids import SPAN_ID_BYTES, TRACE_ID_BYTES
from tocsin.logstore.backends.postgres.connection import Row
from tocsin.logstore.backends.postgres.encoding import unescaped
from tocsin.logstore.backends.postgres.printer import Printer
from tocsin.logstore.backends.postgres.recheck import Selected
from tocsin.logstore.backends.postgres.schema import LOGS, NUMBER_OF, start_of_interval
from tocsin.logstore.ports import AggregatePlan, AggregateRow, Field, LogColumn, Measure, MetadataKey, Statistic


def aggregate_sql(plan: AggregatePlan, found: Selected) -> str:
    """The statement for a plan; each row is the interval's start, the values of ``by``, and the results."""
    printer = found.printer
    start = "NULL::bigint" if plan.interval_nano is None else start_of_interval(plan.interval_nano)
    values = [_value(field, printer) for field in plan.by]
    results = [_result(measure, printer) for measure in plan.measures]
    names = [f"v{number}" for number in range(len(values))]
    columns = [f"{value} AS {name}" for value, name in zip(values, names, strict=True)]
    selects = [f"{start} AS start", *columns, *(f"{result} AS r{n}" for n, result in enumerate(results))]
    keys = [*(["start"] if plan.interval_nano is not None else []), *names]
    if not keys:
        return f"SELECT {', '.join(selects)} FROM {LOGS} WHERE {found.condition}"
    partition = f"PARTITION BY {', '.join(names)}" if names else ""
    order = ", ".join(["logs DESC", *(f"{name} NULLS FIRST" for name in names)])
    outer = ", ".join(["start", *names, *(f"r{number}" for number in range(len(results)))])
    return f"""
WITH groups AS (SELECT {", ".join(selects)}, count(*) AS n FROM {LOGS} WHERE {found.condition}
GROUP BY {", ".join(keys)}),
whole AS (SELECT *, sum(n) OVER ({partition}) AS logs FROM groups),
ranked AS (SELECT *, dense_rank() OVER (ORDER BY {order}) AS place FROM whole)
SELECT {outer} FROM ranked WHERE place <= {plan.limit:d} ORDER BY start, place"""


def aggregate_rows(plan: AggregatePlan, rows: list[Row]) -> list[AggregateRow]:
    """The rows of ``aggregate_sql`` as the port returns them."""
    first_result = 1 + len(plan.by)
    return [
        AggregateRow(
            start_unix_nano=row[0],
            values=tuple(None if value is None else unescaped(value) for value in row[1:first_result]),
            results=tuple(None if result is None else float(result) for result in row[first_result:]),
        )
        for row in rows
    ]


def _result(measure: Measure, printer: Printer) -> str:
    if measure.field is None:
        return "count(*)"
    value = _value(measure.field, printer)
    number = f"{NUMBER_OF}({value})"
    match measure.statistic:
        case Statistic.COUNT:
            return f"count({value})"
        case Statistic.DISTINCT:
            return f"count(DISTINCT {value})"
        case Statistic.PERCENTILE:
            return f"percentile_disc({printer.bind(measure.share or 1.0)}::float8) WITHIN GROUP (ORDER BY {number})"
        case Statistic.MIN | Statistic.MAX | Statistic.AVERAGE:
            return f"{measure.statistic.value}({number})"


def _value(field: Field, printer: Printer) -> str:
    """A field's value as text; null where a log has none."""
    match field:
        case MetadataKey(key):
            return f'((fields ->> {printer.text(key)}) COLLATE "C")'
        case LogColumn.SERVICE:
            return "service"
        case LogColumn.SEVERITY_NUMBER:
            return '(severity_number::text COLLATE "C")'
        case LogColumn.SHAPE:
            return "(lpad(to_hex(shape), 16, '0') COLLATE \"C\")"
        case LogColumn.TRACE_ID:
            return _id_text("trace_id", TRACE_ID_BYTES)
        case LogColumn.SPAN_ID:
            return _id_text("span_id", SPAN_ID_BYTES)


def _id_text(column: str, width_bytes: int) -> str:
    """An id as ``logmodel.ids.unpack_hex_id`` shows it."""
    return f"""(CASE length({column}) WHEN 0 THEN NULL WHEN {width_bytes:d} THEN encode({column}, 'hex')
ELSE convert_from(rtrim({column}, '\\x00'::bytea), 'UTF8') END COLLATE "C")"""
