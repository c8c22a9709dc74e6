"""Metadata keys with a column of their own: those that most logs have, with few different values.

A count by such a key reads half a byte a row in place of the whole metadata. The tables themselves say which keys are
promoted, by the names of their columns; a store asks once at start and again after promoting.
"""

# ruff: noqa: S608  (what stands in the text are names of our own and quoted keys)

from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec
import re2

from tocsin.logstore.backends.clickhouse.connection import ClickHousePool
from tocsin.logstore.backends.clickhouse.printer import is_ambiguous, json_text, quote_identifier
from tocsin.logstore.backends.clickhouse.schema import DATABASE, LOGS

MAX_PROMOTED = 6
"""Each costs every insert up to 0.9 µs of CPU a row."""

MIN_SHARE = 0.5
"""A key that fewer logs than this have is found by the metadata's own index."""

MAX_VALUES = 200
"""With more values than this in the sample, a column is large and the index finds one value as well."""

SAMPLE_ROWS = 10_000

_PREFIX = "metadata:"


def hot_keys(sample: Iterable[str], *, limit: int = MAX_PROMOTED) -> list[str]:
    """The keys worth a column, the most frequent first, judged by logs' metadata in canonical form."""
    rows = 0
    counts: Counter[str] = Counter()
    values: dict[str, set[object]] = defaultdict(set)
    for text in sample:
        rows += 1
        for key, value in msgspec.json.decode(text).items():
            counts[key] += 1
            if len(values[key]) <= MAX_VALUES:
                values[key].add(value)
    hot = [
        key
        for key, count in counts.items()
        if count >= MIN_SHARE * rows and 1 < len(values[key]) <= MAX_VALUES and not is_ambiguous(key)
    ]
    return sorted(hot, key=lambda key: (-counts[key], key))[:limit]


async def promoted_columns(pool: ClickHousePool) -> dict[str, str]:
    """Column by key, for the keys that are promoted."""
    table = await pool.fetch(
        f"SELECT name FROM system.columns WHERE database = '{DATABASE}' AND table = 'logs'"
        f" AND startsWith(name, '{_PREFIX}')"
    )
    return {name.removeprefix(_PREFIX): name for name in table["name"].to_pylist()}


async def promote_hot_keys(pool: ClickHousePool) -> dict[str, str]:
    """Give the newest logs' hot keys columns, up to ``MAX_PROMOTED`` in all; the columns there are afterwards.

    Rows that are stored already get theirs when their part is next merged, and until then while they are read.
    """
    promoted = await promoted_columns(pool)
    sample = await pool.fetch(f"SELECT metadata FROM {LOGS} ORDER BY ingest_sequence DESC LIMIT {SAMPLE_ROWS}")
    found = [key for key in hot_keys(sample["metadata"].to_pylist()) if key not in promoted]
    new = found[: MAX_PROMOTED - len(promoted)]
    if not new:
        return promoted
    await pool.execute(*(_add_column(key) for key in new))
    return await promoted_columns(pool)


def _add_column(key: str) -> str:
    # The value as it stands in the canonical text, so that it is compared as the text is.
    expression = f'[{{,]{re2.escape(json_text(key))}:("(?:[^"\\\\]|\\\\.)*"|[^,}}]*)'
    literal = expression.replace("\\", "\\\\").replace("'", "\\'")
    return (
        f"ALTER TABLE {LOGS} ADD COLUMN IF NOT EXISTS {quote_identifier(_PREFIX + key)}"
        f" LowCardinality(String) MATERIALIZED extract(metadata, '{literal}')"
    )
