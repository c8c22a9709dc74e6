import polars as pl
import pytest

from tests.incidents.traces.shop import Abort, Fault, Trace, no_fault, traces
from tocsin.incidents.traces.causes import blamed, causes_in_traces
from tocsin.incidents.traces.clues import PastTraces

PAST = [PastTraces(profile=traces(seed)) for seed in range(4)]


def slow(slow_service: str, milliseconds: float) -> Fault:
    def fault(trace: Trace, service: str, event: str) -> bool:
        trace.at += milliseconds if service == slow_service else 0.0
        return False

    return fault


def raising(raising_service: str, at: str) -> Fault:
    def fault(trace: Trace, service: str, event: str) -> bool:
        if (service, event) == (raising_service, at):
            raise Abort
        return False

    return fault


def silent(silent_service: str) -> Fault:
    return lambda trace, service, event: service == silent_service


def wrong(wrong_service: str, at: str) -> Fault:
    def fault(trace: Trace, service: str, event: str) -> bool:
        if (service, event) == (wrong_service, at):
            trace.log(service, "nothing found")
            return True
        return False

    return fault


@pytest.mark.parametrize("service", ["depot", "stock", "cart", "pay"])
@pytest.mark.parametrize("milliseconds", [20.0, 1000.0])
def test_a_slow_service_is_found_below_all_that_wait_for_it(service: str, milliseconds: float) -> None:
    causes = causes_in_traces(traces(100, slow(service, milliseconds)), PAST)
    assert causes[0].service == service
    assert "ms between" in causes[0].reasons[0]


@pytest.mark.parametrize(("service", "at"), [("depot", "shelf counted"), ("stock", "answered"), ("cart", "priced")])
def test_the_service_that_raises_is_found_though_all_callers_fail_too(service: str, at: str) -> None:
    assert causes_in_traces(traces(101, raising(service, at)), PAST)[0].service == service


@pytest.mark.parametrize("service", ["depot", "pay"])
def test_a_callee_that_leaves_no_line_is_found_though_its_caller_goes_on(service: str) -> None:
    causes = causes_in_traces(traces(102, silent(service)), PAST)
    assert causes[0].service == service
    assert any(f"nothing of {service}" in reason for reason in causes[0].reasons)


@pytest.mark.parametrize(("service", "at"), [("depot", "shelf counted"), ("stock", "asked"), ("web", "paying")])
def test_an_unexpected_event_speaks_against_who_logs_it(service: str, at: str) -> None:
    causes = causes_in_traces(traces(103, wrong(service, at)), PAST)
    assert causes[0].service == service
    assert any("nothing found" in reason for reason in causes[0].reasons)


def test_a_calm_time_speaks_against_nobody() -> None:
    for seed in range(200, 210):
        assert all(cause.strength < 5 for cause in causes_in_traces(traces(seed), PAST))


def test_load_that_makes_all_slower_speaks_against_nobody() -> None:
    def loaded(trace: Trace, service: str, event: str) -> bool:
        trace.at += 4.0
        return False

    assert all(cause.strength < 5 for cause in causes_in_traces(traces(104, loaded, healthy=0), PAST))


def test_what_an_earlier_time_showed_too_is_no_clue() -> None:
    again = [*PAST, PastTraces(profile=traces(105, wrong("stock", "asked")))]
    now = traces(106, wrong("stock", "asked"))
    assert causes_in_traces(now, PAST)[0].strength > 15
    assert all(cause.strength < 5 for cause in causes_in_traces(now, again))


def test_a_service_is_not_compared_with_a_time_in_which_it_was_blamed() -> None:
    earlier = traces(105, wrong("stock", "asked"))
    whom = blamed(causes_in_traces(earlier, PAST))
    assert whom == {"stock"}
    causes = causes_in_traces(traces(106, wrong("stock", "asked")), [*PAST, PastTraces(profile=earlier, blamed=whom)])
    assert causes[0].service == "stock"
    assert causes[0].strength > 15


def test_without_other_times_or_traces_nothing_is_said() -> None:
    assert causes_in_traces(traces(107, slow("stock", 500.0)), []) == []
    empty = traces(0, no_fault, requests=0)
    assert causes_in_traces(empty, PAST) == []
    assert causes_in_traces(empty, [PastTraces(profile=empty)]) == []
    assert blamed([]) == frozenset()


def test_shares_add_up_and_the_order_of_the_past_does_not_matter() -> None:
    now = traces(108, slow("stock", 500.0))
    forth, back = causes_in_traces(now, PAST), causes_in_traces(now, PAST[::-1])
    assert sum(cause.share for cause in forth) == pytest.approx(1.0, abs=0.001)
    assert [cause.service for cause in forth] == [cause.service for cause in back]
    assert [cause.strength for cause in forth] == pytest.approx([cause.strength for cause in back])


def test_a_new_service_and_a_gone_one_are_no_trouble_for_the_comparison() -> None:
    renamed = traces(109)
    swapped = PastTraces(
        profile=type(renamed)(
            reached=renamed.reached.with_columns(pl.col("service").replace("pay", "billing")),
            steps=renamed.steps.with_columns(pl.col("service").replace("pay", "billing")),
            calls=renamed.calls.with_columns(pl.col("callee").replace("pay", "billing")),
            gaps=renamed.gaps.with_columns(pl.col("service", "before_service").replace("pay", "billing")),
        )
    )
    assert causes_in_traces(traces(110, slow("stock", 500.0)), [*PAST, swapped])[0].service == "stock"
