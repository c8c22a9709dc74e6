"""What other rooms see of incidents."""

from collections.abc import Mapping
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


TEMPLATE_LABEL = "pattern"
"""The label of a finding that has the whole template of its pattern: a title has room for a part only."""


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
    #: Whether it is enough to open an incident by itself; what is not can still join one.
    opens: bool = True
    evidence: Evidence | None = None
    #: Traces or requests that show it, a few.
    trace_ids: frozenset[str] = frozenset()
    #: What came with an alert; of a finding its pattern.
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
    reasons: tuple[str, ...]


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
    affected_services: tuple[str, ...]
    #: The likeliest first.
    causes: tuple[Cause, ...] = ()
    #: When the trouble began: with its first signal, or when the person who opened it says.
    started_at: datetime
    opened_at: datetime
    #: When it was opened again, the last time: how fast people are counts from there.
    reopened_at: datetime | None = None
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    #: The incident that has its signals now; it is resolved then.
    merged_into: UUID | None = None
    #: Of the latest signal.
    last_signal_at: datetime | None = None
    assignee: UUID | None = None
    tags: tuple[str, ...] = ()
    #: Whether signals opened it, not a person: then it ends by itself once they are quiet.
    from_signals: bool = False
    #: The names of fields that a person has decided: signals don't change them any more.
    edited: tuple[str, ...] = ()
    #: Counts every change that people see; who changes an incident says which version they saw.
    version: int = 1

    @property
    def due_from(self) -> datetime:
        """From when on it waits for people: its latest opening."""
        return self.reopened_at or self.opened_at


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
    #: The copy of a log was taken away.
    UNLINKED = "unlinked"
    #: It is one with another incident, which goes on; this one is resolved.
    MERGED = "merged"
    #: A person changed which signals it has.
    REGROUPED = "regrouped"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChanged:
    """The event of a change, in the order of ``sequence``."""

    #: Counts up in an organization.
    sequence: int
    change: Change
    #: As it was with this change.
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
    tags: tuple[str, ...] = ()


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


class TimelineKind(StrEnum):
    """What a line of a timeline is about; of two at the same moment, the first here comes first."""

    DEPLOY = "deploy"
    SIGNAL = "signal"
    CHANGE = "change"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineItem:
    """A line of a timeline: one of the three is there, as its kind says."""

    kind: TimelineKind
    at: datetime
    deploy: Deploy | None = None
    #: At its onset.
    signal: Signal | None = None
    entry: Entry | None = None


class CorrectionKind(StrEnum):
    """What a person did to the grouping of signals."""

    SPLIT = "split"
    MERGE = "merge"
    MOVE = "move"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What people decided: signals on one side belong together, and not with those on another side.

    Merging is one side with the signals of both incidents. Splitting is two: what goes out, and what stays. Moving is
    two as well: the moved ones with their new company, and what stays behind.
    """

    sides: tuple[frozenset[UUID], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCorrection:
    """A correction as it was made."""

    id: UUID
    kind: CorrectionKind
    #: Of the event that tells of it: later ones win over earlier ones.
    sequence: int
    #: Where it was made.
    incident_id: UUID
    correction: Correction
    #: The signals that went from one incident to another: (from, to).
    moves: Mapping[UUID, tuple[UUID, UUID]]
    #: Incidents that ended by it, and the status that each had.
    ended: Mapping[UUID, Status]
    by: UUID
    at: datetime

    @property
    def incident_ids(self) -> frozenset[UUID]:
        """Every incident that it touched."""
        moved = {incident_id for move in self.moves.values() for incident_id in move}
        return frozenset({self.incident_id, *moved, *self.ended})


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
