"""The parts that a shop is put together from: traffic, pools, queues' clocks, faults, the written pages."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.runs import START, run
from tocsin.simulation.contracts import Effect, Fault, Mechanism
from tocsin.simulation.faults import RunningFault, seconds_of
from tocsin.simulation.lifecycle import next_version
from tocsin.simulation.pages import pages
from tocsin.simulation.parameters import PARAMETERS
from tocsin.simulation.reference import with_table
from tocsin.simulation.shop import Shop
from tocsin.simulation.state import LONGEST_WAIT, Pool, Trouble
from tocsin.simulation.traffic import Traffic, busyness
from tocsin.simulation.writing import SECOND_NANO, Writer

MONDAY_NIGHT = 1_779_667_200 + 4 * 3600
DOCS = Path(__file__).parents[2] / "docs"


def _requests(second: int, seconds: int, factor: float = 1.0) -> int:
    traffic = Traffic(1, factor, second)
    return sum(len(traffic.requests(second + number)) for number in range(seconds))


def test_evening_is_busier_than_night_and_sunday_than_friday() -> None:
    assert _requests(MONDAY_NIGHT + 16 * 3600, 300) > 4 * _requests(MONDAY_NIGHT, 300)
    days = [sum(busyness(MONDAY_NIGHT + day * 86_400 + hour * 3600, 1) for hour in range(24)) for day in range(7)]
    assert max(days) == days[6]
    assert min(days) == days[4]


@given(st.integers(MONDAY_NIGHT, MONDAY_NIGHT + 7 * 86_400), st.integers(0, 99))
def test_busyness_has_no_steps(second: int, seed: int) -> None:
    assert abs(busyness(second, seed) - busyness(second + 1, seed)) < 0.002


def test_pool_in_use_is_arrivals_times_their_time() -> None:
    pool = Pool(8, 3 * SECOND_NANO)
    pool.work = 2 * SECOND_NANO
    pool.settle(None)
    assert (pool.in_use, pool.wait, pool.slowdown) == (2.0, 0, 1.0)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=60), st.booleans())
def test_pool_gives_what_it_has_and_lets_the_rest_wait(works: list[int], is_troubled: bool) -> None:
    pool = Pool(4, 2 * SECOND_NANO)
    trouble = Trouble(hold_factor=2.0, pool_causes=1) if is_troubled else None
    for work in works:
        before = pool.backlog
        pool.work = work * SECOND_NANO
        pool.settle(trouble)
        asked = before + work * SECOND_NANO * (2 if is_troubled else 1)
        assert pool.backlog <= max(0, asked - 4 * SECOND_NANO)
        assert pool.backlog <= LONGEST_WAIT * pool.limit * 4
        assert 0 <= pool.in_use <= 4
        assert pool.wait == int(pool.backlog / 4)
    for _ in range(40):
        pool.settle(None)
    assert (pool.backlog, pool.wait, pool.causes, pool.slowdown) == (0, 0, 0, 1.0)


def test_full_pool_remembers_who_filled_it() -> None:
    pool = Pool(2, SECOND_NANO)
    pool.work, pool.taint = 9 * SECOND_NANO, 0b100
    pool.settle(None)
    assert pool.causes == 0b100
    assert pool.wait > 0


def test_fault_grows_to_its_size_and_ends() -> None:
    fault = Fault(name="a", kind="b", effects=[], onset_seconds=10, ramp_seconds=4, duration_seconds=20, size=2.0)
    onset, end = seconds_of(fault, 100)
    running = RunningFault(fault, 1, onset, end)
    strengths = [running.strength(second) for second in (109, 110, 111, 113, 129, 130)]
    assert strengths == [0.0, 0.5, 1.0, 2.0, 2.0, 0.0]
    assert seconds_of(Fault(name="a", kind="b", effects=[], onset_seconds=3), 100) == (103, None)


def test_lines_come_out_in_order_and_a_wrong_clock_changes_only_what_is_shown() -> None:
    writer = Writer()
    writer.add(5 * SECOND_NANO + 30, "c", 0)
    writer.add(5 * SECOND_NANO + 10, "a", 0)
    writer.add(5 * SECOND_NANO + 20, "b", -SECOND_NANO)
    writer.add(6 * SECOND_NANO, "later", 0)
    assert writer.take(4) == []
    assert writer.take(5) == [
        '{"timestamp":"1970-01-01T00:00:05.000000010a',
        '{"timestamp":"1970-01-01T00:00:04.000000020b',
        '{"timestamp":"1970-01-01T00:00:05.000000030c',
    ]


def _fault(mechanism: Mechanism, service: str, part: str | None = None, **parameters: float | str) -> Fault:
    effect = Effect(mechanism=mechanism, service=service, part=part, parameters=parameters)
    return Fault(name="x", kind="x", onset_seconds=5, effects=[effect])


def test_clock_offset_moves_one_service_only() -> None:
    skewed = run([_fault(Mechanism.CONFIG, "auth", clock_offset_seconds=90)], 40)
    for record in skewed.records[-200:]:
        is_ahead = record["timestamp"] > "2026-05-27T19:01"
        assert is_ahead == (record["service"] == "auth")


def test_quiet_service_works_and_writes_nothing() -> None:
    quiet = run([_fault(Mechanism.SILENCE, "catalog", mode="quiet")], 40)
    late = [json.loads(line) for line in quiet.ndjson.splitlines() if b"19:00:2" in line[:40]]
    assert late
    assert not [record for record in late if record["service"] == "catalog"]
    assert quiet.of("catalog", 20)
    assert quiet.failures("catalog") == 0


def test_deploy_goes_host_by_host_and_nobody_notices() -> None:
    deployed = run([_fault(Mechanism.CONFIG, "catalog", version="6.0.0")], 150)
    versions = {record["metadata"]["service.version"] for record in deployed.records if record["service"] == "catalog"}
    assert versions == {"5.21.0", "6.0.0"}
    assert deployed.failures("api-gateway") == 0
    assert deployed.ndjson.count(b"starting catalog@6.0.0") == 3
    assert deployed.ndjson.count(b"SIGTERM received") == 3


def test_ordinary_days_have_deploys() -> None:
    shop = Shop(3, (MONDAY_NIGHT + 5 * 3600) * SECOND_NANO, traffic=0.001)
    text = shop.advance((MONDAY_NIGHT + 12 * 3600) * SECOND_NANO).ndjson
    assert b"draining connections" in text or b"Commencing graceful shutdown" in text or b"Shutting down" in text
    assert next_version("1.2.9") == "1.2.10"


@pytest.mark.parametrize("mechanism", list(Mechanism))
def test_defaults_lie_within_what_is_allowed(mechanism: Mechanism) -> None:
    for parameter in PARAMETERS[mechanism].values():
        if isinstance(parameter.default, str):
            assert not parameter.choices or parameter.default in parameter.choices
        else:
            assert parameter.low <= parameter.default <= parameter.high


def test_reference_in_the_docs_is_up_to_date() -> None:
    page = (DOCS / "simulation.md").read_text(encoding="utf-8")
    assert with_table(page) == page


def test_pages_in_the_docs_are_up_to_date() -> None:
    for name, text in pages():
        assert (DOCS / "simulation" / name).read_text(encoding="utf-8") == text
    assert START
