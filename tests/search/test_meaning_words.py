"""The words of questions and templates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.query.tokens import tokens_of
from tocsin.search.meaning.words import FUNCTION_WORDS, MAX_TERMS, Term, readable, template_words, terms_of


@pytest.mark.parametrize(
    ("question", "wholes", "words"),
    [
        ("why did it fail?", [], ["fail"]),
        ("What happened at 10.0.0.1:80?", ["10 0 0 1 80", "10 0 0 1"], ["happened", "10", "0", "1", "80"]),
        ("Where is blk_-1608999687?", ["blk_ 1608999687"], ["blk_", "1608999687"]),
        ("the user's order (4711), please", [], ["user", "order", "4711"]),
        ("", [], []),
    ],
)
def test_a_question_is_taken_apart(question: str, wholes: list[str], words: list[str]) -> None:
    terms = terms_of(question)
    assert [term.text for term in terms if len(term.tokens) > 1] == wholes
    assert [term.text for term in terms if len(term.tokens) == 1] == words


def test_parts_of_longer_terms_know_that_they_are() -> None:
    parts = {term.text for term in terms_of("port 22 of 10.0.0.1:22") if term.is_part}
    assert parts == {"10 0 0 1", "22", "10", "0", "1"}


@given(st.text(max_size=200))
def test_terms_are_made_of_the_questions_tokens_and_miss_none_that_tells(question: str) -> None:
    terms = terms_of(question)
    tokens = set(tokens_of(question))
    assert len(terms) <= MAX_TERMS
    assert len(set(terms)) == len(terms)
    assert all(set(term.tokens) <= tokens for term in terms)
    if len(terms) < MAX_TERMS:
        assert {token for term in terms for token in term.tokens} >= tokens - FUNCTION_WORDS


def test_a_term_contains_what_stands_in_it_side_by_side() -> None:
    term = Term(("10", "0", "0", "1"))
    assert term.contains(Term(("0", "1")))
    assert not term.contains(Term(("10", "1")))
    assert not term.contains(term)


def test_templates_read_as_their_constant_words() -> None:
    template = "Failed password for <*> from <ip>:<num> [ssh2]"
    assert readable(template) == "Failed password for from ssh2"
    assert template_words(template).constants == {"failed", "password", "for", "from", "ssh2"}
    # What is embedded is the same, whatever stands in the place.
    assert template_words(template).text_hash == template_words(template.replace("<ip>", "<*>")).text_hash
    assert template_words(template).text_hash != template_words("Accepted password").text_hash
