from dataclasses import replace
from typing import Any

import pytest

from tests.health.things import activity, incident
from tocsin.health.contracts import HealthStatus
from tocsin.health.judging import judged, usual_logs_per_minute
from tocsin.incidents.contracts import Severity, Status

STEADY = {"usual": (1_500, 15)}
"""100 logs a minute, one of a hundred an error."""


def status(logged: dict[str, Any], *incidents: Any) -> HealthStatus:
    return judged("cart", activity(**logged), incidents)[0]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ((1_500, 15), HealthStatus.HEALTHY),
        ((1_500, 29), HealthStatus.HEALTHY),
        ((1_500, 60), HealthStatus.DEGRADED),
        ((10, 4), HealthStatus.HEALTHY),
        ((10, 9), HealthStatus.DEGRADED),
        ((1_500, 750), HealthStatus.DOWN),
        ((15, 15), HealthStatus.DEGRADED),
        ((20, 10), HealthStatus.DOWN),
        ((0, 0), HealthStatus.DOWN),
    ],
)
def test_errors_and_silence_are_measured_by_what_is_usual(now: tuple[int, int], expected: HealthStatus) -> None:
    assert status(STEADY | {"now": now}) is expected


def test_a_service_whose_errors_are_usual_is_healthy() -> None:
    assert status({"usual": (1_500, 900), "now": (1_500, 900)}) is HealthStatus.HEALTHY


def test_a_service_that_speaks_now_and_then_is_not_missed() -> None:
    assert status({"usual": (15, 0), "quiet_quarters": 10, "now": (0, 0)}) is HealthStatus.HEALTHY
    assert status({"usual": (15, 0), "quiet_quarters": 4, "now": (0, 0)}) is HealthStatus.DOWN


def test_a_new_service_is_not_missed_before_it_is_known() -> None:
    assert status({"usual": (15, 0), "known_quarters": 7, "now": (0, 0)}) is HealthStatus.HEALTHY
    assert status({"usual": (15, 0), "known_quarters": 8, "now": (0, 0)}) is HealthStatus.DOWN


def test_of_a_service_without_logs_nothing_is_known() -> None:
    assert status({"usual": (0, 0), "now": (0, 0)}) is HealthStatus.UNKNOWN
    assert status({"usual": (0, 0), "now": (5, 0)}) is HealthStatus.HEALTHY


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"severity": Severity.CRITICAL}, HealthStatus.DOWN),
        ({"severity": Severity.CRITICAL, "service": "auth"}, HealthStatus.DEGRADED),
        ({"severity": Severity.HIGH}, HealthStatus.DEGRADED),
        ({"severity": Severity.MEDIUM, "service": "auth", "status": Status.INVESTIGATING}, HealthStatus.DEGRADED),
        ({"severity": Severity.LOW}, HealthStatus.HEALTHY),
        ({"severity": Severity.CRITICAL, "status": Status.RESOLVED}, HealthStatus.HEALTHY),
    ],
)
def test_open_incidents_count_by_severity_and_cause(changes: dict[str, Any], expected: HealthStatus) -> None:
    assert status(STEADY | {"now": (1_500, 15)}, replace(incident(), **changes)) is expected


def test_reasons_are_told_worst_first_and_each_once() -> None:
    critical = replace(incident(), severity=Severity.CRITICAL, title="carts are gone")
    found, reasons = judged("cart", activity(usual=(1_500, 15), now=(0, 0)), [critical])
    assert found is HealthStatus.DOWN
    assert reasons == [
        "incident 7 is OPEN: carts are gone",
        "it has logged nothing for 15 minutes; usual are 100 a minute",
    ]
    _, reasons = judged("cart", activity(usual=(1_500, 15), now=(1_500, 750)), [])
    assert reasons == ["50.0% of its logs are errors; usual are 1.0%"]


def test_the_usual_rate_begins_with_the_first_log() -> None:
    assert usual_logs_per_minute(activity(usual=(30, 0), known_quarters=4, now=(0, 0))) == 2.0
    assert usual_logs_per_minute(activity(usual=(0, 0), now=(0, 0))) == 0.0
