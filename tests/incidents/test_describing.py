"""Titles and severities."""

from hypothesis import given
from hypothesis import strategies as st

from tests.incidents.signals import SHOP, make_signal, many_signals
from tocsin.incidents.contracts import Severity, Signal
from tocsin.incidents.describing import MOST_TITLE_CHARACTERS, incident_title, severity
from tocsin.incidents.ranking import likely_causes
from tocsin.logmodel.levels import Level


@given(many_signals(), st.text(max_size=300))
def test_a_title_is_one_short_line(signals: list[Signal], title: str) -> None:
    told = [*signals, make_signal(99, "s" * 90, 0, title=title or "x", level=Level.FATAL)]
    for causes in ([], likely_causes(told, SHOP)):
        found = incident_title(told, causes)
        assert 0 < len(found) <= MOST_TITLE_CHARACTERS
        assert len(found.splitlines()) == 1


def test_a_title_says_what_and_where() -> None:
    signals = [
        make_signal(1, "payment", 0, title="charge declined"),
        make_signal(2, "checkout", 5),
        make_signal(3, "cart", 9),
    ]
    assert incident_title(signals, likely_causes(signals[:2], SHOP)) == "payment: charge declined (and 2 services)"


def test_a_title_names_a_silent_cause_by_who_names_it() -> None:
    signals = [make_signal(1, "cart", 0, title="no answer from payment")]
    causes = likely_causes(signals, SHOP)
    assert causes[0].service == "payment"
    assert incident_title(signals, causes) == "payment: named by cart: no answer from payment (and 1 service)"


def test_more_services_worse_levels_and_larger_surprises_are_more_severe() -> None:
    info = make_signal(1, "cart", 0, level=Level.INFO, score=5)
    wide = [make_signal(number, f"s{number}", 0, score=100) for number in range(5)]
    assert severity([]) is Severity.LOW
    assert severity([info]) is Severity.LOW
    assert severity([make_signal(1, "cart", 0, score=5)]) is Severity.MEDIUM
    assert severity(wide[:2]) is Severity.HIGH
    assert severity(wide) is Severity.CRITICAL
    quiet = [make_signal(number, f"s{number}", 0, level=Level.INFO, score=100) for number in range(9)]
    assert severity(quiet) is Severity.MEDIUM


def test_a_service_with_a_long_name_leaves_room_for_what_it_says() -> None:
    told = [make_signal(1, "s" * 90, 0, title="disk full", level=Level.FATAL), make_signal(2, "zebra", 0)]
    found = incident_title(told)
    assert len(found) <= MOST_TITLE_CHARACTERS
    assert found.endswith("…: disk full (and 1 service)")
