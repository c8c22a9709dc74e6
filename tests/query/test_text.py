import pytest

from tocsin.query.parser import parse
from tocsin.query.text import normalised, to_text
from tocsin.query.tokens import TOKEN_CLASS
from tocsin.query.tree import (
    And,
    Everything,
    Matches,
    MetadataExists,
    MetadataIs,
    MetadataLike,
    MetadataMatches,
    Node,
    Not,
    Operator,
    Or,
    Phrase,
    ServiceLike,
    SeverityBetween,
    Substring,
    TimestampCompares,
    TraceIs,
    Wildcard,
    WordLike,
)

A, B, C = Phrase(("a",)), Phrase(("b",)), Phrase(("c",))


def test_normalised_takes_nested_nodes_of_one_kind_apart() -> None:
    assert normalised(And((A, And((B, And((C, A))))))) == And((A, B, C, A))
    assert normalised(Or((Or((A, B)), C))) == Or((A, B, C))
    assert normalised(Not(And((A, And((B, C)))))) == Not(And((A, B, C)))


def test_normalised_keeps_nodes_of_other_kinds_apart() -> None:
    node: Node = And((A, Or((B, And((A, C))))))
    assert normalised(node) == node


def test_normalised_lower_cases_hexadecimal_ids_only() -> None:
    assert normalised(TraceIs("ABCDEF")) == TraceIs("abcdef")
    assert normalised(TraceIs("XYZ")) == TraceIs("XYZ")


def test_normalised_says_with_the_simplest_node_what_a_wildcard_or_expression_says() -> None:
    anything = Wildcard(("", "", ""))
    assert normalised(WordLike(Wildcard(("", "", "a", "")))) == Substring("a")
    assert normalised(WordLike(Wildcard(("a", "", "b")))) == WordLike(Wildcard(("a", "b")))
    assert normalised(WordLike(anything)) == Matches(TOKEN_CLASS)
    assert normalised(ServiceLike(anything)) == Everything()
    assert normalised(MetadataLike("k", anything)) == MetadataExists("k")
    assert normalised(Matches("")) == Everything()
    assert normalised(MetadataMatches("k", "")) == MetadataExists("k")
    assert normalised(Matches(r"a\/b\\/")) == Matches(r"a/b\\/")


def test_text_reads_as_a_person_would_write_it() -> None:
    node = Or((And((Phrase(("connection", "refused")), SeverityBetween(17, 20))), Not(Or((A, Everything())))))
    assert to_text(node) == '("connection refused" level:ERROR) OR NOT (a OR *)'


def test_text_quotes_what_the_grammar_would_read_otherwise() -> None:
    assert to_text(MetadataIs("level", "*")) == 'metadata.level:"*"'
    assert to_text(MetadataIs("a b", 'c"d\\')) == '"a b":"c\\"d\\\\"'
    assert to_text(MetadataIs("version", "1..2")) == 'version:"1..2"'
    assert to_text(MetadataLike("k", Wildcard(("a b", "*", "")))) == 'k:"a b"*"*"*'
    assert to_text(MetadataMatches("timestamp", "a/b")) == r"metadata.timestamp:/a\/b/"


@pytest.mark.parametrize(
    ("unix_nano", "written"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_795_262_400_500_000_000, "2026-11-21T12:00:00.5Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (-62_135_596_800 * 10**9, "0001-01-01T00:00:00Z"),
        (253_402_300_799 * 10**9 + 1, "9999-12-31T23:59:59.000000001Z"),
    ],
)
def test_times_are_written_to_the_nanosecond(unix_nano: int, written: str) -> None:
    node = TimestampCompares(Operator.LESS_OR_EQUAL, unix_nano)
    assert to_text(node) == f"timestamp:<={written}"
    assert parse(to_text(node)) == node
