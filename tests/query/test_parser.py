import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.random_logs import normalised_trees
from tocsin.kit.errors import InvalidQuery
from tocsin.query.parser import MAX_DEPTH, MAX_LENGTH, parse
from tocsin.query.text import to_text
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
    ShapeIs,
    SpanIs,
    Substring,
    TraceIs,
)

A, B, C = Phrase(("a",)), Phrase(("b",)), Phrase(("c",))
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


@pytest.mark.parametrize(
    ("text", "start", "end", "suggestion"),
    [
        ('say "hello', 4, 10, 'say "hello"'),
        ("(a b", 0, 1, "(a b)"),
        ("((a) b", 0, 1, "((a) b)"),
        ("a) b", 1, 2, "a b"),
        ("()", 0, 2, None),
        ("a AND", 5, 5, "a"),
        ("a OR ", 5, 5, "a"),
        ("(a OR) b", 5, 6, "(a) b"),
        ("AND a", 0, 3, "a"),
        ("a AND OR b", 6, 8, "a AND b"),
        ("NOT", 3, 3, None),
        ("time*", 4, 5, "*time*"),
        ("*time x", 0, 1, "*time* x"),
        ("key:a*b", 5, 6, 'key:"a*b"'),
        ("level:ERORR x", 6, 11, "level:ERROR x"),
        ("level:purple", 6, 12, None),
        ("level:>FATAL", 6, 12, None),
        ("level: ERROR", 6, 12, "level:ERROR"),
        ("level:", 6, 6, "level:*"),
        ("!!! x", 0, 3, '*"!!!"* x'),
        ('""', 0, 2, None),
        ("severity_number:25", 16, 18, None),
        ("severity_number:0", 16, 17, None),
        ("severity_number:12..9", 16, 21, None),
        ("severity_number:>9..12", 16, 22, None),
        ("severity_number:high", 16, 20, None),
        ("service:>x", 8, 10, "service:x"),
        ("service:*ap*", 8, 12, None),
        ("key:*ap*", 4, 8, None),
        ("shape:ff", 6, 8, None),
        ("trace_id:<5", 9, 11, "trace_id:5"),
        ("duration_ms:>long", 12, 17, None),
        ("duration_ms:>1e999", 12, 18, None),
        ("duration_ms:>", 13, 13, None),
    ],
)
def test_errors_say_where_and_what_instead(text: str, start: int, end: int, suggestion: str | None) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse(text)
    assert (caught.value.start, caught.value.end, caught.value.suggestion) == (start, end, suggestion)


def test_errors_name_what_is_expected_in_plain_words() -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse("(a")
    assert caught.value.detail == "this parenthesis is never closed"
    with pytest.raises(InvalidQuery) as caught:
        parse("a OR")
    assert caught.value.expected[:4] == ("a word", "a quoted phrase", "a *substring*", "field:value")
    with pytest.raises(InvalidQuery) as caught:
        parse("level:ERORR")
    assert caught.value.expected == ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")


def test_length_has_a_limit() -> None:
    assert parse("a" * MAX_LENGTH) == Phrase(("a" * MAX_LENGTH,))
    with pytest.raises(InvalidQuery, match="4,097") as caught:
        parse("a" * (MAX_LENGTH + 1))
    assert (caught.value.start, caught.value.end) == (MAX_LENGTH, MAX_LENGTH + 1)


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
    "level",
    "service",
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
