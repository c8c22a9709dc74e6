"""Refusals of queries that cost too much say which limit was met, and how to narrow the query."""

import pytest
from hypothesis import given

from tests.search.conftest import ORGANIZATION
from tests.support.random_logs import query_trees
from tocsin.kit.errors import QueryTimedOut, QueryTooExpensive
from tocsin.logstore.ports import Selection, TimeRange
from tocsin.query.parser import parse
from tocsin.query.tree import And, Node, Phrase, ServiceIs
from tocsin.search.limits import QueryLimits, ways_to_narrow

DAY = 86_400_000_000_000
SERVICE = "name a service, as in service:checkout"
WORD = "add a whole word that the messages must hold"


def _selection(query: str | Node, length: int = 7 * DAY) -> Selection:
    node = parse(query) if isinstance(query, str) else query
    return Selection(organization_id=ORGANIZATION, time_range=TimeRange(0, length), query=node)


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        ("", [SERVICE, WORD]),
        ("*sub*", [SERVICE, WORD]),
        ("word", [SERVICE]),
        ("service:a", [WORD]),
        ("service:a word", []),
        ("service:a OR word", [SERVICE, WORD]),
        ("(service:a OR service:b) word", []),
        ("NOT service:a NOT word", [SERVICE, WORD]),
        ("trace_id:0af7651916cd43dd8448eb211c80319c", []),
    ],
)
def test_advice_is_what_the_query_does_not_have(query: str, missing: list[str]) -> None:
    first, *others = ways_to_narrow(_selection(query))
    assert first == "narrow the time range: it covers 7 days"
    assert others == missing


@given(query_trees)
def test_what_was_advised_is_not_advised_again(query: Node) -> None:
    narrowed = And((query, Phrase(("word",)), ServiceIs("a")))
    assert len(ways_to_narrow(_selection(narrowed))) == 1


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (DAY, "1 day"),
        (DAY * 3 // 2, "2 days"),
        (3_600_000_000_000, "1 hour"),
        (90_000_000_000, "2 minutes"),
        (1, "0 seconds"),
    ],
)
def test_the_length_of_the_range_is_in_words(length: int, words: str) -> None:
    assert ways_to_narrow(_selection("", length))[0].endswith(f"covers {words}")


async def test_a_store_that_refuses_is_quoted_with_advice() -> None:
    limits = QueryLimits(max_concurrent=1, timeout_seconds=5)
    with pytest.raises(QueryTooExpensive) as refused:
        async with limits.slot(_selection("")):
            raise QueryTooExpensive("too much memory", limit="memory_bytes", maximum=2**30)
    assert refused.value.detail.startswith("too much memory; narrow the time range: it covers 7 days; name a service")
    assert refused.value.members() == {
        "limit": "memory_bytes",
        "maximum": 2**30,
        "advice": ["narrow the time range: it covers 7 days", SERVICE, WORD],
    }


async def test_a_store_that_gives_up_is_quoted_with_advice() -> None:
    limits = QueryLimits(max_concurrent=1, timeout_seconds=5)
    with pytest.raises(QueryTimedOut) as refused:
        async with limits.slot(_selection(ServiceIs("a"))):
            raise QueryTimedOut("too slow")
    assert refused.value.members() == {
        "limit": "seconds",
        "maximum": 5,
        "advice": ["narrow the time range: it covers 7 days", WORD],
    }
