from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulation.runs import SEED, START, Run, calm, run
from tocsin.simulation.contracts import Effect, Fault, Mechanism
from tocsin.simulation.shop_map import SHOP
from tocsin.simulation.topology import Call
from tocsin.simulation.writing import SECOND_NANO

FAULTS = [
    Fault(
        name=f"fault-{number}",
        kind="any",
        onset_seconds=10,
        effects=[effect],
    )
    for number, effect in enumerate(
        [
            Effect(mechanism=Mechanism.LATENCY, service="inventory", part="db", parameters={"factor": 250}),
            Effect(mechanism=Mechanism.SILENCE, service="catalog"),
            Effect(mechanism=Mechanism.ERROR, service="auth", parameters={"share": 0.3}),
            Effect(mechanism=Mechanism.EXHAUSTION, service="checkout", part="db", parameters={"hold_factor": 900}),
            Effect(mechanism=Mechanism.DATA, service="notification", parameters={"share": 0.5}),
            Effect(
                mechanism=Mechanism.CONFIG, service="api-gateway", parameters={"timeout_factor": 0.01, "retries": 4}
            ),
            Effect(mechanism=Mechanism.LEAK, service="recommendation", parameters={"share_a_minute": 3}),
        ]
    )
]


def _assert_causal(result: Run) -> None:
    spans = {span.span: span for span in result.spans}
    assert len(spans) == len(result.spans)
    for span in result.spans:
        assert span.begin <= span.end
        if not span.parent:
            assert span.service in ("api-gateway", "scheduler")
            continue
        parent = spans[span.parent]
        assert parent.trace == span.trace
        assert parent.begin < span.begin
        if not span.is_message:
            assert span.end < parent.end


def _assert_lines_within(result: Run) -> None:
    spans = {span.span: span for span in result.spans}
    late = 0
    for record in result.records:
        if "span_id" not in record:
            continue
        span = spans.get(record["span_id"])
        if span is None:
            late += 1
            continue
        assert record["trace_id"] == span.trace
        assert record["service"] == span.service
        second, fraction = record["timestamp"][:-1].split(".")
        of_minute = int(second[-2:])
        at = int(fraction)
        begin, end = span.begin % (60 * SECOND_NANO), span.end % (60 * SECOND_NANO)
        moment = of_minute * SECOND_NANO + at
        assert begin <= moment <= end or (begin > end and (moment >= begin or moment <= end))
    # Those that speak of a message that is put aside have a span of their own.
    assert late <= result.ndjson.count(b"order-events.dlq")


def test_spans_lie_within_those_who_called_them_in_a_calm_shop() -> None:
    _assert_causal(calm(300))
    _assert_lines_within(calm(300))


@settings(max_examples=12, deadline=None)
@given(
    faults=st.lists(st.sampled_from(FAULTS), unique_by=lambda fault: fault.name, max_size=4), seed=st.integers(0, 99)
)
def test_spans_lie_within_those_who_called_them_whatever_is_wrong(faults: Sequence[Fault], seed: int) -> None:
    result = run(faults, 45, seed=seed)
    _assert_causal(result)
    _assert_lines_within(result)


def test_calls_follow_the_map() -> None:
    edges = {
        (service.name, step.service)
        for service in SHOP.services
        for operation in service.operations
        for step in operation.steps
        if isinstance(step, Call)
    }
    spans = {span.span: span for span in calm(300).spans}
    seen = {
        (spans[span.parent].service, span.service) for span in spans.values() if span.parent and not span.is_message
    }
    assert seen <= edges
    assert {("api-gateway", "catalog"), ("checkout", "payment"), ("cart", "inventory")} <= seen


def test_messages_are_worked_on_after_they_were_sent() -> None:
    spans = {span.span: span for span in calm(300).spans}
    messages = [span for span in spans.values() if span.is_message]
    assert messages
    for message in messages:
        assert message.service == "notification"
        assert spans[message.parent].service == "checkout"


def test_caller_that_times_out_says_so_and_tries_again() -> None:
    silent = Fault(
        name="silent",
        kind="silent-service",
        onset_seconds=0,
        effects=[Effect(mechanism=Mechanism.SILENCE, service="inventory")],
    )
    text = run([silent], 60).ndjson.decode()
    assert "retrying (1/1)" in text
    assert "i/o timeout" in text
    assert '"service":"inventory"' not in text


@pytest.mark.parametrize("places", [0.0, 0.3])
def test_who_gets_no_connection_fails_after_the_limit(places: float) -> None:
    fault = Fault(
        name="pool",
        kind="connection-pool-exhaustion",
        onset_seconds=0,
        effects=[
            Effect(
                mechanism=Mechanism.EXHAUSTION,
                service="checkout",
                part="db",
                parameters={"places": places, "hold_factor": 2000},
            )
        ],
    )
    text = run([fault], 120).ndjson.decode()
    assert "HikariPool-1 - Connection is not available, request timed out after 3000ms" in text
    assert "\\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:197)\\n" in text
    assert "Caused by: java.sql.SQLTransientConnectionException" in text


def test_start_and_seed_alone_say_what_happens() -> None:
    assert run(FAULTS, 30).ndjson == run(FAULTS, 30).ndjson
    assert START % SECOND_NANO == 0
    assert SEED
