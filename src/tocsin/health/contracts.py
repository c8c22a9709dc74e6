"""What other rooms see of health."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.accounts.contracts import Service
from tocsin.incidents.contracts import Incident


class HealthStatus(StrEnum):
    """How a service is, from the best; the last one says nothing."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Logs of one service in a time, and of these the errors: ERROR and FATAL."""

    logs: int = 0
    errors: int = 0

    @property
    def error_rate(self) -> float | None:
        """None without logs."""
        return self.errors / self.logs if self.logs else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What a service has logged."""

    #: Of each of the last 60 minutes, oldest first; the last one is not over yet.
    minutes: Sequence[Counts]
    #: Of each quarter of an hour of the 24 hours before the last 15 minutes, oldest first.
    quarters: Sequence[Counts]

    @property
    def now(self) -> Counts:
        """Of the last 15 minutes."""
        return total(self.minutes[-15:])

    @property
    def usual(self) -> Counts:
        """Of the 24 hours before."""
        return total(self.quarters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """Shares of the time of which something is known, in 0 to 1; None where nothing is."""

    day: float | None
    week: float | None
    month: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """Another service that it calls, or that calls it."""

    service: str
    #: How many were seen, where older ones count less.
    calls: float
    #: The share in which the callee logged an error.
    failed_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHealth:
    """How one service is."""

    name: str
    #: None where it sends logs and is not registered.
    service: Service | None
    status: HealthStatus
    #: Why it is not healthy, for people.
    reasons: Sequence[str]
    activity: Activity
    logs_per_minute: float
    usual_logs_per_minute: float
    uptime: Uptime
    #: The newest that names it as its cause or as affected.
    last_incident: Incident | None
    #: Most calls first.
    callees: Sequence[Dependency]
    callers: Sequence[Dependency]
    #: The moment that all of this is about.
    at: datetime


def total(counts: Sequence[Counts]) -> Counts:
    """All of them together."""
    return Counts(logs=sum(each.logs for each in counts), errors=sum(each.errors for each in counts))
