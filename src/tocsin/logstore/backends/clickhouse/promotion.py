"""Metadata keys with a column of their own: those that most logs have, with few different values.

A count by such a key reads half a byte a row in place of the whole metadata. The tables themselves say which keys are
promoted, by the names of their columns; a store asks once at start and again after promoting.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from tocsin.logstore.backends.clickhouse.metadata_values import entry_expression, raw_value
from tocsin.logstore.backends.clickhouse.printer import quote_identifier
from tocsin.logstore.backends.clickhouse.schema import LOGS

MAX_PROMOTED = 6
"""Each costs every insert about 0.3 µs of CPU a row."""

MIN_SHARE = 0.5
"""A key that fewer logs than this have is found by the metadata's own index."""

MAX_VALUES = 200
"""With more values than this in the sample, a column is large and the index finds one value as well."""

SAMPLE_ROWS = 10_000

MIN_SAMPLE_ROWS = 500
"""Fewer rows say too little."""

_BACKSLASH = "\\"
_PREFIX = "metadata:"

_PLAIN_KEY = re.compile(r"[0-9A-Za-z_.@/-]+")
"""Keys that stand in SQL and in JSON as they are; others keep to the metadata's text."""


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
        if count >= MIN_SHARE * rows and 1 < len(values[key]) <= MAX_VALUES and _PLAIN_KEY.fullmatch(key)
    ]
    return sorted(hot, key=lambda key: (-counts[key], key))[:limit]


def promoted_keys(columns: Iterable[str]) -> dict[str, str]:
    """Column by key, among the names of the table's columns."""
    return {name.removeprefix(_PREFIX): name for name in columns if name.startswith(_PREFIX)}


def promotions(sample: Iterable[str], promoted: Mapping[str, str]) -> dict[str, str]:
    """The statement for each key of the sample that should have a column and has none, up to ``MAX_PROMOTED`` in all.

    Rows that are stored already get their value when their part is next merged, and until then while they are read.
    """
    new = [key for key in hot_keys(sample) if key not in promoted][: MAX_PROMOTED - len(promoted)]
    return {key: _add_column(key) for key in new}


def _add_column(key: str) -> str:
    # The value as it stands in the canonical text, so that it is compared as the text is.
    value = raw_value(f"'{key}'", _literal(entry_expression(key)))
    return (
        f"ALTER TABLE {LOGS} ADD COLUMN IF NOT EXISTS {quote_identifier(_PREFIX + key)} LowCardinality(String)"
        f" MATERIALIZED {value} CODEC(ZSTD(1))"
    )


def _literal(text: str) -> str:
    """A SQL string without quotes in it."""
    return f"'{text.replace(_BACKSLASH, 2 * _BACKSLASH)}'"
