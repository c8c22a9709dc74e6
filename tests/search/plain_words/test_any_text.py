"""Whatever is said: a translation comes, it can be asked, and every word is accounted for."""

from datetime import UTC
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.search.plain_words.cases import NOW_UNIX_NANO, VOCABULARY
from tests.search.plain_words.phrases_of_numbers import NUMBERS
from tests.search.plain_words.phrases_of_queries import QUERIES
from tocsin.query.parser import parse
from tocsin.search.field_names import field_named
from tocsin.search.measures import measure_named
from tocsin.search.plain_words.contracts import Kind, NotUnderstood, Translation, Understood, Vocabulary
from tocsin.search.plain_words.translator import translate
from tocsin.search.time_expressions import duration_seconds, time_range

_WORDS = sorted({word for case in (*QUERIES, *NUMBERS) for word in case.text.split()})
_PHRASES = st.lists(st.sampled_from(_WORDS) | st.text(max_size=8), max_size=14).map(" ".join)
_ZONES = st.sampled_from([UTC, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), ZoneInfo("Pacific/Apia")])
_MOMENTS = st.integers(min_value=0, max_value=4 * 10**18) | st.just(NOW_UNIX_NANO)


def check_that_it_can_be_asked(translation: Translation, now_unix_nano: int) -> None:
    parse(translation.query)
    if translation.start or translation.end:
        time_range(translation.start, translation.end, now_unix_nano=now_unix_nano)
    if translation.kind is Kind.AGGREGATE:
        assert translation.measures
        for measure in translation.measures:
            measure_named(measure)
        for name in translation.by:
            assert name == "pattern" or field_named(name)
        if translation.interval not in {None, "auto"}:
            duration_seconds(translation.interval or "")
    if translation.limit is not None:
        assert 1 <= translation.limit <= 1_000
    if translation.kind is Kind.COMPARISON:
        assert (translation.baseline is None) == (translation.baseline_start is not None)
        if translation.baseline_start:
            time_range(translation.baseline_start, translation.baseline_end, now_unix_nano=now_unix_nano)


@settings(max_examples=400, deadline=None)
@given(text=_PHRASES | st.text(), zone=_ZONES, now_unix_nano=_MOMENTS)
@example("between 9999-12-31 and 0001-01-01", UTC, NOW_UNIX_NANO)
@example("errors 0 hours ago last 0 minutes since 99:99 p0 of duration_ms", UTC, NOW_UNIX_NANO)
@example("last 999999 years", UTC, 0)
@example("duration_ms > over 5 and latency < >= 7", UTC, NOW_UNIX_NANO)
@example('a" "" \'\' “” *:* level: service:( -', UTC, NOW_UNIX_NANO)
def test_any_text_becomes_something_that_can_be_asked(text: str, zone: ZoneInfo, now_unix_nano: int) -> None:
    for vocabulary in (VOCABULARY, Vocabulary()):
        translation = translate(text, vocabulary, now_unix_nano=now_unix_nano, time_zone=zone)
        check_that_it_can_be_asked(translation, now_unix_nano)


@settings(max_examples=200, deadline=None)
@given(_PHRASES)
def test_places_are_those_of_the_text(text: str) -> None:
    translation = translate(text, VOCABULARY, now_unix_nano=NOW_UNIX_NANO)
    places: list[Understood | NotUnderstood] = [*translation.understood, *translation.not_understood]
    for each in places:
        assert each.text == text[each.start : each.end] != ""


@settings(max_examples=200, deadline=None)
@given(_PHRASES, st.text(alphabet="bcdfghjkz", min_size=9, max_size=12))
def test_a_word_that_nobody_knows_is_looked_for_or_reported(text: str, word: str) -> None:
    said = f"{text} {word}"
    translation = translate(said, VOCABULARY, now_unix_nano=NOW_UNIX_NANO)
    where = len(said) - 1
    accounted: list[Understood | NotUnderstood] = [*translation.understood, *translation.not_understood]
    assert any(each.start <= where < each.end for each in accounted)


@settings(max_examples=100, deadline=None)
@given(_PHRASES)
def test_the_same_text_means_the_same(text: str) -> None:
    first, second = (translate(text, VOCABULARY, now_unix_nano=NOW_UNIX_NANO) for _ in range(2))
    assert first == second
