from dataclasses import replace

import pytest

from tests.support.metronome import fault, scenario
from tocsin.cli.client import CommandFailed
from tocsin.cli.demo.coverage import Span
from tocsin.cli.demo.faults import (
    FIRST_FAULT_SECONDS,
    MAX_FAULT_SECONDS,
    FaultDesk,
    history_faults,
    injection,
)
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.simulation.contracts import Effect, Mechanism

SECOND = NANOSECONDS_A_SECOND
NOW = 1_795_500_000 * SECOND
SCENARIOS = [scenario("slow", fault("slow", onset_seconds=600, duration_seconds=60)), scenario("dead")]


def desk(*scheduled: str, every_seconds: float = 0.0) -> FaultDesk:
    return FaultDesk(SCENARIOS, scheduled=scheduled, every_seconds=every_seconds, seed=1)


def test_injected_scenario_begins_at_once_with_names_of_its_own_and_ends() -> None:
    injected = injection(scenario("two", fault("a", onset_seconds=600), fault("b", onset_seconds=630)), NOW)
    assert [each.onset_seconds for each in injected.faults] == [0, 30]
    assert [each.name for each in injected.faults] == ["a@2026-11-24T06:00:00Z", "b@2026-11-24T06:00:00Z"]
    assert {each.duration_seconds for each in injected.faults} == {MAX_FAULT_SECONDS}
    assert injected.end_unix_nano == NOW + int((30 + MAX_FAULT_SECONDS) * SECOND)


def test_scenario_is_handed_out_once_and_not_again_before_its_end() -> None:
    asked = desk()
    asked.ask("slow")
    with pytest.raises(CommandFailed, match="going on already"):
        asked.ask("slow")
    assert [each.scenario.name for each in asked.take(NOW)] == ["slow"]
    assert asked.take(NOW + SECOND) == []
    with pytest.raises(CommandFailed, match="going on already"):
        asked.ask("slow")
    asked.take(NOW + 61 * SECOND)
    assert asked.going_on() == []
    asked.ask("slow")


def test_unknown_scenario_is_refused_with_those_there_are() -> None:
    with pytest.raises(CommandFailed, match="there are: slow, dead"):
        desk().ask("sow")
    with pytest.raises(CommandFailed, match="there are: slow, dead"):
        desk("sow")


def test_schedule_lets_the_shop_be_well_first_and_then_breaks_it_now_and_then() -> None:
    scheduled = desk("slow", every_seconds=600)
    begun = [second for second in range(2_000) if scheduled.take(NOW + second * SECOND)]
    assert begun == [FIRST_FAULT_SECONDS, FIRST_FAULT_SECONDS + 600, FIRST_FAULT_SECONDS + 1_200, 1_920]


def test_schedule_passes_over_what_goes_on() -> None:
    scheduled = desk("dead", every_seconds=10)
    assert [second for second in range(1_200) if scheduled.take(NOW + second * SECOND)] == [10]


def test_nothing_is_scheduled_when_it_is_switched_off() -> None:
    idle = desk()
    assert not any(idle.take(NOW + second * SECOND) for second in range(0, 10_000, 10))


def test_history_has_trouble_every_six_hours_the_same_for_the_same_seed() -> None:
    day = Span(NOW - 86_400 * SECOND, NOW)
    faults = history_faults(SCENARIOS, day, seed=1)
    assert faults == history_faults(SCENARIOS, day, seed=1)
    assert [int(each.onset_seconds // 21_600) for each in faults] == [0, 1, 2, 3]
    assert all(each.onset_seconds == int(each.onset_seconds) for each in faults)
    assert len({each.name for each in faults}) == 4
    assert history_faults(SCENARIOS, Span(NOW - 3_600 * SECOND, NOW), seed=1) == []
    assert history_faults([], day, seed=1) == []


def test_trouble_is_looked_for_where_it_is_and_not_where_it_only_looks_so() -> None:
    busy = replace(fault("sale"), is_harmless=True, effects=[Effect(mechanism=Mechanism.SATURATION, service="gateway")])
    both = injection(scenario("both", busy, fault("slow")), NOW)
    assert (both.service, both.is_harmless) == ("catalog", False)
    assert injection(scenario("one", busy), NOW).is_harmless
