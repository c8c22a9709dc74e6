"""What an incident is said to come from."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.incidents.signals import NOW, SECOND, SHOP, calls, make_signal, many_signals
from tocsin.incidents.contracts import Deploy, Signal
from tocsin.incidents.ranking import MOST_CAUSES, likely_causes
from tocsin.topology.contracts import CallGraph


@given(many_signals(), st.randoms())
def test_scores_add_up_to_at_most_one_and_order_does_not_matter(signals: list[Signal], random: Random) -> None:
    causes = likely_causes(signals, SHOP)
    assert len(causes) <= MOST_CAUSES
    assert sum(cause.score for cause in causes) <= 1
    assert [cause.score for cause in causes] == sorted((cause.score for cause in causes), reverse=True)
    shuffled = list(signals)
    random.shuffle(shuffled)
    assert likely_causes(shuffled, SHOP) == causes


def test_nothing_is_said_of_signals_without_a_service() -> None:
    assert likely_causes([make_signal(1, None, 0)], SHOP) == []


def test_the_deepest_of_the_affected_is_likelier_than_who_complained_first() -> None:
    signals = [make_signal(1, "checkout", 0), make_signal(2, "payment", 10), make_signal(3, "gateway", 3)]
    [first, *_] = likely_causes(signals, SHOP)
    assert first.service == "payment"
    assert "2 of 2 other affected services depend on it" in first.reasons


def test_a_service_that_is_silent_while_its_callers_name_it_is_the_cause() -> None:
    graph = calls("gateway>search", "gateway>cart", "gateway>mail", "search>catalog")
    signals = [
        make_signal(1, "gateway", 0, title="upstream timed out, upstream: http://search:8080"),
        make_signal(2, "mail", 5, title="could not reach search"),
    ]
    [first, *_] = likely_causes(signals, graph)
    assert first.service == "search"
    assert "it says nothing itself" in first.reasons


def test_a_deploy_just_before_decides_between_equals() -> None:
    signals = [make_signal(1, "cart", 0), make_signal(2, "mail", 0)]
    deploy = Deploy(service="mail", version="2.0", at_unix_nano=NOW - 60 * SECOND)
    late = Deploy(service="cart", version="3.0", at_unix_nano=NOW + 600 * SECOND)
    [first, second] = likely_causes(signals, SHOP, [deploy, late])
    assert (first.service, first.deploy) == ("mail", "2.0")
    assert "version 2.0 was deployed 60 s before" in first.reasons
    assert second.deploy is None
    assert likely_causes(signals, SHOP)[0].score == likely_causes(signals, SHOP)[1].score


def test_the_pattern_of_a_cause_is_its_strongest() -> None:
    signals = [make_signal(1, "cart", 0, pattern=5, score=3), make_signal(2, "cart", 9, pattern=6, score=200)]
    assert likely_causes(signals, CallGraph())[0].pattern == 6


def test_services_that_only_have_less_to_do_are_no_cause() -> None:
    graph = calls("gateway>cart", "gateway>checkout", "checkout>cart", "checkout>payment", "cart>inventory")
    signals = [
        make_signal(1, "cart", 0, kind="silence", score=200.0),
        make_signal(2, "gateway", 3, title="upstream timed out", score=100.0),
        make_signal(3, "inventory", -10, kind="missing_step", pattern=7, score=30.0),
        make_signal(4, "payment", -10, kind="silence", score=28.0),
        make_signal(5, "checkout", -5, kind="missing_step", pattern=8, score=30.0),
    ]
    [first, *_] = likely_causes(signals, graph)
    assert first.service == "cart"
    assert "it says nothing any more" in first.reasons


def test_a_name_that_one_of_many_signals_has_by_chance_is_no_cause() -> None:
    graph = calls("gateway>checkout", "checkout>cart", "checkout>payment")
    signals = [
        make_signal(1, "checkout", 0, title="cannot get connection from pool", score=40.0),
        make_signal(2, "checkout", 5, title="request aborted", score=40.0),
        make_signal(3, "checkout", 9, title="failed to place order for cart", score=10.0),
        make_signal(4, "gateway", 9, title="upstream timed out", score=14.0),
    ]
    assert likely_causes(signals, graph)[0].service == "checkout"
