from tocsin.query.text import normalised, to_text
from tocsin.query.tree import And, Everything, MetadataIs, Node, Not, Or, Phrase, SeverityBetween, TraceIs

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


def test_text_reads_as_a_person_would_write_it() -> None:
    node = Or((And((Phrase(("connection", "refused")), SeverityBetween(17, 20))), Not(Or((A, Everything())))))
    assert to_text(node) == '("connection refused" level:ERROR) OR NOT (a OR *)'


def test_text_quotes_what_the_grammar_would_read_otherwise() -> None:
    assert to_text(MetadataIs("level", "*")) == 'metadata.level:"*"'
    assert to_text(MetadataIs("a b", 'c"d\\')) == '"a b":"c\\"d\\\\"'
