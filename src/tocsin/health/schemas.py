"""The health of services as it is on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from tocsin.health.contracts import Activity, Counts, Dependency, HealthStatus, ServiceHealth, Uptime
from tocsin.incidents.contracts import Incident, Severity, Status

_UptimeShare = Annotated[float, Meta(ge=0, le=1)] | None


class UptimeResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the time of which something is known; `null` where nothing is."""

    last_24_hours: _UptimeShare = msgspec.field(name="24h")
    last_7_days: _UptimeShare = msgspec.field(name="7d")
    last_30_days: _UptimeShare = msgspec.field(name="30d")

    @classmethod
    def of(cls, uptime: Uptime) -> "UptimeResponse":
        """The shares on the wire."""
        return cls(last_24_hours=uptime.day, last_7_days=uptime.week, last_30_days=uptime.month)


class LastIncidentResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The newest incident that names a service as its cause or as affected."""

    id: UUID
    number: int
    title: str
    status: Status
    severity: Severity
    opened_at: datetime

    @classmethod
    def of(cls, incident: Incident) -> "LastIncidentResponse":
        """The incident on the wire."""
        return cls(
            id=incident.id,
            number=incident.number,
            title=incident.title,
            status=incident.status,
            severity=incident.severity,
            opened_at=incident.opened_at,
        )


class SparklineResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Logs and errors by interval, oldest first; the last one is not over yet."""

    interval_seconds: int
    logs: list[int]
    errors: list[int]

    @classmethod
    def of(cls, counts: "list[Counts]", interval_seconds: int) -> "SparklineResponse":
        """The counts on the wire."""
        return cls(
            interval_seconds=interval_seconds,
            logs=[each.logs for each in counts],
            errors=[each.errors for each in counts],
        )


class DependencyResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Another service that it calls, or that calls it, as learned from traces."""

    service: str
    calls: Annotated[float, Meta(description="How many were seen in a sample of traces; half as much after 3 days.")]
    failed_share: Annotated[float, Meta(ge=0, le=1, description="In which the callee logged an error.")]

    @classmethod
    def of(cls, dependency: Dependency) -> "DependencyResponse":
        """The dependency on the wire."""
        return cls(
            service=dependency.service,
            calls=round(dependency.calls, 2),
            failed_share=round(dependency.failed_share, 4),
        )


class HealthResponse(msgspec.Struct, frozen=True, kw_only=True):
    """How a service is."""

    status: HealthStatus
    reasons: Annotated[list[str], Meta(description="Why it is not healthy, for people.")]
    error_rate: Annotated[float | None, Meta(description="Of its logs of the last 15 minutes; `null` without any.")]
    usual_error_rate: Annotated[float | None, Meta(description="Of its logs of the 24 hours before.")]
    logs_per_minute: float
    usual_logs_per_minute: float
    uptime: UptimeResponse
    last_incident: LastIncidentResponse | None
    sparkline: SparklineResponse
    callees: list[DependencyResponse]
    callers: list[DependencyResponse]
    at: datetime

    @classmethod
    def of(cls, health: ServiceHealth) -> "HealthResponse":
        """The health on the wire."""
        activity = health.activity
        last = health.last_incident
        return cls(
            status=health.status,
            reasons=list(health.reasons),
            error_rate=activity.now.error_rate,
            usual_error_rate=activity.usual.error_rate,
            logs_per_minute=health.logs_per_minute,
            usual_logs_per_minute=health.usual_logs_per_minute,
            uptime=UptimeResponse.of(health.uptime),
            last_incident=None if last is None else LastIncidentResponse.of(last),
            sparkline=SparklineResponse.of(list(activity.minutes), 60),
            callees=[DependencyResponse.of(each) for each in health.callees],
            callers=[DependencyResponse.of(each) for each in health.callers],
            at=health.at,
        )


class ServiceWithHealthResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A service of the organization, and how it is."""

    id: Annotated[UUID | None, Meta(description="`null` where it sends logs and is not registered.")]
    name: str
    owner: str | None = None
    labels: dict[str, str] = {}
    retention_class: str | None = None
    repository_url: str | None = None
    active: bool = True
    created_at: datetime | None = None
    health: HealthResponse

    @classmethod
    def of(cls, health: ServiceHealth) -> "ServiceWithHealthResponse":
        """The service on the wire."""
        said, how = health.service, HealthResponse.of(health)
        if said is None:
            return cls(id=None, name=health.name, health=how)
        return cls(
            id=said.id,
            name=said.name,
            owner=said.owner,
            labels=dict(said.labels),
            retention_class=said.retention_class,
            repository_url=said.repository_url,
            active=said.active,
            created_at=said.created_at,
            health=how,
        )


class ServicesWithHealthResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Every service that is registered or has logged in the last 24 hours, by name."""

    services: list[ServiceWithHealthResponse]


class ServiceHealthResponse(HealthResponse, frozen=True, kw_only=True):
    """How one service is, with the day before."""

    service: str
    day: Annotated[SparklineResponse, Meta(description="The 24 hours before the last 15 minutes.")]

    @classmethod
    def of(cls, health: ServiceHealth) -> "ServiceHealthResponse":
        """The health on the wire."""
        shared = HealthResponse.of(health)
        return cls(
            **{name: getattr(shared, name) for name in HealthResponse.__struct_fields__},
            service=health.name,
            day=_day(health.activity),
        )


def _day(activity: Activity) -> SparklineResponse:
    return SparklineResponse.of(list(activity.quarters), 900)
