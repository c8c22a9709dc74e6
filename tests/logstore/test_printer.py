"""The printed conditions: what they bind, which blocks they let ClickHouse skip, and what they match."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from uuid import UUID

import pyarrow as pa
import pytest
import pytest_asyncio

from tests.logstore.clickhouse import ORGANIZATION, clickhouse, store_rows
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.logstore.backends.clickhouse.connection import ClickHousePool
from tocsin.logstore.backends.clickhouse.printer import MAX_HINTS, Printer, quote_identifier
from tocsin.logstore.backends.clickhouse.schema import LOGS, MESSAGE_WORDS
from tocsin.logstore.ports import Selection, TimeRange
from tocsin.query.tokens import tokens_of
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
    TimestampCompares,
    TraceIs,
    Wildcard,
    WordLike,
)

HOSTILE = "x' OR 1=1 -- \\ \n\t\0 {p0:String} `"

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
    HOSTILE,
    "",
)

_PLAIN_WORDS = {"words plain", "plain, words", "«plain»words"}

QUERIES: tuple[tuple[Node, set[str]], ...] = (
    (Phrase(("plain",)), {"plain words", "words plain", "plain, words", "«plain»words"}),
    (Phrase(("plain", "words")), {"plain words", "plain, words", "«plain»words"}),
    (Phrase(("plain_words",)), {"Plain_words"}),
    (Phrase(("kafka",)), {"\N{KELVIN SIGN}afka ok", "kafka ok"}),
    (Phrase(("plainé",)), {"plainé words"}),
    (Phrase(tokens_of("ΟΔΟΣ")), {"ΟΔΟΣ Σ"}),
    (Phrase(tokens_of("İstanbul")), {"İstanbul"}),
    (Phrase(("istanbul",)), set()),
    (Substring("AIN, W"), {"plain, words"}),
    (Substring("afk"), {"\N{KELVIN SIGN}afka ok", "kafka ok"}),
    (Substring("kafk"), {"\N{KELVIN SIGN}afka ok", "kafka ok"}),
    (Substring("δοσ"), {"ΟΔΟΣ Σ"}),
    (Substring(HOSTILE), {HOSTILE}),
    (Substring(""), set(MESSAGES)),
    (WordLike(Wildcard(("pla", ""))), {"plain words", "Plain_words", *_PLAIN_WORDS, "plainé words"}),
    (WordLike(Wildcard(("", "in"))), {"plain words", *_PLAIN_WORDS}),
    (WordLike(Wildcard(("pl", "s"))), {"Plain_words"}),
    (WordLike(Wildcard(("", "n", "w", ""))), {"Plain_words"}),
    (WordLike(Wildcard(("", "né"))), {"plainé words"}),
    (WordLike(Wildcard(("k", ""))), {"\N{KELVIN SIGN}afka ok", "kafka ok"}),
    (WordLike(Wildcard(("", "k"))), {"\N{KELVIN SIGN}afka ok", "kafka ok"}),
    (WordLike(Wildcard(("ο", "σ"))), {"ΟΔΟΣ Σ"}),
    (WordLike(Wildcard(("", ""))), set(MESSAGES) - {""}),
    (Matches("plain.words"), {"plain words", "«plain»words"}),
    (Matches("^(?i:PLAIN).words"), {"plain words", "Plain_words"}),
    (Matches("(?i)k"), {"\N{KELVIN SIGN}afka ok", "kafka ok"}),
    (Matches(r"-- \\ .\t\x00"), {HOSTILE}),
    (Matches("^$"), {""}),
    (Not(Or((Substring("a"), Substring("σ"), Substring("x")))), {""}),
)

METADATA: tuple[Mapping[str, object], ...] = (
    {"a": "x,", ":k": 1},
    {"a": ":foo"},
    {"n": 5},
    {"n": "5"},
    {"n": 50},
    {"n": "5,6"},
    {"n": True},
    {"n": None},
    {"nn": 5, "m": 'n":5'},
    {"n": "1e999"},
    {HOSTILE: HOSTILE},
)

METADATA_QUERIES: tuple[tuple[Node, list[int]], ...] = (
    (MetadataIs("n", "5"), [2, 3]),
    (MetadataIs("n", "true"), [6]),
    (MetadataIs("n", "null"), [7]),
    (MetadataIs(HOSTILE, HOSTILE), [10]),
    (MetadataIs(":k", "1"), [0]),
    (MetadataExists("n"), [2, 3, 4, 5, 6, 7, 9]),
    (MetadataExists(","), []),
    (MetadataExists(":"), []),
    (MetadataIs(":", "foo"), []),
    (MetadataCompares("n", Operator.GREATER_OR_EQUAL, 5.0), [2, 3, 4, 9]),
    (MetadataCompares(":k", Operator.LESS, 2.0), [0]),
    (MetadataLike("n", Wildcard(("5", ""))), [2, 3, 4, 5]),
    (MetadataLike("n", Wildcard(("", ",", ""))), [5]),
    (MetadataLike("n", Wildcard(("", "u", ""))), [6, 7]),
    (MetadataLike("n", Wildcard(("", ""))), [2, 3, 4, 5, 6, 7, 9]),
    (MetadataLike(HOSTILE, Wildcard((HOSTILE[:9], "", HOSTILE[10:]))), [10]),
    (MetadataLike(":k", Wildcard(("1", ""))), [0]),
    (MetadataLike(":", Wildcard(("", ""))), []),
    (MetadataMatches("n", "^5"), [2, 3, 4, 5]),
    (MetadataMatches("n", "^[0-9]+$"), [2, 3, 4]),
    (MetadataMatches("a", "^.?,|^:"), [0, 1]),
    (MetadataMatches(":k", "1"), [0]),
    (MetadataMatches(",", "."), []),
    (MetadataMatches(HOSTILE, r"\n.\x00 \{"), [10]),
    (Not(MetadataCompares("n", Operator.LESS, 1e300)), [0, 1, 5, 6, 7, 8, 9, 10]),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClickHousePool]:
    async with clickhouse(tmp_path_factory.mktemp("printer")) as opened:
        rows: list[dict[str, object]] = [{"message": message, "service": "messages"} for message in MESSAGES]
        rows += [{"message": str(index), "metadata": each} for index, each in enumerate(METADATA)]
        await store_rows(opened, log_batch(rows), range(len(rows)))
        yield opened


async def _messages(pool: ClickHousePool, node: Node, service: str) -> list[str]:
    printer = Printer()
    condition = printer.condition(And((ServiceIs(service), node)))
    table = await pool.fetch(f"SELECT message FROM {LOGS} WHERE {condition}", printer.parameters)
    return [str(message) for message in table["message"].to_pylist()]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("node", "expected"), QUERIES, ids=[str(node) for node, _ in QUERIES])
async def test_text_matches_exactly(pool: ClickHousePool, node: Node, expected: set[str]) -> None:
    assert set(await _messages(pool, node, "messages")) == expected


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("node", "expected"), METADATA_QUERIES, ids=[str(node) for node, _ in METADATA_QUERIES])
async def test_metadata_matches_exactly(pool: ClickHousePool, node: Node, expected: list[int]) -> None:
    assert sorted(map(int, await _messages(pool, node, "checkout"))) == expected


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("node", "index"),
    [
        (Phrase(("zebra",)), "message_words"),
        (Substring(" zebra "), "message_words"),
        (MetadataIs("animal", "zebra"), "metadata_words"),
        (WordLike(Wildcard(("zebra_", ""))), "message_words"),
        (WordLike(Wildcard(("", "_zebra"))), "message_words"),
        (MetadataLike("animal", Wildcard(("", ""))), "metadata_words"),
        (MetadataLike("n", Wildcard(("zebra ", ""))), "metadata_words"),
        (MetadataMatches("animal", "."), "metadata_words"),
        (TraceIs("0af7651916cd43dd8448eb211c80319c"), "traces"),
        (ServiceIs("zoo"), "services"),
    ],
)
async def test_an_index_skips_the_blocks_when_nothing_in_them_can_match(
    pool: ClickHousePool, node: Node, index: str
) -> None:
    printer = Printer()
    condition = printer.condition(node)
    plan = await pool.fetch(f"EXPLAIN indexes = 1 SELECT message FROM {LOGS} WHERE {condition}", printer.parameters)
    text = b"\n".join(plan.column(0).cast(pa.binary()).to_pylist()).decode(errors="replace")
    assert re.search(rf"Name: {index}\b[^:]*?Description:.*?Granules: 0/1", text, re.DOTALL), text


def _selection(query: Node) -> Selection:
    return Selection(
        organization_id=ORGANIZATION,
        time_range=TimeRange(NOON_UNIX_NANO, NOON_UNIX_NANO + 1),
        query=query,
    )


@pytest.mark.parametrize("query", [Everything(), Or((ServiceIs("a"), ServiceIs("b"))), Not(ServiceIs("a"))])
def test_every_selection_is_of_one_organization_and_range(query: Node) -> None:
    printer = Printer()
    condition = printer.selection(_selection(query))
    assert condition.startswith(
        "organization_id = {p0:String}"
        " AND timestamp >= fromUnixTimestamp64Nano({p1:Int64}, 'UTC')"
        " AND timestamp < fromUnixTimestamp64Nano({p2:Int64}, 'UTC')"
    )
    assert list(printer.parameters.values())[:3] == [str(ORGANIZATION), NOON_UNIX_NANO, NOON_UNIX_NANO + 1]
    assert isinstance(query, Everything) or re.search(r"AND (\(.*\)|NOT \(.*\))$", condition)


def test_no_text_of_a_user_stands_in_the_sql() -> None:
    secret = "zq1'\\`"
    nodes: tuple[Node, ...] = (
        Phrase((secret,)),
        Substring(secret),
        WordLike(Wildcard((secret, secret))),
        Matches(secret),
        ServiceLike(Wildcard((secret, secret))),
        MetadataLike(secret, Wildcard((secret, ""))),
        MetadataMatches(secret, secret),
        ServiceIs(secret),
        TraceIs(secret),
        MetadataIs(secret, secret),
        MetadataExists(secret),
        MetadataCompares(secret, Operator.LESS, 1.0),
    )
    assert "zq1" not in Printer().condition(And(nodes))


def test_negation_asks_no_index() -> None:
    assert MESSAGE_WORDS in Printer().condition(Phrase(("word",)))
    assert MESSAGE_WORDS not in Printer().condition(Not(And((Phrase(("word",)), Phrase(("other",))))))


def test_a_long_phrase_asks_the_index_for_some_of_its_words() -> None:
    words = tuple(f"word{number}" for number in range(3 * MAX_HINTS))
    assert Printer().condition(Phrase(words)).count(MESSAGE_WORDS) == MAX_HINTS


def test_a_promoted_key_is_read_from_its_column() -> None:
    printer = Printer({"host": "metadata:host"})
    assert printer.condition(MetadataIs("host", "5")) == "(`metadata:host` IN ({p0:String}, {p1:String}))"
    assert list(printer.parameters.values()) == [json.dumps("5"), "5"]
    assert printer.condition(MetadataExists("host")) == "(`metadata:host` != '')"


def test_times_are_bound_within_64_bits() -> None:
    printer = Printer()
    printer.scope(UUID(int=0), TimeRange(-(2**70), 2**70))
    printer.condition(TimestampCompares(Operator.LESS, 2**70))
    assert list(printer.parameters.values())[1:] == [-(2**63), 2**63 - 1, 2**63 - 1]


def test_a_name_can_not_end_its_quotes() -> None:
    assert quote_identifier("a`b\\") == "`a\\`b\\\\`"
