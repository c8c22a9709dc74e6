"""The printed conditions: what they bind, which indexes they reach, and that the truth lies between them."""

from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from tests.logstore.postgres import postgres_store
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.postgres import PostgresServer
from tests.support.random_logs import query_trees
from tests.support.reading import ALL_TIME, scanned, selection
from tocsin.logmodel.log import Log
from tocsin.logstore.backends.memory.evaluate import matches
from tocsin.logstore.backends.postgres.connection import PostgresPool
from tocsin.logstore.backends.postgres.encoding import signed
from tocsin.logstore.backends.postgres.printer import Printer
from tocsin.logstore.backends.postgres.schema import LOGS
from tocsin.logstore.backends.postgres.store import PostgresLogStore
from tocsin.logstore.ports import Receipt, TimeRange
from tocsin.query.tree import (
    And,
    Everything,
    Matches,
    MetadataCompares,
    MetadataExists,
    MetadataIs,
    MetadataLike,
    MetadataMatches,
    Node,
    Not,
    Operator,
    Or,
    Phrase,
    ServiceIs,
    ServiceLike,
    Substring,
    TraceIs,
    Wildcard,
    WordLike,
)

ORGANIZATION = UUID("6f1c1d0e-3a53-4c53-9d43-0f8d2c6f3a11")
BUSY_ORGANIZATION = UUID("6f1c1d0e-3a53-4c53-9d43-0f8d2c6f3a12")

MESSAGES = (
    "plain words",
    "Plain_words",
    "words plain",
    "plain, words",
    "\N{KELVIN SIGN}afka ok",
    "kafka ok",
    "«plain»words",
    "plainé words",
    "ΟΔΟΣ Σ",
    "İstanbul",
    "\x00\x01\x02\x03",
    "\x01\x02",
    "% _ \\ ' \" ?",
    "",
)
METADATA: tuple[dict[str, object], ...] = (
    {"n": 5},
    {"n": "5"},
    {"n": 5.0},
    {"n": True},
    {"n": None},
    {"n": "1e999"},
    {"n": "-1e999"},
    {"n": "1e-999"},
    {"n": "0.0000000001e-320"},
    {"n\x00": "\x00\x01"},
    {"%": "_"},
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def store(postgres_server: PostgresServer) -> AsyncIterator[PostgresLogStore]:
    """The logs above for one organization, and as many for another that the choice of an index matters."""
    many: list[dict[str, object]] = [
        {"message": f"log {n} of many", "service": f"service {n % 50}", "trace_id": f"{n:032x}", "metadata": {"n": n}}
        for n in range(5_000)
    ]
    with postgres_server.empty_database() as url:
        async with postgres_store(url) as started:
            rows: list[dict[str, object]] = [{"message": message} for message in MESSAGES]
            rows += [{"message": str(index), "metadata": each} for index, each in enumerate(METADATA)]
            await started.write(ORGANIZATION, log_batch(rows), Receipt(received=len(rows)))
            await started.write(BUSY_ORGANIZATION, log_batch(many), Receipt(received=len(many)))
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute("VACUUM ANALYZE")
            yield started


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pool(store: PostgresLogStore) -> PostgresPool:
    return store._connections


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def logs(store: PostgresLogStore) -> list[Log]:
    return await scanned(store, selection(ORGANIZATION))


async def _bounded(pool: PostgresPool, node: Node) -> dict[int, tuple[bool, bool]]:
    """By content hash, whether a log must match, and whether it may."""
    printer = Printer()
    scope, bounds = printer.scope(ORGANIZATION, ALL_TIME), printer.bounds(node)
    async with pool.reading(timeout_seconds=10) as reading:
        rows = await reading.fetch(
            f"SELECT content_hash, {bounds.must}, {bounds.may} FROM {LOGS} WHERE {scope}", printer.parameters
        )
    return {content_hash: (must, may) for content_hash, must, may in rows}


@pytest.mark.asyncio(loop_scope="module")
@given(node=query_trees)
async def test_the_truth_lies_between_both_conditions(pool: PostgresPool, logs: list[Log], node: Node) -> None:
    bounded = await _bounded(pool, node)
    for log in logs:
        must, may = bounded[signed(log.content_hash)]
        assert must <= matches(node, log) <= may, log


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "node",
    [
        Phrase(("plain",)),
        Phrase(("plain", "words")),
        Substring("lain, w"),
        Substring("kafk"),
        Substring("\x02"),
        Substring("\x01\x02"),
        Substring("\x00"),
        Substring("δοσ"),
        Substring("%"),
        Not(Phrase(("plain", "words"))),
        MetadataIs("n\x00", "\x00\x01"),
        MetadataCompares("n", Operator.GREATER, 1e300),
        MetadataCompares("n", Operator.LESS, -1e300),
        MetadataCompares("n", Operator.LESS, 1e-300),
    ],
    ids=str,
)
async def test_the_truth_lies_between_both_conditions_in_odd_cases(
    pool: PostgresPool, logs: list[Log], node: Node
) -> None:
    bounded = await _bounded(pool, node)
    found = [(bounded[signed(log.content_hash)], matches(node, log)) for log in logs]
    assert any(match for _, match in found)
    assert all(must <= match <= may for (must, may), match in found)


@pytest.mark.parametrize(
    ("node", "is_exact"),
    [
        (Everything(), True),
        (Phrase(("word",)), True),
        (Phrase(("two", "words")), False),
        (Substring("no letter that matters"), True),
        (Substring("k"), False),
        (Substring("\x02"), False),
        (Matches("a.*b"), False),
        (WordLike(Wildcard(("a", ""))), False),
        (ServiceLike(Wildcard(("a", ""))), True),
        (MetadataLike("key", Wildcard(("a", "b"))), True),
        (MetadataLike("key", Wildcard(("\x03", "b"))), False),
        (MetadataMatches("key", "a"), False),
        (MetadataCompares("key", Operator.LESS, 1.0), True),
        (Not(And((ServiceIs("a"), MetadataExists("b")))), True),
        (And((ServiceIs("a"), Matches("b"))), False),
        (Or((Everything(), Matches("b"))), True),
        (And((Not(Everything()), Matches("b"))), True),
    ],
    ids=str,
)
def test_nothing_is_rechecked_where_postgresql_can_tell(node: Node, is_exact: bool) -> None:
    assert Printer().bounds(node).is_exact is is_exact


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("node", "index"),
    [
        (Phrase(("17",)), "words"),
        (Phrase(("log", "17")), "words"),
        (Substring("log 17 of"), "words"),
        (MetadataIs("n", "17"), "fields"),
        (TraceIs(f"{17:032x}"), "trace_id"),
        (ServiceIs("service 7"), "service_timestamp"),
    ],
    ids=str,
)
async def test_an_index_answers(pool: PostgresPool, node: Node, index: str) -> None:
    printer = Printer()
    scope, bounds = printer.scope(BUSY_ORGANIZATION, ALL_TIME), printer.bounds(node)
    async with pool.reading(timeout_seconds=10) as reading:
        plan = await reading.fetch(f"EXPLAIN SELECT 1 FROM {LOGS} WHERE {scope} AND {bounds.may}", printer.parameters)
    text = "\n".join(line for (line,) in plan)
    assert f"{index}_idx" in text, text


@pytest.mark.parametrize("query", [Everything(), Or((ServiceIs("a"), ServiceIs("b"))), Not(ServiceIs("a"))], ids=str)
def test_every_scope_is_of_one_organization_and_range(query: Node) -> None:
    printer = Printer()
    scope = printer.scope(ORGANIZATION, TimeRange(-(2**70), NOON_UNIX_NANO))
    assert scope == "organization_id = %(p0)s::uuid AND timestamp >= %(p1)s AND timestamp < %(p2)s"
    assert list(printer.parameters.values()) == [str(ORGANIZATION), -(2**63), NOON_UNIX_NANO]


@given(st.sampled_from(["zq1'\\`%s", "zq1;--", 'zq1"']))
def test_no_text_of_a_user_stands_in_the_sql(secret: str) -> None:
    wildcard = Wildcard((secret, secret))
    nodes: tuple[Node, ...] = (
        Phrase((secret,)),
        Phrase((secret, secret)),
        Substring(secret),
        WordLike(wildcard),
        Matches(secret),
        ServiceIs(secret),
        ServiceLike(wildcard),
        TraceIs(secret),
        MetadataIs(secret, secret),
        MetadataExists(secret),
        MetadataLike(secret, wildcard),
        MetadataMatches(secret, secret),
        MetadataCompares(secret, Operator.LESS, 1.0),
    )
    bounds = Printer().bounds(Or(tuple(Not(And((node, ServiceIs("a")))) for node in nodes)))
    assert "zq1" not in bounds.must
    assert "zq1" not in bounds.may
