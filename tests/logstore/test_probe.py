"""The search for stored keys: which hours are read, and in how many statements."""

from uuid import UUID

import numpy as np

from tocsin.logstore.backends.clickhouse.probe import MAX_HASHES, MAX_RANGES, Keys, first_of_each, keys_of, probes

HOUR = 3_600 * 1_000_000_000
ORGANIZATION = UUID(int=7)


def _keys(timestamps: list[int]) -> Keys:
    return keys_of(np.array(timestamps, dtype=np.int64), np.arange(1, len(timestamps) + 1, dtype=np.uint64))


def test_the_first_of_equal_keys_is_marked() -> None:
    keys = keys_of(np.array([5, 5, 5, 6, 5]), np.array([1, 2, 1, 1, 2], dtype=np.uint64))
    assert first_of_each(keys).tolist() == [True, True, False, True, False]


def test_no_statement_is_needed_when_there_are_no_keys() -> None:
    assert list(probes(ORGANIZATION, _keys([]))) == []


def test_only_the_hours_of_the_keys_are_read() -> None:
    [(sql, printer)] = probes(ORGANIZATION, _keys([10 * HOUR + 5, 3, 10 * HOUR, 7]))
    numbers = [value for value in printer.parameters.values() if isinstance(value, int)]
    assert numbers == [3, 8, 10 * HOUR, 10 * HOUR + 6]
    assert sql.endswith("content_hash IN (2,4,3,1)")


def test_one_range_is_read_when_the_keys_are_in_many_hours() -> None:
    [(_, printer)] = probes(ORGANIZATION, _keys([hour * HOUR for hour in range(MAX_RANGES + 1)]))
    assert [value for value in printer.parameters.values() if isinstance(value, int)] == [0, MAX_RANGES * HOUR + 1]


def test_statements_stay_below_the_servers_limit() -> None:
    statements = [sql for sql, _ in probes(ORGANIZATION, _keys([0] * (MAX_HASHES + 1)))]
    assert len(statements) == 2
    assert all(len(sql) + MAX_HASHES * 20 < 256 * 1024 for sql in statements)
