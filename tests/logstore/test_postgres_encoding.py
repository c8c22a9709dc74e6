"""What PostgreSQL is given, and what is made of its answers."""

import csv
import io

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.support.logs import log_batch
from tests.support.random_logs import messages
from tocsin.logstore.backends.postgres.encoding import (
    copy_lines,
    escaped,
    fields_texts,
    found_only_where_it_is,
    signed,
    unescaped,
    word_hashes,
)
from tocsin.logstore.backends.postgres.schema import INCOMING_COLUMNS
from tocsin.query.tokens import tokens_of

awkward_texts = st.text(st.sampled_from("\x00\x01\x02\x03ab"), max_size=6)


def _incoming(rows: list[dict[str, object]]) -> list[dict[str, str]]:
    lines = copy_lines(log_batch(rows)).decode()
    return list(csv.DictReader(io.StringIO(lines, newline=""), fieldnames=["position", *INCOMING_COLUMNS]))


@given(awkward_texts | st.text())
def test_a_text_comes_back_when_it_was_escaped(text: str) -> None:
    assert "\x00" not in escaped(text)
    assert unescaped(escaped(text)) == text


@given(awkward_texts, awkward_texts)
def test_escaped_texts_have_the_order_of_the_texts(one: str, other: str) -> None:
    assert (escaped(one) < escaped(other)) == (one < other)


@given(awkward_texts, awkward_texts)
def test_a_part_is_found_wherever_it_is_and_elsewhere_only_where_that_is_said(part: str, text: str) -> None:
    found = escaped(part) in escaped(text)
    assert found or part not in text
    assert part in text or not found or not found_only_where_it_is(part)


@given(st.lists(messages | st.text(), min_size=1, max_size=4))
def test_a_message_has_the_words_of_its_tokens(texts: list[str]) -> None:
    for row, text in zip(_incoming([{"message": text} for text in texts]), texts, strict=True):
        words = [int(word) for word in row["words"].strip("{}").split(",") if word]
        assert sorted(words) == sorted(word_hashes(set(tokens_of(text))))


def test_fields_are_texts_whatever_the_values_are() -> None:
    metadata = {"a": 1.0, "b": 10**18, "c": True, "d": None, "e": "x", "f": "\u2028", "g": 1e300}
    [text] = fields_texts([msgspec.json.encode(metadata).decode()])
    expected = {"a": "1.0", "b": "1000000000000000000", "c": "true", "d": "null", "e": "x", "f": "\u2028", "g": "1e300"}
    assert msgspec.json.decode(text) == expected


def test_fields_are_escaped_when_they_hold_nul() -> None:
    metadata = ['{"a\\u0000":"b\\u0001"}', '{"a":"\\\\u0000"}']
    assert [msgspec.json.decode(text) for text in fields_texts(metadata)] == [
        {"a\x01\x02": "b\x01\x03"},
        {"a": "\\u0000"},
    ]


def test_the_largest_numbers_keep_their_bits() -> None:
    assert [signed(number) for number in (0, 2**63 - 1, 2**63, 2**64 - 1)] == [0, 2**63 - 1, -(2**63), -1]


def test_an_empty_batch_has_no_lines() -> None:
    assert copy_lines(log_batch([])) == b""
