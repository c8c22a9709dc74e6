"""What other rooms see of incidents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tocsin.detection.contracts import Evidence
from tocsin.logmodel.levels import Level
from tocsin.logstore.ports import OrganizationId


class Status(StrEnum):
    """How far people have come."""

    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    INVESTIGATING = "INVESTIGATING"
    RESOLVED = "RESOLVED"


class Severity(StrEnum):
    """How bad it is, from the least."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class SignalSource(StrEnum):
    """Where a signal comes from."""

    FINDING = "finding"
    ALERT = "alert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Anything that can join an incident."""

    #: A finding's id, or one that follows from an alert's source and fingerprint: the same again replaces it.
    id: UUID
    source: SignalSource
    #: A ``FindingKind``, or the name of what sent an alert: ``alertmanager``.
    kind: str
    #: None where an alert names none.
    service: str | None
    pattern: int | None = None
    #: What it says, for people.
    title: str
    level: Level
    onset_unix_nano: int
    last_unix_nano: int
    #: How surprising it is, see ``Finding.score``; alerts have what their severity is worth.
    score: float
    #: Whether it is over: an alert that was resolved where it came from.
    is_over: bool = False
    evidence: Evidence | None = None
    #: Traces or requests that show it, a few.
    trace_ids: frozenset[str] = frozenset()
    #: What came with an alert.
    labels: Mapping[str, str] = field(default_factory=dict)
    #: Where an alert can be looked at.
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Why two signals are in one incident."""

    first: UUID
    second: UUID
    #: 0 to 1.
    weight: float
    #: For people: "3 requests met both".
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What an incident may come from."""

    service: str
    pattern: int | None = None
    #: A file, and a function where it is known, from the traces of exceptions.
    location: str | None = None
    #: The version that was deployed, where a deploy is a likely cause.
    deploy: str | None = None
    #: 0 to 1; the scores of all causes of an incident add up to at most 1.
    score: float
    #: For people.
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A group of signals with one cause."""

    id: UUID
    organization_id: OrganizationId
    #: Counts up in an organization: people say "incident 12".
    number: int
    title: str
    status: Status
    severity: Severity
    #: Of the likeliest cause; None where nothing is known.
    service: str | None
    #: The services that its signals name, by name.
    affected_services: Sequence[str]
    causes: Sequence[Cause] = ()
    #: When its first signal began.
    started_at: datetime
    opened_at: datetime
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    #: Of the latest signal.
    last_signal_at: datetime | None = None
    assignee: UUID | None = None
    tags: Sequence[str] = ()
    #: Counts every change; who changes an incident says which version they saw.
    version: int = 1


class Change(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    UPDATED = "updated"
    ACKNOWLEDGED = "acknowledged"
    INVESTIGATING = "investigating"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    #: Its signals are in another incident now.
    MERGED = "merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChanged:
    """The event of a change, in the order of ``sequence``."""

    #: Counts up in an organization.
    sequence: int
    change: Change
    incident: Incident
    at: datetime
