"""Ranking: what relevance is, and that answers differ."""

from types import MappingProxyType

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.logmodel.masking import masked_texts, shape_of
from tocsin.patterns.contracts import Pattern, PatternCatalogue
from tocsin.search.meaning.index import PatternIndex, combined, rarity
from tocsin.search.meaning.ranking import (
    REPEAT_COST,
    Matches,
    diversified,
    lexical_shares,
    matches_of,
    meant_rows,
    ranked,
)
from tocsin.search.meaning.words import template_words, terms_of

MESSAGES = (
    "disk 1 full on node-7",
    "disk 2 full on node-8",
    "user bob logged in from 10.0.0.1",
    "user eve logged in from 10.0.0.2",
)


def index_of(*messages: str, vectors: dict[str, list[float]] | None = None) -> PatternIndex:
    """A pattern for each masked text; vectors by masked text, of two dimensions."""
    templates = dict(zip(masked_texts(messages), messages, strict=True))
    patterns = [
        Pattern(id=shape_of(message), template=template, shapes=frozenset({shape_of(message)}), first_seen_unix_nano=0)
        for template, message in templates.items()
    ]
    catalogue = PatternCatalogue(
        patterns=MappingProxyType({pattern.id: pattern for pattern in patterns}),
        pattern_ids=MappingProxyType({pattern.id: pattern.id for pattern in patterns}),
        version=1,
    )
    given_vectors = {
        template_words(template).text_hash: np.array(vector, dtype=np.float32)
        for template, vector in (vectors or {}).items()
    }
    return PatternIndex.of(catalogue, given_vectors, 2)


def matched(question: str, *messages: str) -> Matches:
    return matches_of(terms_of(question), pl.Series(["shop"] * len(messages)), pl.Series(messages))


def test_terms_match_whole_tokens_in_any_case_and_in_services() -> None:
    matches = matched("DISK node-7 use shop 10.0.0.1", *MESSAGES)
    found = {term.text: matches.found[number].tolist() for number, term in enumerate(matches.terms)}
    assert found["disk"] == [True, True, False, False]
    assert found["node 7"] == [True, False, False, False]
    assert found["use"] == [False] * 4
    assert found["shop"] == [True] * 4
    assert found["10 0 0 1"] == [False, False, True, False]


def test_a_row_with_all_that_was_asked_has_the_whole_share_and_others_less() -> None:
    index = index_of(*MESSAGES)
    matches = matched("which disk of node-7 is full?", *MESSAGES)
    shares = lexical_shares(matches, index)
    assert shares[0] == pytest.approx(1)
    assert 0 < shares[1] < 1
    assert shares[2] == shares[3] == 0


def test_a_rare_value_tells_more_than_a_frequent_one() -> None:
    messages = ["bob came", *["eve came"] * 5]
    shares = lexical_shares(matched("bob and eve", *messages), index_of(MESSAGES[0]))
    assert shares[0] > shares[1] > 0


def test_rarity_falls_with_documents_and_stays_above_nothing() -> None:
    weights = [rarity(number, of=10) for number in range(12)]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] > 0


def test_relevance_is_the_mean_and_words_alone_where_meaning_is_unknown() -> None:
    lexical, semantic = np.array([0.5, 0.5]), np.array([1.0, np.nan])
    np.testing.assert_allclose(combined(lexical, semantic), [0.75, 0.5])
    np.testing.assert_allclose(combined(lexical, None), lexical)


def test_what_means_the_same_comes_first_where_no_word_is_shared() -> None:
    index = index_of(*MESSAGES, vectors={"disk <*> full on <*>": [0, 1], "user bob logged in from <*>": [1, 0]})
    question = index.semantic(np.array([0.96, 0.28], dtype=np.float32))
    rows = pl.DataFrame({"pattern": [index.number_of_shape(shape_of(each)) for each in MESSAGES], "message": MESSAGES})
    best = ranked(rows, matched("sign-ins", *MESSAGES), index, question, 4)
    assert best[0].row == 2
    assert best[0].semantic == pytest.approx(0.96)
    assert best[0].relevance == pytest.approx(0.48)
    # The pattern of the last row has no vector: nothing is known of its meaning.
    assert next(each for each in best if each.row == 3).semantic is None


def test_rows_of_no_pattern_are_ranked_by_words() -> None:
    index = index_of(MESSAGES[0], vectors={"disk <*> full on <*>": [1, 0]})
    rows = pl.DataFrame({"pattern": [0, -1], "message": [MESSAGES[0], MESSAGES[2]]})
    semantic = index.semantic(np.array([1, 0], dtype=np.float32))
    best = ranked(rows, matched("bob", MESSAGES[0], MESSAGES[2]), index, semantic, 2)
    assert [each.row for each in best] == [1, 0]
    assert best[0].semantic is None
    assert best[0].relevance == 1


def test_values_of_the_question_mean_their_rows() -> None:
    index = index_of(*MESSAGES)
    assert meant_rows(matched("did user bob log in?", *MESSAGES), index_of(MESSAGES[0], MESSAGES[3])).tolist() == [
        False,
        False,
        True,
        False,
    ]
    assert not meant_rows(matched("disk full", *MESSAGES), index).any()


def test_another_pattern_comes_before_the_same_one_again() -> None:
    relevance = np.array([0.9, 0.9, 0.9, 0.85])
    messages = ["a 1", "a 2", "a 3", "b"]
    nobody = np.zeros(4, dtype=np.bool_)
    assert diversified(relevance, [0, 0, 0, 1], messages, nobody, 4) == [0, 3, 1, 2]
    # Rows that are meant are all shown, but for those that say the very same.
    everybody = np.ones(4, dtype=np.bool_)
    assert diversified(relevance, [0, 0, 0, 1], messages, everybody, 4) == [0, 1, 2, 3]
    assert diversified(relevance, [0, 0, 0, 1], ["a 1", "a 1", "a 3", "b"], everybody, 4) == [0, 2, 3, 1]


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from("abcdef"), st.booleans()), min_size=1, max_size=30
    ),
    st.integers(1, 40),
)
def test_diversified_takes_each_row_once_and_never_one_that_another_beats(
    rows: list[tuple[float, int, str, bool]], k: int
) -> None:
    relevance = np.array([row[0] for row in rows])
    is_meant = np.array([row[3] for row in rows])
    chosen = diversified(relevance, [row[1] for row in rows], [row[2] for row in rows], is_meant, k)
    assert len(chosen) == len(set(chosen)) == min(k, len(rows))
    assert relevance[chosen[0]] == pytest.approx(relevance.max())

    def worth(row: int, before: list[int]) -> float:
        _, pattern, message, meant = rows[row]
        repeats = sum(rows[other][2] == message for other in before)
        if not meant:
            repeats = max(repeats, sum(rows[other][1] == pattern for other in before))
        return float(relevance[row]) - REPEAT_COST * repeats

    for position, row in enumerate(chosen):
        before = chosen[:position]
        best = max(worth(other, before) for other in range(len(rows)) if other not in before)
        assert worth(row, before) == pytest.approx(best, abs=1e-6)


@given(st.lists(st.sampled_from("disk full node user bob logged in from 7 10".split()), min_size=1, max_size=6))  # noqa: SIM905
def test_shares_are_between_nothing_and_all_and_grow_with_what_a_row_has(words: list[str]) -> None:
    question = " ".join(words)
    messages = [*MESSAGES, question]
    shares = lexical_shares(matched(question, *messages), index_of(*messages))
    assert ((shares >= 0) & (shares <= 1 + 1e-9)).all()
    assert shares[-1] == shares.max()
