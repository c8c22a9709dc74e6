import polars as pl
import pytest

from tocsin.topology import trace_profile
from tocsin.topology.trace_profile import AGAIN, EDGE, profile_of

MS = 1_000_000
SCHEMA = {
    "trace_id": pl.String,
    "span_id": pl.String,
    "service": pl.String,
    "event": pl.String,
    "timestamp": pl.Int64,
}

Line = tuple[str, str, str, int]


def logs(*lines: Line, trace: str = "t") -> pl.DataFrame:
    """Lines as (span, service, event, milliseconds)."""
    rows = [(trace, span, service, event, at * MS) for span, service, event, at in lines]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


ORDER = logs(
    ("1", "web", "asked", 0),
    ("2", "cart", "looked up", 10),
    ("3", "stock", "counted", 14),
    ("2", "cart", "priced", 20),
    ("1", "web", "answered", 30),
)


def test_a_span_goes_from_its_first_event_to_its_last() -> None:
    steps = profile_of(ORDER).steps.filter(service="web").drop("traces").rows()
    assert steps == [("web", EDGE, "asked"), ("web", "answered", EDGE), ("web", "asked", "answered")]


def test_a_call_belongs_to_the_tightest_span_around_it_and_its_step() -> None:
    calls = profile_of(ORDER).calls.rows()
    assert calls == [
        ("", "web asked", EDGE, "web", 1),
        ("cart", "looked up", "priced", "stock", 1),
        ("web", "asked", "answered", "cart", 1),
    ]


def test_traces_are_counted_and_not_lines() -> None:
    loop = [("1", "web", "asked", 0), ("1", "web", "asked", 1), ("1", "web", "asked", 2), ("1", "web", "asked", 3)]
    profile = profile_of(pl.concat([logs(*loop), logs(*loop, trace="u")]))
    assert profile.steps.filter(event="asked" + AGAIN, next_event="asked" + AGAIN)["traces"].to_list() == [2]
    assert profile.reached.filter(service="web", event="asked" + AGAIN)["traces"].to_list() == [2]


def test_a_loop_that_ends_after_one_round_is_another_step() -> None:
    once = profile_of(logs(("1", "web", "asked", 0))).steps
    twice = profile_of(logs(("1", "web", "asked", 0), ("1", "web", "asked", 1))).steps
    assert once.filter(event="asked", next_event=EDGE).height == 1
    assert twice.filter(event="asked", next_event=EDGE).height == 0


def test_gaps_lie_between_neighbours_in_a_trace_whoever_wrote_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_profile, "JITTER_MILLISECONDS", 0.0)
    longer = ORDER.with_columns(trace_id=pl.lit("u"), timestamp=pl.col("timestamp") * 4)
    gaps = profile_of(pl.concat([ORDER, longer])).gaps
    found = gaps.filter(before_service="web", service="cart").row(0, named=True)
    assert (found["before_event"], found["event"], found["count"]) == ("asked", "looked up", 2)
    assert round(2.718281828 ** found["mean"]) == 20


def test_lines_may_come_in_any_order() -> None:
    ordered, mixed = profile_of(ORDER), profile_of(ORDER.sample(fraction=1.0, shuffle=True, seed=3))
    assert all(getattr(ordered, name).equals(getattr(mixed, name)) for name in ("reached", "steps", "calls", "gaps"))


def test_lines_without_a_trace_and_endless_traces_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert profile_of(ORDER.with_columns(trace_id=pl.lit(""))).steps.is_empty()
    monkeypatch.setattr(trace_profile, "LONGEST_TRACE_LINES", 4)
    assert profile_of(ORDER).steps.is_empty()
    assert profile_of(ORDER).calls.is_empty()
