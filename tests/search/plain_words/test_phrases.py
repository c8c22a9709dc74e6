"""The tables of phrases: what people say, and what it must become."""

import pytest

from tests.search.plain_words.cases import NOW_UNIX_NANO, VOCABULARY, Case
from tests.search.plain_words.differences import differences
from tests.search.plain_words.phrases_of_numbers import NUMBERS
from tests.search.plain_words.phrases_of_queries import QUERIES
from tocsin.search.plain_words.translator import translate


@pytest.mark.parametrize("case", [*QUERIES, *NUMBERS], ids=lambda case: case.text)
def test_phrase_becomes_what_it_means(case: Case) -> None:
    translation = translate(case.text, VOCABULARY, now_unix_nano=NOW_UNIX_NANO)
    assert differences(case, translation) == {}
