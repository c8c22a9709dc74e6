"""What matches by a part of its text or by its time: wildcards, expressions and points in time."""

from typing import Any
from uuid import UUID

import pytest

from tests.support.logs import NOON_UNIX_NANO
from tests.support.matching import matching_rows, row_numbers
from tocsin.logstore.ports import LogStore
from tocsin.query.tree import (
    Matches,
    MetadataLike,
    MetadataMatches,
    Node,
    Not,
    Operator,
    ServiceLike,
    TimestampCompares,
    Wildcard,
    WordLike,
)

MESSAGES = [
    "connection refused",
    "Reconnected: conn=5",
    "CONN_RESET",
    "conn",
    "payment of repayments",
    "pay the ment",
    "payéement",
    "payment_é",
    "é_payment",
    "line one\nline two",
    "\N{KELVIN SIGN}afka brok\N{KELVIN SIGN}",
    "ΟΔΟΣ",
    "İx 日本語",
    "",
    "--- %_\\ ---",
    "nul\x00byte",
]


def _word_like(*pieces: str) -> WordLike:
    return WordLike(Wildcard(pieces))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (_word_like("conn", ""), [0, 1, 2, 3]),
        (_word_like("", "ed"), [0, 1]),
        (_word_like("", "conn"), [1, 3]),
        (_word_like("conn", "set"), [2]),
        (_word_like("con", "on"), [0]),
        (_word_like("conn", "n"), [0]),
        (_word_like("pay", "ment"), [4, 6]),
        (_word_like("", "pay", "ment", ""), [4, 6, 7, 8]),
        (_word_like("", "_é"), [7]),
        (_word_like("é", ""), [8]),
        (_word_like("", "two"), [9]),
        (_word_like("k", ""), [10]),
        (_word_like("brok", ""), [10]),
        (_word_like("", "k"), [10]),
        (_word_like("ο", "σ"), [11]),
        (_word_like("İ", ""), [12]),
        (_word_like("日", "語"), [12]),
        (_word_like("i", ""), []),
        (_word_like("", ""), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15]),
        (_word_like("pay", "", "", "ment"), [4, 6]),
        (Not(_word_like("", "n", "")), [10, 11, 12, 13, 14]),
    ],
    ids=str,
)
async def test_a_word_with_gaps_is_one_token(
    log_store: LogStore, organization_id: UUID, query: Node, expected: list[int]
) -> None:
    rows = [{"message": message} for message in MESSAGES]
    assert await matching_rows(log_store, organization_id, rows, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Matches("conn(ection)?\\b"), [0, 1, 3]),
        (Matches("(?i)conn"), [0, 1, 2, 3]),
        (Matches("refused|reset"), [0]),
        (Matches("(?i)refused|reset"), [0, 2]),
        (Matches("pay.ement"), [6]),
        (Matches("^.ay"), [4, 5, 6, 7]),
        (Matches("one.line"), [9]),
        (Matches("(?-s)one.line"), []),
        (Matches("one\nline"), [9]),
        (Matches("^line two"), []),
        (Matches("(?m)^line two"), [9]),
        (Matches("one$"), []),
        (Matches("(?m)one$"), [9]),
        (Matches("(?i)kafka"), [10]),
        (Matches("(?i)οδος"), [11]),
        (Matches("\\p{Greek}"), [11]),
        (Matches("\\b日"), []),
        (Matches("\\w日|\\W日"), [12]),
        (Matches("^$"), [13]),
        (Matches(""), list(range(16))),
        (Matches("%_\\\\"), [14]),
        (Matches("\\x00b"), [15]),
        (Matches("nul\x00byte"), [15]),
        (Matches("\\Q--- %\\E"), [14]),
        (Matches("[^\\x00-\\x7f]ement"), [6]),
        (Matches("(pay)(?:ment)? ?of|zzz"), [4]),
        (Not(Matches("[a-z]")), [2, 11, 13, 14]),
    ],
    ids=str,
)
async def test_an_expression_finds_what_re2_finds(
    log_store: LogStore, organization_id: UUID, query: Node, expected: list[int]
) -> None:
    rows = [{"message": message} for message in MESSAGES]
    assert await matching_rows(log_store, organization_id, rows, query) == expected


METADATA: list[dict[str, Any]] = [
    {"key": "u_17"},
    {"key": "u_1"},
    {"key": "U_1"},
    {"key": 17},
    {"key": 1.0},
    {"key": True},
    {"key": None},
    {"key": ""},
    {"key": 'a "quoted" \\ text\n'},
    {"key": "50%"},
    {"key": "é日本"},
    {"other": '"key":"u_17"'},
    {",key": "u_17", ":key": "u_18"},
    {"a": "x,", ":key": "5,"},
    {},
    {"key": "a\x00b"},
]


def _like(*pieces: str, key: str = "key") -> MetadataLike:
    return MetadataLike(key, Wildcard(pieces))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (_like("u_1", ""), [0, 1]),
        (_like("u", "7"), [0]),
        (_like("1", ""), [3, 4]),
        (_like("", "0"), [4]),
        (_like("t", "e"), [5]),
        (_like("", "u", ""), [0, 1, 5, 6, 8]),
        (_like("", ""), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15]),
        (_like("a ", " \\ ", ""), [8]),
        (_like("", '"quoted"', "\n"), [8]),
        (_like("5", "%"), [9]),
        (_like("_", ""), []),
        (_like("é", "本"), [10]),
        (_like("a\x00", ""), [15]),
        (_like("u", "", key=",key"), [12]),
        (_like("", "8", key=":key"), [12]),
        (_like("5", ",", key=":key"), [13]),
        (_like("", "", key=":"), []),
        (Not(_like("", "1", "")), [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
        (MetadataMatches("key", "^u_[0-9]+$"), [0, 1]),
        (MetadataMatches("key", "(?i)^u_1$"), [1, 2]),
        (MetadataMatches("key", "^1"), [3, 4]),
        (MetadataMatches("key", "^$"), [7]),
        (MetadataMatches("key", "^(true|null)$"), [5, 6]),
        (MetadataMatches("key", "\\\\ text\n$"), [8]),
        (MetadataMatches("key", "^.日"), [10]),
        (MetadataMatches("key", "a.b"), [15]),
        (MetadataMatches(",key", "."), [12]),
        (MetadataMatches(":key", ",$"), [13]),
        (Not(MetadataMatches("key", "")), [11, 12, 13, 14]),
    ],
    ids=str,
)
async def test_a_metadata_value_is_matched_by_its_text(
    log_store: LogStore, organization_id: UUID, query: Node, expected: list[int]
) -> None:
    rows = [{"metadata": metadata} for metadata in METADATA]
    assert await matching_rows(log_store, organization_id, rows, query) == expected


async def test_services_are_matched_with_their_case(log_store: LogStore, organization_id: UUID) -> None:
    rows = [{"service": service} for service in ("api", "API", "api-2", "", "a_i", "a%i", "rapid\napi")]
    queries: dict[tuple[str, ...], list[int]] = {
        ("api", ""): [0, 2],
        ("", "api"): [0, 6],
        ("", "api", ""): [0, 2, 6],
        ("a", "i"): [0, 4, 5],
        ("a_", ""): [4],
        ("a%", ""): [5],
        ("r", "i"): [6],
        ("", ""): [0, 1, 2, 3, 4, 5, 6],
    }
    assert await matching_rows(log_store, organization_id, rows, ServiceLike(Wildcard(("A", "")))) == [1]
    for pieces, expected in queries.items():
        assert await row_numbers(log_store, organization_id, ServiceLike(Wildcard(pieces))) == expected, pieces


async def test_times_are_compared_to_the_nanosecond(log_store: LogStore, organization_id: UUID) -> None:
    expected = {
        Operator.EQUALS: [1],
        Operator.LESS: [0],
        Operator.LESS_OR_EQUAL: [0, 1],
        Operator.GREATER: [2],
        Operator.GREATER_OR_EQUAL: [1, 2],
    }
    everything = TimestampCompares(Operator.LESS, 2**80)
    assert await matching_rows(log_store, organization_id, [{}, {}, {}], everything) == [0, 1, 2]
    for operator, numbers in expected.items():
        query = TimestampCompares(operator, NOON_UNIX_NANO + 1)
        assert await row_numbers(log_store, organization_id, query) == numbers
        others = [number for number in range(3) if number not in numbers]
        assert await row_numbers(log_store, organization_id, Not(query)) == others
    assert await row_numbers(log_store, organization_id, TimestampCompares(Operator.GREATER, -(2**80))) == [0, 1, 2]
