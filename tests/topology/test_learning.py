import pytest

from tocsin.topology import learning
from tocsin.topology.contracts import CallCount
from tocsin.topology.learning import HALF_LIFE_SECONDS, SeenCall, graph_of, learned, shown_by

NOW = 1_764_763_200_000_000_000
HALF_LIFE = HALF_LIFE_SECONDS * 10**9
PAIR, OTHER = ("web", "cart"), ("web", "auth")


def test_what_was_seen_counts_half_after_the_half_life() -> None:
    seen = learned({}, {PAIR: CallCount(8.0, 4.0, 2.0)}, now_unix_nano=NOW)
    graph = graph_of(seen, now_unix_nano=NOW + HALF_LIFE)
    assert graph.calls[PAIR] == pytest.approx(4.0)
    assert graph.failed_share(*PAIR) == pytest.approx(0.5)
    again = learned(seen, {PAIR: CallCount(1.0)}, now_unix_nano=NOW + HALF_LIFE)
    assert again[PAIR] == SeenCall(CallCount(5.0, 2.0, 1.0), NOW + HALF_LIFE)


def test_a_call_that_is_not_seen_any_more_is_forgotten() -> None:
    seen = learned({}, {PAIR: CallCount(1.0)}, now_unix_nano=NOW)
    assert PAIR in learned(seen, {OTHER: CallCount(1.0)}, now_unix_nano=NOW + 6 * HALF_LIFE)
    assert PAIR not in learned(seen, {OTHER: CallCount(1.0)}, now_unix_nano=NOW + 7 * HALF_LIFE)


def test_no_more_calls_are_remembered_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MOST_CALLS", 1)
    assert learned({}, {PAIR: CallCount(1.0), OTHER: CallCount(2.0)}, now_unix_nano=NOW).keys() == {OTHER}


def test_rare_calls_of_both_sides_are_taken_for_errors() -> None:
    counts = {("web", "cart"): CallCount(100.0), ("auth", "cart"): CallCount(1.0), ("web", "auth"): CallCount(100.0)}
    assert shown_by(counts).calls.keys() == {("web", "cart"), ("web", "auth")}
    rare = counts | {("cron", "cart"): CallCount(1.0)}
    assert ("cron", "cart") in shown_by(rare).calls, "all that its caller does is real"


def test_calls_through_silent_services_are_taken_for_indirect_ones() -> None:
    counts = {
        ("web", "cart"): CallCount(100.0),
        ("cart", "stock"): CallCount(90.0),
        ("web", "stock"): CallCount(8.0, indirect=90.0),
    }
    assert ("web", "stock") not in shown_by(counts).calls
    counts["web", "stock"] = CallCount(20.0, indirect=90.0)
    assert ("web", "stock") in shown_by(counts).calls


def test_few_calls_the_other_way_round_are_taken_for_errors() -> None:
    counts = {("web", "cart"): CallCount(10.0), ("cart", "web"): CallCount(1.0)}
    assert shown_by(counts).calls.keys() == {("web", "cart")}
    counts["cart", "web"] = CallCount(3.0)
    assert shown_by(counts).calls.keys() == {("web", "cart"), ("cart", "web")}
