"""The tables of phrases: what people say, and what it must become."""

import pytest

from tests.search.plain_words.cases import NOW_UNIX_NANO, VOCABULARY, Case
from tests.search.plain_words.differences import differences
from tests.search.plain_words.known_wrong import KNOWN_WRONG
from tests.search.plain_words.phrases_learnt import LEARNT_QUERIES
from tests.search.plain_words.phrases_learnt_differences import LEARNT_DIFFERENCES
from tests.search.plain_words.phrases_learnt_numbers import LEARNT_NUMBERS
from tests.search.plain_words.phrases_of_a_newcomer import NEWCOMERS, NEWCOMERS_VOCABULARY
from tests.search.plain_words.phrases_of_numbers import NUMBERS
from tests.search.plain_words.phrases_of_queries import QUERIES
from tocsin.search.plain_words.translator import translate


def _differences(case: Case) -> dict[str, tuple[object, object]]:
    return differences(case, translate(case.text, VOCABULARY, now_unix_nano=NOW_UNIX_NANO))


@pytest.mark.parametrize("case", [*QUERIES, *NUMBERS], ids=lambda case: case.text)
def test_phrase_becomes_what_it_means(case: Case) -> None:
    assert _differences(case) == {}


@pytest.mark.parametrize("case", [*LEARNT_QUERIES, *LEARNT_NUMBERS, *LEARNT_DIFFERENCES], ids=lambda case: case.text)
def test_learnt_phrase_stays_learnt(case: Case) -> None:
    assert _differences(case) == {}


@pytest.mark.parametrize("case", NEWCOMERS, ids=lambda case: case.text)
def test_names_that_are_nouns_too_are_told_apart(case: Case) -> None:
    assert differences(case, translate(case.text, NEWCOMERS_VOCABULARY, now_unix_nano=NOW_UNIX_NANO)) == {}


@pytest.mark.parametrize("case", KNOWN_WRONG, ids=lambda case: case.text)
@pytest.mark.xfail(reason="known to be translated wrongly", strict=True)
def test_known_wrong_phrase(case: Case) -> None:
    assert _differences(case) == {}
