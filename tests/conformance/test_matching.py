"""What matches what: every kind of node, on texts that backends tend to read differently."""

from typing import Any
from uuid import UUID

import pytest

from tests.support.matching import matching_rows, row_numbers
from tocsin.logstore.ports import LogStore
from tocsin.query.tree import (
    And,
    Everything,
    MetadataCompares,
    MetadataExists,
    MetadataIs,
    Node,
    Not,
    Operator,
    Or,
    Phrase,
    ServiceIs,
    SeverityBetween,
    ShapeIn,
    ShapeIs,
    SpanIs,
    Substring,
    TraceIs,
)

PUNCTUATED = [
    "payment declined",
    "payment—declined",
    "payment_declined",
    "Payment, DECLINED!",
    "prepayment declined",
    "declined payment",
    "payment declined2",
    "payment x declined",
    "",
    "zahlung Éclair naïve",
    "ZAHLUNG éCLAIR NAÏVE",
    "日本語 ログ",
    "日本語ログ",
    "user42 10.0.0.1 a_b-c",
    "tab\tnewline\nquote\"back\\slash'apostrophe%percent",
    "ΟΔΟΣ οδος οδοσ",
    "combining e\u0301clair",
    "½ ² Ⅷ ٣",
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Phrase(("payment",)), [0, 1, 3, 5, 6, 7]),
        (Phrase(("payment", "declined")), [0, 1, 3]),
        (Phrase(("payment_declined",)), [2]),
        (Phrase(("éclair",)), [9, 10]),
        (Phrase(("naïve",)), [9, 10]),
        (Phrase(("日本語",)), [11]),
        (Phrase(("日本語", "ログ")), [11]),
        (Phrase(("日本語ログ",)), [12]),
        (Phrase(("user42",)), [13]),
        (Phrase(("10", "0", "0", "1")), [13]),
        (Phrase(("0", "0")), [13]),
        (Phrase(("a_b", "c")), [13]),
        (Phrase(("a",)), []),
        (Phrase(("newline", "quote", "back", "slash", "apostrophe", "percent")), [14]),
        (Phrase(("οδοσ",)), [15]),
        (Phrase(("clair",)), [16]),
        (Phrase(("½",)), [17]),
        (Phrase(("٣",)), [17]),
        (Phrase(("payment", "declined", "declined")), []),
    ],
    ids=str,
)
async def test_phrases_match_adjacent_tokens(
    log_store: LogStore, organization_id: UUID, query: Node, expected: list[int]
) -> None:
    rows = [{"message": message} for message in PUNCTUATED]
    assert await matching_rows(log_store, organization_id, rows, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Substring("payment"), [0, 1, 2, 3, 4, 5, 6, 7]),
        (Substring("PAYMENT d"), [0, 4, 6]),
        (Substring("—"), [1]),
        (Substring("_"), [2, 13]),
        (Substring("%"), [14]),
        (Substring("\\"), [14]),
        (Substring("k\\s"), [14]),
        (Substring('"'), [14]),
        (Substring("'"), [14]),
        (Substring("\n"), [14]),
        (Substring("b\tn"), [14]),
        (Substring("ÉCL"), [9, 10]),
        (Substring("本語ログ"), [12]),
        (Substring("οσ"), [15]),
        (Substring("e\u0301"), [16]),
        (Substring(" "), [0, 3, 4, 5, 6, 7, 9, 10, 11, 13, 15, 16, 17]),
        (Substring("no such text"), []),
    ],
    ids=str,
)
async def test_substrings_match_anywhere_whatever_the_case(
    log_store: LogStore, organization_id: UUID, query: Node, expected: list[int]
) -> None:
    rows = [{"message": message} for message in PUNCTUATED]
    assert await matching_rows(log_store, organization_id, rows, query) == expected


TYPED: list[dict[str, Any]] = [
    {"status": 500},
    {"status": "500"},
    {"status": 500.0},
    {"status": 50},
    {"status": "5e2"},
    {"status": True},
    {"status": None},
    {"status": ""},
    {"other": 'quotes "status":500 in a text'},
    {"sub.status": 500},
    {"Status": 500},
    {"status": "600 or so"},
    {"status": -1.5},
    {"status": "-1.5"},
    {"status": "nan"},
    {"status": 2**63},
    {"http": {"status": 500}},
    {},
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (MetadataIs("status", "500"), [0, 1]),
        (MetadataIs("status", "500.0"), [2]),
        (MetadataIs("status", "50"), [3]),
        (MetadataIs("status", "true"), [5]),
        (MetadataIs("status", "null"), [6]),
        (MetadataIs("status", ""), [7]),
        (MetadataIs("status", "-1.5"), [12, 13]),
        (MetadataIs("status", "9223372036854775808"), [15]),
        (MetadataIs("status", "NAN"), []),
        (MetadataIs("http.status", "500"), [16]),
        (MetadataIs("STATUS", "500"), []),
        (MetadataExists("status"), [0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15]),
        (MetadataExists("sub.status"), [9]),
        (MetadataExists("sub"), []),
        (MetadataExists("absent"), []),
        (MetadataCompares("status", Operator.GREATER, 100), [0, 1, 2, 4, 15]),
        (MetadataCompares("status", Operator.GREATER_OR_EQUAL, 500), [0, 1, 2, 4, 15]),
        (MetadataCompares("status", Operator.GREATER, 500), [15]),
        (MetadataCompares("status", Operator.LESS, 0), [12, 13]),
        (MetadataCompares("status", Operator.LESS_OR_EQUAL, -1.5), [12, 13]),
        (MetadataCompares("status", Operator.LESS, 1), [12, 13]),
        (MetadataCompares("absent", Operator.GREATER, 0), []),
        (Not(MetadataIs("status", "500")), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]),
        (Not(MetadataCompares("status", Operator.LESS, 1e18)), [5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 17]),
        (Not(MetadataExists("status")), [8, 9, 10, 16, 17]),
    ],
    ids=str,
)
async def test_metadata_is_compared_by_its_text_and_its_number(
    log_store: LogStore, organization_id: UUID, query: Node, expected: list[int]
) -> None:
    rows = [{"metadata": metadata} for metadata in TYPED]
    assert await matching_rows(log_store, organization_id, rows, query) == expected


AWKWARD = [
    'quote " in',
    "back \\ slash",
    "ends in backslash\\",
    "control \x00\x01\x1f\x7f",
    "new\nline\ttab\r",
    "é — 日本語 🎉",
    '","key":"value',
    '{"key":"value"}',
    "'; DROP TABLE logs; --",
    "%s %(name)s {name:String} $1 ?",
    "\u2028\u2029\ufeff",
    " leading and trailing ",
]


@pytest.mark.parametrize("text", AWKWARD, ids=ascii)
async def test_awkward_texts_are_values_like_any_other(log_store: LogStore, organization_id: UUID, text: str) -> None:
    rows = [{"metadata": {"key": text}}, {"metadata": {"key": f"{text}x"}}, {"metadata": {"other": text}}]
    assert await matching_rows(log_store, organization_id, rows, MetadataIs("key", text)) == [0]


@pytest.mark.parametrize("key", [*AWKWARD, "", ".", "a.b.c", "0", "key with spaces"], ids=ascii)
async def test_awkward_texts_are_keys_like_any_other(log_store: LogStore, organization_id: UUID, key: str) -> None:
    rows: list[dict[str, Any]] = [
        {"metadata": {key: "value"}},
        {"metadata": {f"{key}x": "value"}},
        {"metadata": {f"x{key}": "value"}},
        {"metadata": {"text": f'"{key}":"value"'}},
    ]
    assert await matching_rows(log_store, organization_id, rows, MetadataIs(key, "value")) == [0]
    assert await row_numbers(log_store, organization_id, MetadataExists(key)) == [0]


@pytest.mark.parametrize("text", AWKWARD, ids=ascii)
async def test_awkward_texts_are_services_and_ids_like_any_other(
    log_store: LogStore, organization_id: UUID, text: str
) -> None:
    identifier = text.replace("\x00", "")
    rows = [{"service": text}, {"service": f"{text}x"}, {"trace_id": identifier}, {"span_id": identifier}]
    assert await matching_rows(log_store, organization_id, rows, ServiceIs(text)) == [0]
    assert await row_numbers(log_store, organization_id, TraceIs(identifier)) == [2]
    assert await row_numbers(log_store, organization_id, SpanIs(identifier)) == [3]


async def test_metadata_with_many_keys_finds_the_right_value(log_store: LogStore, organization_id: UUID) -> None:
    metadata = {f"key{number}": f"value{number}" for number in range(200)}
    rows: list[dict[str, Any]] = [{"metadata": metadata}, {"metadata": metadata | {"key117": "value118"}}]
    assert await matching_rows(log_store, organization_id, rows, MetadataIs("key117", "value117")) == [0]


IDS = [
    "",
    "0af7651916cd43dd8448eb211c80319c",
    "0AF7651916CD43DD8448EB211C80319C",
    "b7ad6b7169203331",
    "sixteen-bytes-id",
    "eight-id",
    "not hexadecimal at all but longer than 32",
    "0af7651916cd43dd8448eb211c80319d",
    "zaf7651916cd43dd8448eb211c80319c",
    "é" * 8,
    "é" * 4,
    "0" * 32,
    "0" * 16,
]


@pytest.mark.parametrize("number", range(len(IDS)))
async def test_trace_and_span_ids_match_exactly(log_store: LogStore, organization_id: UUID, number: int) -> None:
    rows = [{"trace_id": identifier, "span_id": identifier} for identifier in IDS]
    assert await matching_rows(log_store, organization_id, rows, TraceIs(IDS[number])) == [number]
    assert await row_numbers(log_store, organization_id, SpanIs(IDS[number])) == [number]


@pytest.mark.parametrize("bounds", [(1, 24), (17, 20), (9, 9), (21, 24), (24, 1)])
async def test_severities_match_within_both_bounds(
    log_store: LogStore, organization_id: UUID, bounds: tuple[int, int]
) -> None:
    rows = [{"severity_number": number} for number in range(1, 25)]
    expected = [number - 1 for number in range(1, 25) if bounds[0] <= number <= bounds[1]]
    assert await matching_rows(log_store, organization_id, rows, SeverityBetween(*bounds)) == expected


@pytest.mark.parametrize("shape", [0, 1, 2**63, 2**64 - 1])
async def test_shapes_match_exactly(log_store: LogStore, organization_id: UUID, shape: int) -> None:
    shapes = [0, 1, 2**63, 2**64 - 1]
    rows = [{"shape": other} for other in shapes]
    assert await matching_rows(log_store, organization_id, rows, ShapeIs(shape)) == [shapes.index(shape)]


@pytest.mark.parametrize("wanted", [set(), {0}, {1, 2**63}, {0, 2**64 - 1, 7}])
async def test_any_of_several_shapes_matches(log_store: LogStore, organization_id: UUID, wanted: set[int]) -> None:
    shapes = [0, 1, 2**63, 2**64 - 1]
    rows = [{"shape": shape} for shape in shapes]
    expected = [number for number, shape in enumerate(shapes) if shape in wanted]
    assert await matching_rows(log_store, organization_id, rows, ShapeIn(frozenset(wanted))) == expected


async def test_so_many_shapes_match_that_no_statement_could_name_them(
    log_store: LogStore, organization_id: UUID
) -> None:
    rows = [{"shape": shape} for shape in (1, 2**63 + 5, 2**63 + 30_000)]
    many = frozenset(range(2**63, 2**63 + 20_000))
    assert await matching_rows(log_store, organization_id, rows, ShapeIn(many)) == [1]


async def test_services_match_by_their_whole_name_and_case(log_store: LogStore, organization_id: UUID) -> None:
    rows = [{"service": service} for service in ("api", "API", "api-gateway", "", "ap")]
    assert await matching_rows(log_store, organization_id, rows, ServiceIs("api")) == [0]
    assert await row_numbers(log_store, organization_id, ServiceIs("")) == [3]


async def test_nodes_are_combined_by_logic(log_store: LogStore, organization_id: UUID) -> None:
    a, b, c = Phrase(("a",)), Phrase(("b",)), Phrase(("c",))
    rows = [{"message": message} for message in ("a", "b", "c", "a b", "b c", "a c", "a b c", "")]
    queries: dict[Node, list[int]] = {
        Everything(): [0, 1, 2, 3, 4, 5, 6, 7],
        Not(Everything()): [],
        And((a, b)): [3, 6],
        Or((a, b)): [0, 1, 3, 4, 5, 6],
        And((a, Not(b))): [0, 5],
        Not(Or((a, b, c))): [7],
        Not(And((a, b, c))): [0, 1, 2, 3, 4, 5, 7],
        Or((And((a, b)), And((b, c)))): [3, 4, 6],
        And((Or((a, b)), Or((b, c)))): [1, 3, 4, 5, 6],
        Not(Not(a)): [0, 3, 5, 6],
    }
    assert await matching_rows(log_store, organization_id, rows, a) == [0, 3, 5, 6]
    for query, expected in queries.items():
        assert await row_numbers(log_store, organization_id, query) == expected, query
