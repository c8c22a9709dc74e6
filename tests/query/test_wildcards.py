import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.query.tree import Wildcard
from tocsin.query.wildcards import is_like, normal_wildcard, wildcard_of, wildcard_text


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a*", ("a", "")),
        ("*a", ("", "a")),
        ("a*b*c", ("a", "b", "c")),
        ("**a***b", ("", "a", "b")),
        ("***", ("", "")),
        ('"a b"*c*"*"', ("a b", "c", "*")),
        (r'*"\"\\"', ("", '"\\')),
        ('""*x', ("", "x")),
    ],
)
def test_stars_outside_quotes_are_gaps(text: str, pieces: tuple[str, ...]) -> None:
    assert wildcard_of(text) == Wildcard(pieces)


@pytest.mark.parametrize(
    ("pieces", "text", "is_alike"),
    [
        (("ab", "b"), "ab", False),
        (("ab", "b"), "abb", True),
        (("a", "a", "a"), "aa", False),
        (("a", "a", "a"), "aaa", True),
        (("", "b", "b", ""), "ab", False),
        (("", "ab", "ba", ""), "aba", False),
        (("", "ab", "ba", ""), "abba", True),
        (("", ""), "", True),
        (("a", ""), "Ab", False),
        (("a", "c"), "a\nc", True),
        (("", "x"), "xy", False),
    ],
)
def test_pieces_stand_in_order_and_do_not_overlap(pieces: tuple[str, ...], text: str, is_alike: bool) -> None:
    assert is_like(text, Wildcard(pieces)) is is_alike


_pieces = st.lists(st.text("ab", max_size=2), min_size=2, max_size=5).map(tuple)


@given(_pieces, st.text("ab", max_size=8))
def test_a_text_is_like_a_wildcard_exactly_if_the_expression_finds_it(pieces: tuple[str, ...], text: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pieces)), text) is not None
    assert is_like(text, Wildcard(pieces)) is expected
    assert is_like(text, normal_wildcard(Wildcard(pieces))) is expected


@given(st.lists(st.text(), min_size=2, max_size=5).map(tuple))
def test_a_wildcard_is_itself_again_when_written_and_read(pieces: tuple[str, ...]) -> None:
    wildcard = normal_wildcard(Wildcard(pieces))
    assert wildcard_of(wildcard_text(wildcard)) == wildcard
