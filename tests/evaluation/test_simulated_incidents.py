"""How incidents are held against what was wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.incidents.signals import NOW, SECOND, make_signal
from tocsin.evaluation.simulated_incidents import JudgedTrial, Opened, figures, judged
from tocsin.incidents.contracts import Cause, Incident, Severity, Status

START = datetime.fromtimestamp(NOW // SECOND, tz=UTC)


@dataclass(frozen=True, kw_only=True)
class Fault:
    fault: str
    cause_service: str
    affected_services: Sequence[str]
    onset_unix_nano: int = NOW
    end_unix_nano: int | None = NOW + 600 * SECOND
    is_harmless: bool = False


def opened(number: int, *services: str, cause: str | None = None, at: float = 60) -> Opened:
    moment = START + timedelta(seconds=at)
    incident = Incident(
        id=UUID(int=number),
        organization_id=UUID(int=99),
        number=number,
        title=f"incident {number}",
        status=Status.OPEN,
        severity=Severity.HIGH,
        service=cause,
        affected_services=services,
        causes=() if cause is None else (Cause(service=cause, score=0.9, reasons=()),),
        started_at=moment,
        opened_at=moment,
    )
    signals = [make_signal(100 * number + place, service, at) for place, service in enumerate(services)]
    return Opened(incident=incident, signals=signals)


CART = Fault(fault="cart-slow", cause_service="cart", affected_services=["cart", "gateway"])
MAIL = Fault(fault="mail-down", cause_service="mail", affected_services=["mail"])


def judge(found: Sequence[Opened], *faults: Fault) -> JudgedTrial:
    return judged("trial", found, faults, logs=1)


def test_a_fault_has_the_incident_of_the_services_it_affected() -> None:
    [fault] = judge([opened(1, "cart", "gateway", cause="cart")], CART).faults
    assert (fault.incident, fault.causes, fault.delay_seconds, fault.is_merged) == (1, ["cart"], 60.0, False)


def test_an_incident_elsewhere_or_at_another_time_is_needless() -> None:
    trial = judge([opened(1, "search"), opened(2, "cart", at=-120), opened(3, "cart", at=2_000)], CART)
    assert trial.faults[0].incident is None
    assert len(trial.needless) == 3


def test_a_second_incident_of_one_fault_is_needless() -> None:
    assert judge([opened(1, "cart"), opened(2, "gateway")], CART).needless == ["incident 2"]


def test_what_a_look_alike_opens_is_needless() -> None:
    harmless = Fault(fault="sale", cause_service="cart", affected_services=["cart"], is_harmless=True)
    trial = judge([opened(1, "cart")], harmless)
    assert (trial.faults, trial.needless) == ([], ["incident 1"])


def test_two_faults_in_one_incident_are_merged() -> None:
    trial = judge([opened(1, "cart", "gateway", "mail", cause="cart")], CART, MAIL)
    assert [fault.incident for fault in trial.faults] == [1, 1]
    assert all(fault.is_merged for fault in trial.faults)


def test_two_faults_with_an_incident_each_are_not() -> None:
    trial = judge([opened(1, "cart", cause="cart"), opened(2, "mail", cause="search")], CART, MAIL)
    assert [(fault.incident, fault.is_merged) for fault in trial.faults] == [(1, False), (2, False)]


def test_the_figures_are_over_all_trials() -> None:
    trials = [
        judge([opened(1, "cart", cause="cart"), opened(2, "search")], CART),
        judge([opened(1, "mail", cause="search", at=120)], MAIL),
        judge([], MAIL),
    ]
    found = figures(trials)
    assert found.recall == pytest.approx(2 / 3)
    assert found.precision == pytest.approx(2 / 3)
    assert (found.cause_top1, found.wrong_merges, found.delay_seconds_p50) == (0.5, 0.0, 90.0)


def test_nothing_wrong_and_nothing_opened_is_perfect() -> None:
    found = figures([judge([])])
    assert (found.recall, found.precision, found.wrong_merges) == (1.0, 1.0, 0.0)
