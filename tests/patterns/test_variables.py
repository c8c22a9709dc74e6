"""The values of a pattern's variables, by columns."""

from collections.abc import Sequence

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.logmodel.masking import masked_texts, shapes
from tocsin.patterns import variables
from tocsin.patterns.clustering.clusterer import PatternClusterer
from tocsin.patterns.contracts import ShapeText
from tocsin.patterns.variables import NAME_CHARACTERS, values_of, variables_of


def _values(template: str, messages: Sequence[str]) -> list[list[str | None]]:
    numbers = pl.select(shapes(pl.lit(pl.Series(messages, dtype=pl.String)))).to_series()
    columns = values_of(template, pa.array(messages, pa.large_string()), numbers.to_arrow())
    return [column.to_pylist() for column in columns]


def test_values_are_parts_that_were_masked_and_words_that_were_not() -> None:
    messages = ["user ann from 10.0.0.1:80 took 12 ms", "user bob from 10.0.0.2 took 3.5 s", "user ann from x took 1 s"]
    assert _values("user <*> from <ip> took <duration>", messages) == [
        ["ann", "bob", "ann"],
        ["10.0.0.1:80", "10.0.0.2", "x"],
        ["12 ms", "3.5 s", "1 s"],
    ]


def test_values_of_various_numbers_of_words_are_whole() -> None:
    messages = ["error: a b c (code 7)", "error: none (code 8)", "error: at 5 of 6 (code 9)"]
    assert _values("error: <*> (code <num>)", messages) == [["a b c", "none", "at 5 of 6"], ["7", "8", "9"]]


def test_a_message_that_does_not_fit_has_no_values() -> None:
    messages = ["connect 5", "something else", "connect 6"]
    assert _values("connect <num>", messages) == [["5", None, "6"]]
    assert _values("connect <num> to <ip>", messages) == [[None] * 3, [None] * 3]


def test_messages_of_several_lines_and_other_white_space_fit() -> None:
    messages = ["failed after 3 tries\n  at Main.run(Main.java:12)\n\tat Main.main(Main.java:3)"]
    template = "failed after <num> tries at Main.run(<host>) at Main.main(<host>)"
    assert _values(template, messages) == [["3"], ["Main.java:12"], ["Main.java:3"]]


def test_a_mask_that_a_message_spells_out_does_not_shift_the_values_of_others() -> None:
    assert _values("set <*> to <num>", ["set 1 to 2", "set <*> to 3"]) == [["1", None], ["2", None]]


def test_a_message_with_the_mark_of_alignment_in_it_has_no_values() -> None:
    assert _values("a <num>", ["a \uf8fe 5"]) == [[None]]


def test_no_messages_and_no_wildcards_have_no_values() -> None:
    assert _values("took <num> of <num>", []) == [[], []]
    assert _values("started", ["started"]) == []


_VALUES = st.one_of(
    st.integers(0, 99_999).map(str),
    st.sampled_from(["10.1.2.3:443", "/var/log/a.log", "0x1f", "5c0f9d3e-0000-4000-8000-0123456789ab", "2026-01-02"]),
    st.text("qrstuv", min_size=1, max_size=5),
    st.tuples(st.text("qrs", min_size=1, max_size=3), st.integers(0, 99)).map(lambda pair: f"{pair[0]} {pair[1]} ms"),
)


@given(words=st.lists(st.sampled_from(["alpha", "beta:", "(gamma)", "delta ="]), max_size=4), data=st.data())
def test_values_that_were_put_into_a_template_are_taken_out_again(words: list[str], data: st.DataObject) -> None:
    template = "".join(f"{word} <*> " for word in words).rstrip()
    rows = data.draw(st.lists(st.tuples(*[_VALUES for _ in words]), min_size=1, max_size=8))
    messages = [" ".join(f"{word} {value}" for word, value in zip(words, row, strict=True)) for row in rows]
    assert _values(template, messages) == [list(column) for column in zip(*rows, strict=True)]


def test_all_members_of_a_cluster_fit_its_template() -> None:
    messages = [
        f'{verb} {{"user": "{user}", "took": {number}, "tags": []}} from {number}.0.0.{number % 7}\n  x={user}'
        for number, verb in enumerate(["get", "put", "patch", "delete", "head", "options"] * 5)
        for user in (f"u{number}", "ann")
    ]
    clusterer = PatternClusterer()
    numbers = pl.select(shapes(pl.lit(pl.Series(messages)))).to_series().to_list()
    clusterer.add(map(ShapeText, numbers, masked_texts(messages), messages))
    shape_of = dict(zip(messages, numbers, strict=True))
    for cluster in clusterer.clusters():
        members = [message for message in messages if shape_of[message] in cluster.shapes]
        columns = _values(cluster.template, members)
        assert columns
        assert all(None not in column for column in columns)


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("took <duration> for <num> rows", ["took", "for"]),
        ("user=<*> id: <num> 'name': u'<*>' {\"http.status\": <num>}", ["user", "id", "name", "http.status"]),
        ("<ip> <num> <*>", ["ip", "num", "value"]),
        ("from <ip> from <ip> from_2 <num>", ["from", "from_2", "from_2_2"]),
        ("oslo.service.manager [<uuid>]", ["manager"]),
        ("GET <path> 7 <num>", ["GET", "num"]),
        ('"first name": "<*>"', ["first name"]),
    ],
)
def test_a_variable_is_called_by_its_key_the_word_before_it_or_its_type(template: str, names: list[str]) -> None:
    assert [each.name for each in variables_of(template)] == names


def test_a_variable_is_not_called_by_a_word_far_before_it() -> None:
    # Expressions that look for names everywhere would take minutes for the second.
    for far in (f"user{'.' * NAME_CHARACTERS}", f"{'a' * 900}{'-' * 900} é. {'.' * NAME_CHARACTERS}"):
        assert [each.name for each in variables_of(f"{far}<num>")] == ["num"]


def test_shapes_with_few_messages_have_no_values_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variables, "MAX_ALIGNMENT_WORK", len("user ann is in"))
    assert _values("user <*> is in", ["user bo is in", "user ann is in", "user ann is in"]) == [[None, "ann", "ann"]]


def test_a_variable_has_its_wildcards_type() -> None:
    assert [each.type for each in variables_of("a <*> b <ip> c <module>")] == ["*", "ip"]
