"""Groups and what is computed over them, as one statement: fields as text, then groups, then the largest of them.

The innermost query turns each field that the plan names into a column, once however often it is named: ``f0`` is the
text of the first, ``n0`` the number that it spells.
"""

# ruff: noqa: S608  (the printer binds every value; what stands in the text are names and numbers of our own)

from collections.abc import Mapping
from typing import Any, assert_never

import pyarrow as pa

from tocsin.logmodel.ids import SPAN_ID_BYTES, TRACE_ID_BYTES
from tocsin.logmodel.levels import SEVERITY_RANGES
from tocsin.logstore.backends.clickhouse.metadata_values import text_of_raw
from tocsin.logstore.backends.clickhouse.printer import Printer
from tocsin.logstore.backends.clickhouse.schema import LOGS
from tocsin.logstore.ports import (
    AggregatePlan,
    AggregateRow,
    Field,
    KeyCount,
    LogColumn,
    Measure,
    MetadataKey,
    Selection,
    Statistic,
)
from tocsin.query.numbers import NUMBER_EXPRESSION

_NUMERIC = frozenset({Statistic.MIN, Statistic.MAX, Statistic.AVERAGE, Statistic.PERCENTILE})


def aggregate_statement(plan: AggregatePlan, printer: Printer) -> str:
    """The statement whose rows are the plan's groups, in the port's order: ``start``, ``v0``…, ``m0``…."""
    values = [f"v{index}" for index in range(len(plan.by))]
    keys = [*(["start"] if plan.interval_nano is not None else []), *values]
    order = ", ".join(["rows DESC", *(f"{value} ASC NULLS FIRST" for value in values)])
    groups = _groups(plan, printer, keys)
    if plan.interval_nano is None:
        return f"{groups}\nORDER BY {order}\nLIMIT {plan.limit:d}" if plan.by else groups
    if not plan.by:
        return f"{groups}\nORDER BY start"
    return f"""
SELECT * FROM (
SELECT *, dense_rank() OVER (ORDER BY {order.replace("rows", "total")}) AS place FROM (
SELECT *, sum(rows) OVER (PARTITION BY {", ".join(values)}) AS total FROM (
{groups}
)))
WHERE place <= {plan.limit:d}
ORDER BY start, place"""


def aggregate_rows(plan: AggregatePlan, table: pa.Table) -> list[AggregateRow]:
    """The rows of that statement's answer."""
    starts = table["start"].to_pylist() if plan.interval_nano is not None else [None] * table.num_rows
    values = [[_decoded(value) for value in table[f"v{index}"].to_pylist()] for index in range(len(plan.by))]
    results = [
        [None if result is None else float(result) for result in table[f"m{index}"].to_pylist()]
        for index in range(len(plan.measures))
    ]
    return [
        AggregateRow(start, tuple(column[row] for column in values), tuple(column[row] for column in results))
        for row, start in enumerate(starts)
    ]


def keys_statement(selection: Selection, printer: Printer, *, limit: int) -> str:
    """The statement whose rows are the metadata's keys, most logs first."""
    return f"""
SELECT arrayJoin(JSONExtractKeys(metadata)) AS key, count() AS rows
FROM {LOGS} WHERE {printer.selection(selection)}
GROUP BY key ORDER BY rows DESC, key LIMIT {limit:d}"""


def key_rows(table: pa.Table) -> list[KeyCount]:
    """The rows of that statement's answer."""
    keys, counts = table["key"].to_pylist(), table["rows"].to_pylist()
    return [KeyCount(key.decode(), count) for key, count in zip(keys, counts, strict=True)]


def _groups(plan: AggregatePlan, printer: Printer, keys: list[str]) -> str:
    fields = list(dict.fromkeys([*plan.by, *(measure.field for measure in plan.measures if measure.field is not None)]))
    numbers = {measure.field for measure in plan.measures if measure.statistic in _NUMERIC}
    inner = ["1 AS one"]
    if plan.interval_nano is not None:
        nano = "toUnixTimestamp64Nano(timestamp)"
        inner.append(f"{nano} - positiveModulo({nano}, {plan.interval_nano:d}) AS start")
    for index, field in enumerate(fields):
        inner.append(f"{_text(field, printer)} AS f{index}")
        if field in numbers:
            inner.append(f"{_number(field, f'f{index}', printer)} AS n{index}")
    places = {field: index for index, field in enumerate(fields)}
    outer = [
        *(["start"] if plan.interval_nano is not None else []),
        *(f"f{places[field]} AS v{index}" for index, field in enumerate(plan.by)),
        *(f"{_result(measure, places)} AS m{index}" for index, measure in enumerate(plan.measures)),
        "count() AS rows",
    ]
    grouping = f"\nGROUP BY {', '.join(keys)}" if keys else ""
    return (
        f"SELECT {', '.join(outer)} FROM (\n"
        f"SELECT {', '.join(inner)} FROM {LOGS} WHERE {printer.selection(plan.selection)}\n){grouping}"
    )


def _result(measure: Measure, places: Mapping[Field, int]) -> str:
    if measure.field is None:
        return "count()"
    place = places[measure.field]
    match measure.statistic:
        case Statistic.COUNT:
            return "count()"
        case Statistic.DISTINCT:
            return f"uniqExact(f{place})"
        case Statistic.PERCENTILE:
            # Of all the quantiles this one takes the value at the rank ``ceil(share * n)``.
            return f"quantileExactWeighted({measure.share!r})(n{place}, 1)"
        case _:
            return f"{measure.statistic.value}(n{place})"


def _number(field: Field, text: str, printer: Printer) -> str:
    if field is LogColumn.SEVERITY_NUMBER:
        return "toNullable(toFloat64(severity_number))"
    # A text that is missing spells no number.
    is_number = f"match(ifNull({text}, ''), {printer.bind(f'^(?:{NUMBER_EXPRESSION})$')})"
    return f"if({is_number}, toFloat64OrNull({text}), NULL)"


def _text(field: Field, printer: Printer) -> str:
    match field:
        case MetadataKey(key):
            raw = f"toString({printer.metadata_raw(key)})"
            return f"if({raw} = '', NULL, {text_of_raw(raw)})"
        case LogColumn.SERVICE:
            return "service"
        case LogColumn.LEVEL:
            return _level_text()
        case LogColumn.SEVERITY_NUMBER:
            return "toString(severity_number)"
        case LogColumn.TRACE_ID:
            return _unpacked("trace_id", TRACE_ID_BYTES)
        case LogColumn.SPAN_ID:
            return _unpacked("span_id", SPAN_ID_BYTES)
        case LogColumn.SHAPE:
            return "leftPad(lower(hex(shape)), 16, '0')"
        case _:
            assert_never(field)


def _level_text() -> str:
    *lower, highest = SEVERITY_RANGES
    cases = ", ".join(f"severity_number <= {SEVERITY_RANGES[level][1]}, '{level}'" for level in lower)
    return f"multiIf({cases}, '{highest}')"


def _unpacked(column: str, width_bytes: int) -> str:
    """``ids.unpack_hex_id`` in SQL; an empty id is none."""
    return (
        f"multiIf({column} = '', NULL, length({column}) = {width_bytes}, lower(hex({column})),"
        f" endsWith({column}, char(0)), substring({column}, 1, length({column}) - 1), {column})"
    )


def _decoded(value: Any) -> str | None:
    return value.decode() if isinstance(value, bytes) else value
