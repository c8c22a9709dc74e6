import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.random_logs import normalised_trees
from tocsin.kit.errors import InvalidQuery
from tocsin.query.parser import MAX_DEPTH, MAX_EXPRESSIONS, MAX_LENGTH, parse
from tocsin.query.text import to_text
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
    PatternIs,
    Phrase,
    ServiceIs,
    ServiceLike,
    SeverityBetween,
    ShapeIs,
    SpanIs,
    Substring,
    TimestampCompares,
    TraceIs,
    Wildcard,
    WordLike,
)

A, B, C = Phrase(("a",)), Phrase(("b",)), Phrase(("c",))
NOON = 1_795_262_400_000_000_000
"""2026-11-21T12:00:00Z"""
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("", Everything()),
        ("  \n ", Everything()),
        ("*", Everything()),
        ("Timeout", Phrase(("timeout",))),
        ("foo-bar", Phrase(("foo", "bar"))),
        ("10.0.0.1:8080", Phrase(("10", "0", "0", "1", "8080"))),
        ("https://shop.example/cart", Phrase(("https", "shop", "example", "cart"))),
        ("/api/v1", Phrase(("api", "v1"))),
        ("ÉCLAIR", Phrase(("éclair",))),
        ('"Connection  refused!"', Phrase(("connection", "refused"))),
        (r'"say \"hi\""', Phrase(("say", "hi"))),
        ("and", Phrase(("and",))),
        ("ANDROID ORDER NOTE", And((Phrase(("android",)), Phrase(("order",)), Phrase(("note",))))),
        ("**", Everything()),
        ("*time*", Substring("time")),
        ('*"a \\"b\\" c"*', Substring('a "b" c')),
        (r'*"C:\Users"*', Substring(r"C:\Users")),
    ],
)
def test_words_phrases_and_substrings_look_into_the_message(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("Conn*", WordLike(Wildcard(("conn", "")))),
        ("*Fused", WordLike(Wildcard(("", "fused")))),
        ("pay*ment", WordLike(Wildcard(("pay", "ment")))),
        ("*a*b*", WordLike(Wildcard(("", "a", "b", "")))),
        ("a**b", WordLike(Wildcard(("a", "b")))),
        ("ÉCL*日本", WordLike(Wildcard(("écl", "日本")))),
        ('"a"*', WordLike(Wildcard(("a", "")))),
        ("AND*", WordLike(Wildcard(("and", "")))),
        ("-conn*", Not(WordLike(Wildcard(("conn", ""))))),
        ("message:conn*", WordLike(Wildcard(("conn", "")))),
        ("service:pay*", ServiceLike(Wildcard(("pay", "")))),
        ("service:*ap*", ServiceLike(Wildcard(("", "ap", "")))),
        ("service:**", Not(ServiceIs(""))),
        ("user_id:u_1*", MetadataLike("user_id", Wildcard(("u_1", "")))),
        ("key:*ap*", MetadataLike("key", Wildcard(("", "ap", "")))),
        ('key:"a *b"*"c"', MetadataLike("key", Wildcard(("a *b", "c")))),
        (r'key:"\\ \""*', MetadataLike("key", Wildcard(('\\ "', "")))),
        ("path:/api/*", MetadataLike("path", Wildcard(("/api/", "")))),
        ("url:http://x/*", MetadataLike("url", Wildcard(("http://x/", "")))),
        ("key:a::b*", MetadataLike("key", Wildcard(("a::b", "")))),
    ],
)
def test_stars_are_gaps(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("/conn(ection)? (refused|reset)/", Matches("conn(ection)? (refused|reset)")),
        (r"/\d+\/\d+ \\/", Matches(r"\d+/\d+ \\")),
        ("/a/ /b/", And((Matches("a"), Matches("b")))),
        ("(/a/ OR b)", Or((Matches("a"), B))),
        ("-/a/", Not(Matches("a"))),
        ('/"a*"/', Matches('"a*"')),
        ("/é\n/", Matches("é\n")),
        ("message:/a b/", Matches("a b")),
        (r"host:/^db-\d+$/", MetadataMatches("host", r"^db-\d+$")),
        ("/api/v1/", Phrase(("api", "v1"))),
        ("/api /tmp/x", And((Phrase(("api",)), Phrase(("tmp", "x"))))),
        ("path:/api/v1/", MetadataIs("path", "/api/v1/")),
        ("path:/users/{id}", MetadataIs("path", "/users/{id}")),
        ("path:/", MetadataIs("path", "/")),
        ('path:"/api/"', MetadataIs("path", "/api/")),
    ],
)
def test_slashes_with_no_slash_between_them_enclose_an_expression(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("timestamp:2026-11-21T12:00:00Z", TimestampCompares(Operator.EQUALS, NOON)),
        ("timestamp:>=2026-11-21T13:00:00+01:00", TimestampCompares(Operator.GREATER_OR_EQUAL, NOON)),
        ("timestamp:<2026-11-21T12:00:00.000000001Z", TimestampCompares(Operator.LESS, NOON + 1)),
        ('timestamp:<="2026-11-21 12:00"', TimestampCompares(Operator.LESS_OR_EQUAL, NOON)),
        ("timestamp:>2026-11-21", TimestampCompares(Operator.GREATER, NOON - 43_200 * 10**9)),
        ("timestamp:>1795262400", TimestampCompares(Operator.GREATER, NOON)),
        ("timestamp:>1795262400000", TimestampCompares(Operator.GREATER, NOON)),
        ("timestamp:>1795262400.5", TimestampCompares(Operator.GREATER, NOON + 5 * 10**8)),
        ("timestamp:>0", TimestampCompares(Operator.GREATER, 0)),
        (
            "timestamp:1795262400..2026-11-21T12:00:01Z",
            And(
                (
                    TimestampCompares(Operator.GREATER_OR_EQUAL, NOON),
                    TimestampCompares(Operator.LESS_OR_EQUAL, NOON + 10**9),
                )
            ),
        ),
        ("timestamp:*", Everything()),
        ("metadata.timestamp:x", MetadataIs("timestamp", "x")),
    ],
)
def test_times_are_compared(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("service:(a)", ServiceIs("a")),
        ("service:( a OR b )", Or((ServiceIs("a"), ServiceIs("b")))),
        ("-service:(a OR b)", Not(Or((ServiceIs("a"), ServiceIs("b"))))),
        ("level:(ERROR OR WARN)", Or((SeverityBetween(17, 20), SeverityBetween(13, 16)))),
        ("service:(a OR b) OR service:c", Or((ServiceIs("a"), ServiceIs("b"), ServiceIs("c")))),
        ("message:(a OR /b/)", Or((A, Matches("b")))),
        (
            'k:(a OR "c d" OR x* OR /r/ OR >5)',
            Or(
                (
                    MetadataIs("k", "a"),
                    MetadataIs("k", "c d"),
                    MetadataLike("k", Wildcard(("x", ""))),
                    MetadataMatches("k", "r"),
                    MetadataCompares("k", Operator.GREATER, 5),
                )
            ),
        ),
        ('k:("OR" OR "a,b")', Or((MetadataIs("k", "OR"), MetadataIs("k", "a,b")))),
    ],
)
def test_a_list_is_any_of_its_values(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [("status:500..599", 500, 599), ("status:-1.5..1e3", -1.5, 1000), ("status:5..5", 5, 5)],
)
def test_a_range_holds_both_its_ends(text: str, first: float, last: float) -> None:
    at_least = MetadataCompares("status", Operator.GREATER_OR_EQUAL, first)
    at_most = MetadataCompares("status", Operator.LESS_OR_EQUAL, last)
    assert parse(text) == And((at_least, at_most))
    assert parse(f"a {text}") == And((A, at_least, at_most))


@pytest.mark.parametrize("text", ["5..6", "1..", "a..b", "1...2", "1..2..3"])
def test_a_text_in_quotes_is_no_range(text: str) -> None:
    assert parse(f'version:"{text}"') == MetadataIs("version", text)


def test_a_pattern_is_named_by_any_text_which_the_registry_resolves() -> None:
    assert parse('pattern:"payment <*> declined"') == PatternIs("payment <*> declined")
    assert parse("pattern:00000000000000ff") == PatternIs("00000000000000ff")
    assert parse("pattern:*") == Everything()
    assert parse("metadata.pattern:x") == MetadataIs("pattern", "x")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a b", And((A, B))),
        ("a AND b c", And((A, B, C))),
        ("a OR b OR c", Or((A, B, C))),
        ("a OR b c", Or((A, And((B, C))))),
        ("a b OR c", Or((And((A, B)), C))),
        ("(a OR b) c", And((Or((A, B)), C))),
        ("a AND (b AND c)", And((A, B, C))),
        ("a OR (b OR c)", Or((A, B, C))),
        ("((a))", A),
        ("-a", Not(A)),
        ("NOT a", Not(A)),
        ("NOT a b", And((Not(A), B))),
        ("NOT (a b)", Not(And((A, B)))),
        ("-(a OR b)", Not(Or((A, B)))),
        ("NOT NOT a", Not(Not(A))),
        ("a -b", And((A, Not(B)))),
        ("a-b", Phrase(("a", "b"))),
        ("-level:INFO", Not(SeverityBetween(9, 12))),
        ("-*a*", Not(Substring("a"))),
    ],
)
def test_operators_bind_not_before_and_before_or(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("service:api", ServiceIs("api")),
        ('service:"my api"', ServiceIs("my api")),
        ("service:*", Not(ServiceIs(""))),
        ("level:ERROR", SeverityBetween(17, 20)),
        ("level:err", SeverityBetween(17, 20)),
        ("level:critical", SeverityBetween(21, 24)),
        ("level:trace", SeverityBetween(1, 8)),
        ("level:>=WARN", SeverityBetween(13, 24)),
        ("level:>warning", SeverityBetween(17, 24)),
        ("level:<WARN", SeverityBetween(1, 12)),
        ("level:<=WARN", SeverityBetween(1, 16)),
        ("level:*", Everything()),
        ("severity_number:17", SeverityBetween(17, 17)),
        ("severity_number:9..13", SeverityBetween(9, 13)),
        ("severity_number:>12", SeverityBetween(13, 24)),
        ("severity_number:<=12", SeverityBetween(1, 12)),
        (f"trace_id:{TRACE.upper()}", TraceIs(TRACE)),
        ("trace_id:Not-Hex", TraceIs("Not-Hex")),
        ("trace_id:*", Not(TraceIs(""))),
        ("span_id:B7AD6B7169203331", SpanIs("b7ad6b7169203331")),
        ("shape:00000000000000fF", ShapeIs(255)),
        ("shape:ffffffffffffffff", ShapeIs(2**64 - 1)),
        ("message:Timeout", Phrase(("timeout",))),
        ('message:"a b"', Phrase(("a", "b"))),
        ("message:*a*", Substring("a")),
    ],
)
def test_named_fields_are_those_of_a_log(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("http.status:500", MetadataIs("http.status", "500")),
        ("metadata.http.status:500", MetadataIs("http.status", "500")),
        ("metadata.service:x", MetadataIs("service", "x")),
        ("metadata.metadata.x:1", MetadataIs("metadata.x", "1")),
        ('user:"Ada Lovelace"', MetadataIs("user", "Ada Lovelace")),
        ("url:http://x/y?z=1", MetadataIs("url", "http://x/y?z=1")),
        ('key:"*"', MetadataIs("key", "*")),
        ('key:">5"', MetadataIs("key", ">5")),
        ('key:""', MetadataIs("key", "")),
        ("key:*", MetadataExists("key")),
        ('"key with spaces":x', MetadataIs("key with spaces", "x")),
        ('"4xx":>=5', MetadataCompares("4xx", Operator.GREATER_OR_EQUAL, 5)),
        ("duration_ms:>100", MetadataCompares("duration_ms", Operator.GREATER, 100)),
        ("ratio:<-0.5e1", MetadataCompares("ratio", Operator.LESS, -5)),
        ("k8s.pod-name:x", MetadataIs("k8s.pod-name", "x")),
        ("@timestamp:x", MetadataIs("@timestamp", "x")),
        ("größe:5", MetadataIs("größe", "5")),
    ],
)
def test_other_fields_are_metadata_keys(text: str, node: Node) -> None:
    assert parse(text) == node


def test_length_has_a_limit() -> None:
    assert parse("a" * MAX_LENGTH) == Phrase(("a" * MAX_LENGTH,))
    with pytest.raises(InvalidQuery, match="4,097") as caught:
        parse("a" * (MAX_LENGTH + 1))
    assert (caught.value.start, caught.value.end) == (MAX_LENGTH, MAX_LENGTH + 1)


def test_the_number_of_expressions_has_a_limit() -> None:
    assert parse(" ".join(["/a/"] * MAX_EXPRESSIONS))
    text = " ".join(["/a/"] * (MAX_EXPRESSIONS + 1))
    with pytest.raises(InvalidQuery, match="33") as caught:
        parse(f'"/a/ /b/" {text}')
    assert (caught.value.start, caught.value.end) == (len(text) + 7, len(text) + 10)


def test_depth_has_a_limit() -> None:
    node = parse("-" * (MAX_DEPTH - 1) + "a")
    for _ in range(MAX_DEPTH - 1):
        assert isinstance(node, Not)
        node = node.node
    assert node == A
    with pytest.raises(InvalidQuery, match="deep"):
        parse("-" * MAX_DEPTH + "a")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 4_096,
        "(" * 2_000 + "a" + ")" * 2_000,
        "-" * 4_000 + "a",
        "a OR (b " * 512,
        '"\\' * 2_048,
        "*a" * 2_048,
        "a:" * 2_048,
        "*" * 4_096,
        '"a"*' * 1_024,
        "/a" * 2_048,
        "/\\" * 2_048,
        "a:(b OR " * 512,
        "x:(" * 1_365,
        "!" * 4_096,
        r"/((((\pL{9}){9}){9}){9}){9}/",
    ],
)
def test_hostile_texts_come_to_an_end(text: str) -> None:
    with contextlib.suppress(InvalidQuery):
        parse(text)


_SYNTAX = [
    "a",
    "b-c",
    " ",
    "(",
    ")",
    '"',
    "*",
    "-",
    ":",
    "\\",
    ">",
    "<=",
    "AND",
    "OR",
    "NOT",
    "level:",
    "service:",
    "timestamp:",
    "pattern:",
    "/",
    "/a/",
    "/(/",
    "/i",
    "..",
    ",",
    "!",
    "=",
    "&&",
    "or",
    "(a OR",
    "*a",
    "2026-11-21",
    "x.y",
    "5",
    "é",
    "—",
    "\n",
    "\x00",
]


@given(st.one_of(st.text(max_size=50), st.lists(st.sampled_from(_SYNTAX), max_size=20).map("".join)))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_tree_or_an_error_with_a_place_and_a_working_suggestion(text: str) -> None:
    outcome = _outcome(text)
    if isinstance(outcome, InvalidQuery):
        assert 0 <= outcome.start <= outcome.end <= len(text)
        assert outcome.suggestion is None or parse(outcome.suggestion)
    else:
        assert parse(to_text(outcome)) == outcome


def _outcome(text: str) -> Node | InvalidQuery:
    try:
        return parse(text)
    except InvalidQuery as error:
        return error


@given(normalised_trees)
@settings(max_examples=300, deadline=None)
def test_a_tree_is_itself_again_when_written_and_parsed(node: Node) -> None:
    assert parse(to_text(node)) == node
