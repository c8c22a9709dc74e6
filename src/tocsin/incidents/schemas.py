"""What the endpoints of incidents take and answer."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tocsin.incidents.contracts import (
    Cause,
    Change,
    Entry,
    Incident,
    IncidentDraft,
    LinkedLog,
    ResponseTimes,
    Severity,
    Status,
    TimelineItem,
    TimelineKind,
)
from tocsin.incidents.editing import IncidentEdit
from tocsin.incidents.signal_schemas import DeployResponse, SignalResponse
from tocsin.kit.text_forms import NO_NUL, NOT_BLANK

MAX_TAGS = 50
MAX_LOGS_A_REQUEST = 100

# Not blank, without control characters: PostgreSQL takes no NUL in any text.
_LINE_FORM = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?![\s\S])"
_COMMENT_FORM = r"^[^\x00]*[^\s\x00][^\x00]*$(?![\s\S])"

_Title = Annotated[
    str,
    Meta(min_length=1, max_length=200, pattern=_LINE_FORM, examples=["checkout answers 500"], extra=NOT_BLANK),
]
_ServiceName = Annotated[str, Meta(min_length=1, max_length=200, pattern=_LINE_FORM, extra=NOT_BLANK)]
_Tag = Annotated[str, Meta(min_length=1, max_length=50, pattern=_LINE_FORM, examples=["payments"], extra=NOT_BLANK)]
_Tags = Annotated[list[_Tag], Meta(max_length=MAX_TAGS)]
_Moment = Annotated[datetime, Meta(tz=True)]
_Version = Annotated[int, Meta(ge=1, le=2**63 - 1, description="The `version` of the incident that was seen.")]


class IncidentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is wrong, by a person's word."""

    title: _Title
    severity: Severity = Severity.MEDIUM
    service: _ServiceName | None = None
    started_at: _Moment | None = None
    tags: _Tags = []

    def draft(self) -> IncidentDraft:
        """The incident as the service takes it."""
        return IncidentDraft(
            title=self.title,
            severity=self.severity,
            service=self.service,
            started_at=self.started_at,
            tags=tuple(self.tags),
        )


class IncidentChangeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays as it is, and an assignee of null is taken away."""

    version: _Version
    title: _Title | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET
    assignee: UUID | UnsetType | None = UNSET
    tags: _Tags | UnsetType = UNSET

    def edit(self) -> IncidentEdit:
        """The change as the service takes it."""
        return IncidentEdit(
            title=None if isinstance(self.title, UnsetType) else self.title,
            severity=None if isinstance(self.severity, UnsetType) else self.severity,
            tags=None if isinstance(self.tags, UnsetType) else self.tags,
            assignee=None if isinstance(self.assignee, UnsetType) else self.assignee,
            is_unassigned=self.assignee is None,
        )


class StatusRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far people have come."""

    status: Status
    version: _Version


class CommentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody writes."""

    text: Annotated[str, Meta(min_length=1, max_length=10_000, pattern=_COMMENT_FORM, extra=NO_NUL)]


class LinkRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Logs to keep with an incident."""

    log_ids: Annotated[list[UUID], Meta(min_length=1, max_length=MAX_LOGS_A_REQUEST)]


class CauseResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What an incident may come from; the scores of all of them add up to at most 1."""

    service: str
    pattern: int | None
    location: str | None
    deploy: str | None
    score: float
    reasons: list[str]

    @classmethod
    def of(cls, cause: Cause) -> "CauseResponse":
        """The cause on the wire."""
        return cls(
            service=cause.service,
            pattern=cause.pattern,
            location=cause.location,
            deploy=cause.deploy,
            score=cause.score,
            reasons=list(cause.reasons),
        )


class IncidentResponse(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as it is now; the likeliest of its `causes` comes first."""

    id: UUID
    number: int
    title: str
    status: Status
    severity: Severity
    service: str | None
    affected_services: list[str]
    causes: list[CauseResponse]
    started_at: datetime
    opened_at: datetime
    reopened_at: datetime | None
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    last_signal_at: datetime | None
    merged_into: UUID | None
    from_signals: bool
    assignee: UUID | None
    tags: list[str]
    version: int

    @classmethod
    def of(cls, incident: Incident) -> "IncidentResponse":
        """The incident on the wire."""
        return cls(
            id=incident.id,
            number=incident.number,
            title=incident.title,
            status=incident.status,
            severity=incident.severity,
            service=incident.service,
            affected_services=list(incident.affected_services),
            causes=[CauseResponse.of(each) for each in incident.causes],
            started_at=incident.started_at,
            opened_at=incident.opened_at,
            reopened_at=incident.reopened_at,
            acknowledged_at=incident.acknowledged_at,
            resolved_at=incident.resolved_at,
            last_signal_at=incident.last_signal_at,
            merged_into=incident.merged_into,
            from_signals=incident.from_signals,
            assignee=incident.assignee,
            tags=list(incident.tags),
            version=incident.version,
        )


class IncidentsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A page of incidents, the newest first; ``next_cursor`` asks for the page after it, null on the last one."""

    incidents: list[IncidentResponse]
    next_cursor: str | None


class EntryResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a timeline; `by` is null where Tocsin did it itself."""

    sequence: int
    change: Change
    text: str
    by: UUID | None
    at: datetime

    @classmethod
    def of(cls, entry: Entry) -> "EntryResponse":
        """The entry on the wire."""
        return cls(sequence=entry.sequence, change=entry.change, text=entry.text, by=entry.by, at=entry.at)


class TimelineItemResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a timeline: a change of the incident, a signal at its onset, or a deploy, as `kind` says.

    `sequence`, `change` and `by` are those of a change; `by` is null where Tocsin did it itself.
    """

    kind: TimelineKind
    at: datetime
    text: str
    sequence: int | None = None
    change: Change | None = None
    by: UUID | None = None
    signal: SignalResponse | None = None
    deploy: DeployResponse | None = None

    @classmethod
    def of(cls, item: TimelineItem) -> "TimelineItemResponse":
        """The line on the wire."""
        if item.signal is not None:
            return cls(kind=item.kind, at=item.at, text=item.signal.title, signal=SignalResponse.of(item.signal))
        if item.deploy is not None:
            text = f"{item.deploy.service} {item.deploy.version} was deployed"
            return cls(kind=item.kind, at=item.at, text=text, deploy=DeployResponse.of(item.deploy))
        entry = item.entry
        if entry is None:
            raise AssertionError("a line of a timeline is empty")
        return cls(
            kind=item.kind, at=item.at, text=entry.text, sequence=entry.sequence, change=entry.change, by=entry.by
        )


class TimelineResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in an incident, in order."""

    entries: list[TimelineItemResponse]


class LinkedLogResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A log that is kept with an incident, as it was when it was linked."""

    log: dict[str, Any]
    linked_by: UUID
    linked_at: datetime

    @classmethod
    def of(cls, linked: LinkedLog) -> "LinkedLogResponse":
        """The linked log on the wire."""
        return cls(log=dict(linked.log), linked_by=linked.linked_by, linked_at=linked.linked_at)


class LinkedLogsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The logs that are kept with an incident, in the order in which they were linked."""

    logs: list[LinkedLogResponse]


class ResponseTimesOf(msgspec.Struct, frozen=True, kw_only=True):
    """How fast people were; null where nothing was acknowledged or resolved."""

    service: str | None
    incidents: int
    mtta_seconds: float | None
    mttr_seconds: float | None

    @classmethod
    def of(cls, times: ResponseTimes) -> "ResponseTimesOf":
        """The times on the wire."""
        return cls(
            service=times.service,
            incidents=times.incidents,
            mtta_seconds=times.to_acknowledge_seconds,
            mttr_seconds=times.to_resolve_seconds,
        )


class StatisticsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Mean times to acknowledge and to resolve, of the incidents that were opened since then."""

    since: datetime
    all: ResponseTimesOf
    services: list[ResponseTimesOf]
