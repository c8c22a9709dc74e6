"""What other rooms see of incidents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
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
class Deploy:
    """A version of a service that was rolled out."""

    service: str
    version: str
    at_unix_nano: int


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
    #: When the trouble began: with its first signal, or when the person who opened it says.
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
    #: Somebody wrote something.
    COMMENTED = "commented"
    #: Logs were linked to it.
    LINKED = "linked"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChanged:
    """The event of a change, in the order of ``sequence``."""

    #: Counts up in an organization.
    sequence: int
    change: Change
    incident: Incident
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDraft:
    """What a person says who opens an incident."""

    title: str
    severity: Severity
    service: str | None = None
    #: None: now.
    started_at: datetime | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFilter:
    """Which incidents are asked for; what is left out matches all."""

    statuses: frozenset[Status] = frozenset()
    severities: frozenset[Severity] = frozenset()
    service: str | None = None
    #: Stands somewhere in the title.
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that happened in an incident: a line of its timeline."""

    #: Of the event, see ``IncidentChanged``.
    sequence: int
    incident_id: UUID
    change: Change
    #: What somebody wrote, or what changed, for people.
    text: str
    #: None: Tocsin itself.
    by: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedLog:
    """A log that somebody linked to an incident, as it was then: it outlives the log itself."""

    log_id: str
    #: As ``GET /v1/logs/{log_id}`` has it.
    log: Mapping[str, Any]
    linked_by: UUID
    linked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTimes:
    """How fast people were, with the incidents that were opened in a time."""

    #: None: all services.
    service: str | None
    incidents: int
    #: Means in seconds, of those that were acknowledged or resolved; None where none was.
    to_acknowledge_seconds: float | None
    to_resolve_seconds: float | None
