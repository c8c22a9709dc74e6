"""What a translation says beside the query: places, notes, zones, and names that are guessed."""

from zoneinfo import ZoneInfo

import pytest

from tests.search.plain_words.cases import NOW_UNIX_NANO, VOCABULARY
from tocsin.kit.moments import nanoseconds_of_text
from tocsin.search.plain_words.contracts import Kind, KnownField, Part, Translation, Vocabulary
from tocsin.search.plain_words.slips import corrected, is_slip_of
from tocsin.search.plain_words.translator import MAX_WORDS, translate


def _translated(text: str, vocabulary: Vocabulary = VOCABULARY, *, now: int = NOW_UNIX_NANO) -> Translation:
    return translate(text, vocabulary, now_unix_nano=now)


def test_understood_pieces_say_what_they_were_taken_for() -> None:
    translation = _translated("errors from checkout since 9am")
    assert [(each.text, each.part) for each in translation.understood] == [
        ("errors", Part.LEVEL),
        ("checkout", Part.SERVICE),
        ("since 9am", Part.TIME),
    ]


def test_days_begin_at_midnight_of_the_zone_also_when_clocks_change() -> None:
    zone = ZoneInfo("America/New_York")
    # Clocks went back on 1 November 2026: that day had 25 hours.
    now = nanoseconds_of_text("2026-11-02T12:00:00Z") or 0
    translation = translate("errors yesterday", Vocabulary(), now_unix_nano=now, time_zone=zone)
    assert (translation.start, translation.end) == ("2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z")


def test_zone_decides_which_day_it_is() -> None:
    now = nanoseconds_of_text("2026-11-25T23:30:00Z") or 0
    translation = translate("today", Vocabulary(), now_unix_nano=now, time_zone=ZoneInfo("Asia/Kolkata"))
    assert translation.start == "2026-11-25T18:30:00Z"


def test_time_that_is_yet_to_come_is_that_of_yesterday() -> None:
    assert _translated("since 6pm").start == "2026-11-24T18:00:00Z"


def test_times_that_do_not_fit_together_are_reported() -> None:
    translation = _translated("errors today and 2 weeks ago")
    assert translation.start == "2026-11-25T00:00:00Z"
    assert "2 weeks ago" in {each.text for each in translation.not_understood} or translation.not_understood


def test_unit_of_a_field_without_one_is_assumed_and_said() -> None:
    vocabulary = Vocabulary(fields=(KnownField(name="latency", is_numeric=True),))
    translation = _translated("slower than 2s", vocabulary)
    assert translation.query == "latency:>2000"
    assert "milliseconds are assumed" in " ".join(translation.notes)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("sum of bytes sent per service", "sums can't be computed"),
        ("why did checkout fail", "why something happened"),
        ("slowest requests", "can't be sorted by duration_ms"),
        ("errors grouped by frobnication", "no field is called frobnication"),
        ("errors since the last deploy", "it is not known when the deploy was"),
        ("delete all logs", "a question changes nothing"),
        ("errors from service ghost", "no service named ghost"),
    ],
)
def test_what_cannot_be_is_said(text: str, note: str) -> None:
    assert note in " ".join(_translated(text).notes)


def test_without_a_vocabulary_words_are_looked_for_in_messages() -> None:
    translation = _translated("errors in checkout with status 503", Vocabulary())
    assert translation.query == "level:>=ERROR checkout 503"


def test_services_that_begin_alike_are_all_meant_unless_one_is_named() -> None:
    vocabulary = Vocabulary(services=("payment", "payment-gateway", "payment-worker"))
    assert _translated("in payment", vocabulary).query == "service:payment"
    assert _translated("in the payment gateway", vocabulary).query == "service:payment-gateway"
    family = Vocabulary(services=("payment-gateway", "payment-ledger"))
    assert _translated("in payment", family).query == "service:(payment-gateway OR payment-ledger)"


def test_new_patterns_are_marked() -> None:
    assert _translated("new patterns in cart").is_only_new
    assert not _translated("patterns in cart").is_only_new


def test_words_beyond_the_limit_are_reported() -> None:
    translation = _translated("timeout " * (MAX_WORDS + 5))
    assert len(translation.not_understood) == 5
    assert translation.kind is Kind.QUERY
    assert any("only the first" in note for note in translation.notes)


@pytest.mark.parametrize("text", ["", "errors today", "timeout " * MAX_WORDS])
def test_texts_within_the_limit_carry_no_note(text: str) -> None:
    assert _translated(text).notes == ()


def test_query_that_would_be_too_long_loses_words_and_says_so() -> None:
    words = " ".join(f"{'x' * 80}{number}" for number in range(80))
    translation = _translated(words)
    assert len(translation.query) <= 4_096
    assert translation.not_understood


@pytest.mark.parametrize("written", ["yestreday", "yesteday", "yesterdayy", "yasterday"])
def test_one_slip_is_corrected(written: str) -> None:
    assert corrected(written) == "yesterday"


@pytest.mark.parametrize("written", ["yesterday", "hour", "terror", "counter", "ystrdy"])
def test_other_words_stay_as_they_are(written: str) -> None:
    assert corrected(written) == written


@pytest.mark.parametrize(
    ("written", "is_slip"),
    [("chekout", True), ("chcekout", True), ("checkoute", True), ("checkout", False), ("chkot", False)],
)
def test_slip_is_one_letter(written: str, is_slip: bool) -> None:
    assert is_slip_of(written, "checkout") is is_slip
