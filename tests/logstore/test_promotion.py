"""Promoted metadata keys: which are worth a column, and that answers stay the same."""

import json
from pathlib import Path

from tests.logstore.clickhouse import ORGANIZATION, clickhouse, store_rows
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.logstore.backends.clickhouse.promotion import MAX_VALUES, hot_keys, promoted_keys, promotions
from tocsin.logstore.backends.clickhouse.reader import ClickHouseReader
from tocsin.logstore.ports import Selection, TimeRange
from tocsin.query.tree import MetadataExists, MetadataIs, MetadataLike, MetadataMatches, Node, Not, Wildcard

HOST_VALUES = ("a/b", 'quo"te\\', "5", 5, "é,}", True, None)
KEY = "host.name"


def test_hot_keys_are_frequent_and_have_few_values() -> None:
    rows = [
        {"level": n % 3, "user": f"u{n}", "constant": 1, "host`s na'me": n % 2} | ({"rare": n} if n % 100 == 0 else {})
        for n in range(2 * MAX_VALUES)
    ]
    assert hot_keys([json.dumps(row) for row in rows]) == ["level"]


def test_the_most_frequent_keys_are_taken_when_there_are_too_many() -> None:
    rows = [{"a": n % 2, "b": n % 3} | ({} if n % 5 == 0 else {"c": n % 2}) for n in range(100)]
    assert hot_keys([json.dumps(row) for row in rows], limit=2) == ["a", "b"]


async def test_answers_stay_the_same_when_a_key_is_promoted(tmp_path: Path) -> None:
    batch = log_batch([{"metadata": {KEY: value}, "message": str(value)} for value in HOST_VALUES] + [{}])
    queries: list[Node] = [MetadataIs(KEY, text) for text in ("a/b", 'quo"te\\', "5", "é,}", "true", "null", "none")]
    queries += [MetadataExists(KEY), Not(MetadataIs(KEY, "5"))]
    queries += [
        MetadataLike(KEY, Wildcard(pieces)) for pieces in (("a", "b"), ("", '"te\\'), ("5", ""), ("", "ul", ""))
    ]
    queries += [MetadataMatches(KEY, expression) for expression in ("^5$", r"\\$", "^[^a-z]*$")]
    async with clickhouse(tmp_path) as pool:
        await store_rows(pool, batch, range(8))
        reader = ClickHouseReader(pool)
        before = [await reader.count(_selection(query)) for query in queries]
        assert before == [1, 1, 2, 1, 1, 1, 0, 7, 6, 1, 1, 2, 1, 2, 1, 3]
        sample = batch.rows["metadata"].to_pylist()
        await pool.execute(*promotions(sample, {}).values())
        columns = await pool.fetch("SELECT name FROM system.columns WHERE database = 'tocsin' AND table = 'logs'")
        reader.promoted = promoted_keys(columns["name"].to_pylist())
        assert list(reader.promoted) == [KEY]
        assert not promotions(sample, reader.promoted)
        assert [await reader.count(_selection(query)) for query in queries] == before
        await store_rows(pool, batch, range(8, 16))
        assert [await reader.count(_selection(query)) for query in queries] == [2 * count for count in before]


def _selection(query: Node) -> Selection:
    return Selection(
        organization_id=ORGANIZATION, time_range=TimeRange(NOON_UNIX_NANO, NOON_UNIX_NANO + 1), query=query
    )
