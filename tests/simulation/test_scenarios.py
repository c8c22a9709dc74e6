"""Each scenario next to the same shop without it: what it claims moves, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.simulation.runs import START, Run, calm, is_error, run, sooner
from tocsin.simulation.contracts import Fault, Mechanism, Scenario
from tocsin.simulation.scenarios import InvalidScenario, load_scenarios
from tocsin.simulation.shop_map import SHOP
from tocsin.simulation.topology import Call
from tocsin.simulation.walking import CANCELLED
from tocsin.simulation.writing import SECOND_NANO

ONSET, SECONDS = 40, 480
SCENARIOS = {scenario.name: scenario for scenario in load_scenarios()}
KINDS = {
    "slow-database",
    "connection-pool-exhaustion",
    "bad-deploy",
    "memory-leak-oom",
    "expired-certificate",
    "dns-failure",
    "third-party-outage",
    "retry-storm",
    "poison-message",
    "cache-stampede",
    "clock-skew",
    "silent-service",
    "disk-full",
    "credential-brute-force",
}
HARMLESS_KINDS = {"load-test", "noisy-deploy", "new-debug-log", "batch-job"}


@dataclass(frozen=True)
class Pair:
    scenario: Scenario
    without: Run
    having: Run


def _pair(name: str, seconds: int = SECONDS) -> Pair:
    scenario = SCENARIOS[name]
    return Pair(scenario, calm(seconds), run(sooner(scenario.faults, ONSET), seconds))


def _more_failures(service: str, share: float) -> Callable[[Pair], bool]:
    def holds(pair: Pair) -> bool:
        late = ONSET + 120
        return pair.having.failures(service, late) > share * len(pair.having.of(service, late))

    return holds


def _slower(service: str, factor: float) -> Callable[[Pair], bool]:
    return lambda pair: pair.having.mean_ms(service, ONSET + 120) > factor * pair.without.mean_ms(service, ONSET + 120)


def _says(text: str, times: int = 1) -> Callable[[Pair], bool]:
    return lambda pair: pair.having.ndjson.decode().count(text) >= pair.without.ndjson.decode().count(text) + times


def _more_requests(service: str, factor: float) -> Callable[[Pair], bool]:
    return lambda pair: len(pair.having.of(service, ONSET)) > factor * len(pair.without.of(service, ONSET))


def _silent(service: str) -> Callable[[Pair], bool]:
    return lambda pair: not pair.having.of(service, ONSET + 1)


CLAIMS: dict[str, list[Callable[[Pair], bool]]] = {
    "slow-database": [_slower("inventory", 10), _more_failures("inventory", 0.02), _slower("checkout", 1.5)],
    "connection-pool-exhaustion": [
        _more_failures("checkout", 0.2),
        _says("HikariPool-1 - Connection is not available"),
    ],
    "bad-deploy": [_more_failures("payment", 0.1), _says("java.lang.NullPointerException"), _says("v7.1.0")],
    "memory-leak": [_says("oom_score_adj"), _says("Application startup complete", 2)],
    "expired-certificate": [_more_failures("payment", 0.8), _says("CertificateExpiredException")],
    "dns-failure": [_more_failures("api-gateway", 0.05), _says("could not be resolved")],
    "third-party-outage": [_more_failures("shipping", 0.3), _slower("checkout", 2), _says("ConnectTimeout")],
    "retry-storm": [_more_requests("auth", 1.8), _slower("api-gateway", 1.2), _says("tries 2/8")],
    "poison-message": [_more_failures("notification", 0.2), _says("order-events.dlq"), _says("(delivery 5/5)")],
    "cache-stampede": [_slower("catalog", 4)],
    "clock-skew": [_says("token used before issued")],
    "silent-service": [_silent("search"), _more_failures("api-gateway", 0.05)],
    "disk-full": [_says("No space left on device")],
    "credential-stuffing": [_says("invalid credentials", 2000), _more_requests("auth", 4)],
    "deadlocks": [_says("deadlock detected")],
    "mail-relay-refuses": [_more_failures("notification", 0.5), _says("Connection refused"), _says("falling behind")],
    "missing-column": [_more_failures("catalog", 0.02), _says("rank_v2")],
    "two-at-once": [_slower("inventory", 10), _says("certificate has expired")],
    "storm-in-a-sale": [_more_requests("api-gateway", 1.3)],
    "load-test": [_more_requests("search", 2), _says("k6/0.51.0", 500)],
    "noisy-deploy": [_says("DeprecationWarning: datetime.datetime.utcnow()", 100)],
    "new-debug-log": [_says("RequestTracing", 50)],
    "batch-job": [],
}
_LONG = {"memory-leak": 720, "disk-full": 800}


def _callers(name: str) -> set[str]:
    return {name, *SHOP.callers(name)}


def _called(name: str) -> set[str]:
    service = SHOP.service(name)
    assert service is not None
    steps = [step for operation in service.operations for step in operation.steps]
    return {step.service for step in steps if isinstance(step, Call)}


def _may_be_affected(fault: Fault) -> set[str]:
    """The cause, all that wait for it, and those on which it puts more load itself."""
    found: set[str] = set()
    for effect in fault.effects:
        found |= _callers(effect.service)
        if effect.mechanism in (Mechanism.CONFIG, Mechanism.SATURATION) and not fault.is_harmless:
            found |= _called(effect.service)
    return found


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_moves_what_it_claims_and_nothing_else(name: str) -> None:
    pair = _pair(name, _LONG.get(name, SECONDS))
    until = f'"timestamp":"2026-05-27T19:00:{ONSET}'.encode()
    before = pair.having.ndjson.partition(until)[0]
    assert before == pair.without.ndjson.partition(until)[0] != b""
    assert all(claim(pair) for claim in CLAIMS[name])
    concerned = set().union(*(_may_be_affected(fault) for fault in pair.scenario.faults))
    for service in {one.name for one in SHOP.services} - concerned:
        assert pair.having.failures(service) == pair.without.failures(service) == 0
        if len(pair.without.of(service)) > 200:
            assert pair.having.mean_ms(service, ONSET) < 1.5 * pair.without.mean_ms(service, ONSET)
    failed = [span for span in pair.having.spans if span.status >= CANCELLED]
    assert [span for span in failed if not span.causes] == []
    affected = {service for truth in pair.having.truth for service in truth.affected_services}
    assert {span.service for span in failed} <= affected
    for fault, truth in zip(sooner(pair.scenario.faults, ONSET), pair.having.truth, strict=False):
        assert truth.fault == fault.name
        assert truth.cause_service == fault.effects[0].service == truth.affected_services[0]
        assert truth.onset_unix_nano == START + int(fault.onset_seconds) * SECOND_NANO
        assert truth.end_unix_nano is not None
        assert fault.duration_seconds is not None
        assert truth.end_unix_nano - truth.onset_unix_nano == int(fault.duration_seconds) * SECOND_NANO
        assert set(truth.affected_services) <= _may_be_affected(fault)


@pytest.mark.parametrize("name", [name for name, one in SCENARIOS.items() if all(f.is_harmless for f in one.faults)])
def test_look_alike_lets_nothing_fail(name: str) -> None:
    pair = _pair(name)
    assert [span for span in pair.having.spans if span.status >= 499] == []
    for truth in pair.having.truth:
        assert truth.is_harmless
        assert list(truth.affected_services) == [truth.cause_service]
    wrong = ("timed out", "refused", "Connection is not available", "Traceback", "Exception", "No space left")
    for text in wrong:
        errors = [record for record in pair.having.records if is_error(record) and text in record["message"]]
        assert errors == []


def test_there_is_a_claim_for_every_scenario() -> None:
    assert set(CLAIMS) == set(SCENARIOS)


def test_shipped_scenarios_have_all_kinds_and_mechanisms() -> None:
    faults = [fault for scenario in SCENARIOS.values() for fault in scenario.faults]
    assert {fault.kind for fault in faults if not fault.is_harmless} >= KINDS
    assert {fault.kind for fault in faults if fault.is_harmless} == HARMLESS_KINDS
    assert {effect.mechanism for fault in faults for effect in fault.effects} == set(Mechanism)
    assert len(SCENARIOS) >= 16
    assert sum(len(scenario.faults) > 1 for scenario in SCENARIOS.values()) >= 2


def test_fault_that_ends_leaves_the_shop_well_again() -> None:
    [fault] = sooner(SCENARIOS["slow-database"].faults, 20)
    ended = run([replace(fault, ramp_seconds=0, duration_seconds=60)], 300)
    assert ended.failures("inventory") > 0
    assert ended.failures("inventory", 120) == 0
    assert ended.mean_ms("inventory", 120) < 2 * calm(300).mean_ms("inventory", 120)


GOOD = """
name: one
description: x
faults:
  - name: a
    kind: b
    onset_seconds: 1
    effects:
      - mechanism: latency
        service: cart
        part: db
        parameters: {factor: 3}
"""


def _refusal(tmp_path: Path, text: str) -> str:
    (tmp_path / "one.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidScenario) as caught:
        load_scenarios(tmp_path)
    return str(caught.value)


def test_directory_of_others_is_read(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(GOOD, encoding="utf-8")
    [scenario] = load_scenarios(tmp_path)
    assert (scenario.name, scenario.faults[0].effects[0].parameters["factor"]) == ("one", 3)


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("service: cart", "service: kart", "faults[0].effects[0].service: there is no 'kart'; there are api-gateway, "),
        ("part: db", "part: dbx", "faults[0].effects[0].part: cart has no 'dbx'; its parts are: cache, db"),
        (
            "mechanism: latency",
            "mechanism: slow",
            "faults[0].effects[0].mechanism: there is no 'slow'; there are latency",
        ),
        (
            "factor: 3",
            "factor: fast",
            "effects[0].parameters.factor: must be a number (by which everything takes longer)",
        ),
        ("factor: 3", "factor: 0", "effects[0].parameters.factor: must lie between 1 and 1e+06"),
        (
            "factor: 3",
            "faktor: 3",
            "parameters.faktor: latency has no such parameter; it takes factor, added_ms, share",
        ),
        ("onset_seconds: 1", "onset_seconds: soon", "faults[0].onset_seconds: must be a number, not 'soon'"),
        ("onset_seconds: 1", "onset_seconds: -1", "faults[0].onset_seconds: must not be negative"),
        ("    kind: b\n", "", "faults[0].kind: is missing; it is a text"),
        ("kind: b", "kind: b\n    colour: red", "faults[0].colour: is not known; there may be name, kind"),
        ("description: x", "", "description: is missing"),
        ("faults:", "faults: 7\nothers:", "faults: must be a list, not 7"),
        ("mechanism: latency", "mechanism: [latency", "can't be read: "),
    ],
)
def test_bad_file_is_refused_with_its_name_the_place_and_what_may_stand_there(
    tmp_path: Path, good: str, bad: str, complaint: str
) -> None:
    assert good in GOOD
    refusal = _refusal(tmp_path, GOOD.replace(good, bad))
    assert refusal.startswith(f"{tmp_path}/one.yaml: ")
    assert complaint in refusal


def test_file_without_faults_is_refused(tmp_path: Path) -> None:
    assert "faults: needs at least one" in _refusal(tmp_path, "name: a\ndescription: b\nfaults: []\n")
    assert "the file: must be a mapping with name" in _refusal(tmp_path, "- 1\n")


def test_two_scenarios_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(GOOD, encoding="utf-8")
    assert "two.yaml: name: another file has a scenario 'one' already" in _refusal(tmp_path, GOOD)


def test_empty_or_absent_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidScenario, match="there is no scenario"):
        load_scenarios(tmp_path)
    with pytest.raises(InvalidScenario, match="there is no such directory"):
        load_scenarios(tmp_path / "none")
