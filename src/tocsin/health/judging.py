"""What a service logs, and its incidents → its status, and why. Pure."""

from collections.abc import Sequence
from math import sqrt

from tocsin.health.contracts import Activity, Counts, HealthStatus
from tocsin.incidents.contracts import Incident, Severity, Status

MINUTES_NOW = 15
"""So many minutes are compared with the day before: fewer tell sooner of less."""

_FEWEST_QUARTERS = 8
_STEADY_SHARE = 0.95
"""A service that has logged in so many of its quarters of an hour is missed when it says nothing."""

_DOWN_ERROR_RATE = 0.5
_FEWEST_LOGS = 20
_FEWEST_ERRORS = 5
_DEVIATIONS = 4.0
_GROWTH = 2.0
"""Errors are more than usual when there are so many times the usual share, and that is no accident."""

_DEGRADING = (Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)


def judged(name: str, activity: Activity, incidents: Sequence[Incident]) -> tuple[HealthStatus, list[str]]:
    """The status of a service, and the reasons for it, the worst first; none for a healthy one.

    Args:
        name: of the service.
        activity: what it has logged.
        incidents: those that name it, in any order.
    """
    open_ones = [each for each in incidents if each.status is not Status.RESOLVED]
    down = [_named(each) for each in open_ones if each.service == name and each.severity is Severity.CRITICAL]
    down += [reason for reason in (_silent(activity), _failing(activity)) if reason]
    degraded = [_named(each) for each in open_ones if each.severity in _DEGRADING and _named(each) not in down]
    if not down:
        degraded += [reason for reason in (_more_errors(activity),) if reason]
    if down:
        return HealthStatus.DOWN, down + degraded
    if degraded:
        return HealthStatus.DEGRADED, degraded
    if not activity.now.logs and not activity.usual.logs:
        return HealthStatus.UNKNOWN, ["it has logged nothing for 24 hours"]
    return HealthStatus.HEALTHY, []


def usual_logs_per_minute(activity: Activity) -> float:
    """Of the day before, since its first log in it."""
    quarters = _since_first_log(activity)
    return activity.usual.logs / (len(quarters) * 15) if quarters else 0.0


def _named(incident: Incident) -> str:
    return f"incident {incident.number} is {incident.status.value}: {incident.title}"


def _silent(activity: Activity) -> str | None:
    quarters = _since_first_log(activity)
    with_logs = sum(1 for each in quarters if each.logs)
    is_steady = len(quarters) >= _FEWEST_QUARTERS and with_logs >= _STEADY_SHARE * len(quarters)
    if activity.now.logs or not is_steady:
        return None
    return f"it has logged nothing for {MINUTES_NOW} minutes; usual are {usual_logs_per_minute(activity):.3g} a minute"


def _failing(activity: Activity) -> str | None:
    now, usual = activity.now, activity.usual.error_rate or 0.0
    rate = now.error_rate or 0.0
    if now.logs < _FEWEST_LOGS or rate < _DOWN_ERROR_RATE or usual >= _DOWN_ERROR_RATE / _GROWTH:
        return None
    return _errors(rate, usual)


def _more_errors(activity: Activity) -> str | None:
    now, usual = activity.now, activity.usual.error_rate
    if usual is None or now.errors < _FEWEST_ERRORS:
        return None
    expected = usual * now.logs
    is_accident = now.errors - expected < _DEVIATIONS * sqrt(expected + 1)
    if is_accident or now.errors < _GROWTH * expected:
        return None
    return _errors(now.errors / now.logs, usual)


def _errors(rate: float, usual: float) -> str:
    return f"{rate:.1%} of its logs are errors; usual are {usual:.1%}"


def _since_first_log(activity: Activity) -> Sequence[Counts]:
    first = next((index for index, each in enumerate(activity.quarters) if each.logs), len(activity.quarters))
    return activity.quarters[first:]
