from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.topology.calls import calls_of
from tocsin.topology.learning import shown_by
from tocsin.topology.spans import MOST_PAIRS, MOST_SPANS, MOST_TRACES, spans_of

MS = 1_000_000
SCHEMA = dict.fromkeys(("trace_id", "span_id", "service", "parent_span_id"), pl.String) | {
    "timestamp": pl.Int64,
    "began": pl.Int64,
    "is_error": pl.Boolean,
}


def span(
    span_id: str,
    service: str,
    start: float,
    end: float | None = None,
    *,
    trace: str = "t",
    parent: str = "",
    is_error: bool = False,
    duration: float = 0,
) -> pl.DataFrame:
    """A span with a log at its start and one at its end, or one log that may name a duration; in milliseconds."""
    moments = [start] if end is None else [start, end]
    rows = [
        (trace, span_id, service, parent, int(at * MS), int((at - duration) * MS), is_error and at == moments[-1])
        for at in moments
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def counted(*spans: pl.DataFrame) -> dict[tuple[str, str], float]:
    return {pair: round(count.calls) for pair, count in calls_of(pl.concat(spans)).items() if count.calls > 0.5}


def test_the_tightest_enclosing_service_is_the_caller() -> None:
    nested = [span("1", "web", 0, 100), span("2", "cart", 20, 80), span("3", "stock", 40, 60)]
    assert counted(*nested) == {("web", "cart"): 1, ("cart", "stock"): 1}


def test_services_that_follow_each_other_are_called_by_the_one_around_both() -> None:
    apart = [span("1", "web", 0, 100), span("2", "cart", 20, 40), span("3", "stock", 60, 80)]
    assert counted(*apart) == {("web", "cart"): 1, ("web", "stock"): 1}


def test_a_caller_that_logs_its_end_alone_is_found() -> None:
    traces = [
        pl.concat([span("1", "web", 100, trace=name), *(span(each, each, 20, 80, trace=name) for each in services)])
        for name, services in (("a", ["cart"]), ("b", ["cart"]), ("c", ["auth"]))
    ]
    assert counted(*traces) == {("web", "cart"): 2, ("web", "auth"): 1}


def test_a_duration_says_when_a_span_began() -> None:
    """Without it the web's only log comes after all others, and so does the cart's after the stock's."""
    ends = [span("1", "web", 100, duration=99), span("2", "cart", 80, duration=60), span("3", "stock", 60, duration=10)]
    assert counted(*ends) == {("web", "cart"): 1, ("cart", "stock"): 1}


def test_clocks_may_be_off_by_some_milliseconds() -> None:
    assert counted(span("1", "web", 0, 100), span("2", "cart", -4, 90)) == {("web", "cart"): 1}


def test_a_parent_id_wins_over_time() -> None:
    named = [span("1", "web", 0, 100), span("2", "cart", 20, 80), span("3", "auth", 40, 60, parent="1")]
    assert counted(*named) == {("web", "auth"): 1, ("web", "cart"): 1}


def test_parents_that_are_not_there_or_go_in_a_circle_do_no_harm() -> None:
    circle = [span("1", "web", 0, 100, parent="2"), span("2", "cart", 20, 80, parent="1"), span("3", "auth", 40, 60)]
    assert sum(count.calls for count in calls_of(pl.concat(circle)).values()) == pytest.approx(2.0, abs=0.1)
    assert counted(span("1", "web", 0, 100, parent="9"), span("2", "cart", 20, 80)) == {("web", "cart"): 1}
    assert counted(span("1", "web", 0, 100, parent="1"), span("2", "cart", 20, 80)) == {("web", "cart"): 1}


def test_other_traces_and_logs_without_one_show_nothing() -> None:
    apart = pl.concat([span("1", "web", 0, 100, trace="a"), span("2", "cart", 20, 80, trace="b")])
    assert calls_of(apart) == {}
    assert calls_of(apart.with_columns(trace_id=pl.lit(""))) == {}
    assert calls_of(apart.clear()) == {}


def test_calls_within_a_service_do_not_count() -> None:
    spans = [span("1", "web", 0, 100), span("2", "cart", 20, 80), span("3", "cart", 30, 60), span("4", "db", 40, 50)]
    assert counted(*spans) == {("web", "cart"): 1, ("cart", "db"): 1}


def test_calls_whose_callee_logs_an_error_are_failed() -> None:
    spans = [span("1", "web", 0, 100), span("2", "cart", 20, 40, is_error=True), span("3", "auth", 60, 80)]
    graph = shown_by(calls_of(pl.concat(spans)))
    assert graph.failed_share("web", "cart") == pytest.approx(1.0)
    assert graph.failed_share("web", "auth") == graph.failed_share("auth", "web") == 0.0


def test_indirect_calls_are_counted_apart() -> None:
    nested = [span("1", "web", 0, 100), span("2", "cart", 20, 80), span("3", "stock", 40, 60)]
    direct = [span("1", "web", 0, 100, trace="u"), span("3", "stock", 40, 60, trace="u")]
    found = calls_of(pl.concat([*nested, *direct]))
    assert found["web", "stock"].calls == pytest.approx(1.0, abs=0.2)
    assert found["web", "stock"].indirect == pytest.approx(1.0, abs=0.2)
    assert found["cart", "stock"].indirect == pytest.approx(0.0, abs=0.1)


def test_spans_without_ids_are_one_for_each_service_of_a_trace() -> None:
    assert counted(span("", "web", 0, 100), span("", "cart", 20, 80)) == {("web", "cart"): 1}


def test_rare_kinds_of_traces_are_kept_and_frequent_ones_are_sampled() -> None:
    frequent = [
        pl.concat([span("1", "web", 0, 100, trace=f"{n:04}"), span("2", "cart", 20, 80, trace=f"{n:04}")])
        for n in range(MOST_TRACES + 100)
    ]
    rare = pl.concat([span("1", "cron", 0, 100, trace="z"), span("2", "mail", 20, 80, trace="z")])
    logs = pl.concat([*frequent, rare])
    assert spans_of(logs)["trace_id"].n_unique() == MOST_TRACES
    assert counted(logs) == {("web", "cart"): MOST_TRACES + 100, ("cron", "mail"): 1}


def test_traces_of_too_many_spans_are_left_out() -> None:
    wide = pl.concat([span(str(n), f"s{n % 5}", n, n + 0.5) for n in range(MOST_SPANS + 1)])
    assert spans_of(wide).is_empty()
    many = pl.concat([wide.filter(pl.col("span_id") != "0").with_columns(trace_id=pl.lit(str(n))) for n in range(90)])
    assert spans_of(many)["trace_id"].n_unique() == MOST_PAIRS // MOST_SPANS**2


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[int, float, float]]:
    """Spans as (index of the parent, start, end), each inside its parent and apart from its siblings."""
    spans: list[tuple[int, float, float]] = [(-1, 0.0, 10_000.0)]
    waiting = [0]
    while waiting and len(spans) < 12:
        parent = waiting.pop(0)
        _, start, end = spans[parent]
        length = (end - start) / 10
        places = sorted(draw(st.sets(st.integers(0, 3), max_size=3)))
        for place in places if length >= 10 else []:
            begin = start + length * (0.5 + 2.4 * place)
            spans.append((parent, begin, begin + length * draw(st.sampled_from([1.0, 1.7, 2.2]))))
            waiting.append(len(spans) - 1)
    return spans


@given(trees())
def test_every_call_of_nested_spans_is_found(tree: list[tuple[int, float, float]]) -> None:
    spans = [span(f"{n}", f"s{n}", start, end) for n, (_, start, end) in enumerate(tree)]
    expected = {(f"s{parent}", f"s{n}"): 1 for n, (parent, _, _) in enumerate(tree) if parent >= 0}
    assert counted(*spans) == expected


@given(trees(), st.randoms(use_true_random=False))
def test_probabilities_add_up_to_one_caller_at_most(tree: list[tuple[int, float, float]], random: object) -> None:
    """Whatever the spans' moments are: also where none encloses another."""
    moments = [random.uniform(0, 100) for _ in range(2 * len(tree))]  # type: ignore[attr-defined]
    spans = [span(f"{n}", f"s{n}", min(pair), max(pair)) for n, pair in enumerate(pairwise(moments[: len(tree) + 1]))]
    called: dict[str, float] = {}
    for (_, callee), count in calls_of(pl.concat(spans)).items():
        called[callee] = called.get(callee, 0.0) + count.calls
    assert all(total <= 1.0 + 1e-6 for total in called.values())
