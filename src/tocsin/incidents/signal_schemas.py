"""What the endpoints of an incident's signals and of corrections take and answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from tocsin.incidents.contracts import CorrectionKind, Deploy, Edge, KeptCorrection, Signal, SignalSource
from tocsin.incidents.grouping import moment
from tocsin.logmodel.levels import Level

MAX_SIGNALS_A_REQUEST = 1_000
MAX_INCIDENTS_A_REQUEST = 100

_SignalIds = Annotated[list[UUID], Meta(min_length=1, max_length=MAX_SIGNALS_A_REQUEST)]


class SplitRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signals of the incident that become a new one."""

    signal_ids: _SignalIds


class MoveRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signals of the incident that belong to another one."""

    signal_ids: _SignalIds
    to: Annotated[UUID, Meta(description="The `id` of the other incident.")]


class MergeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Incidents that become part of the incident."""

    incident_ids: Annotated[list[UUID], Meta(min_length=1, max_length=MAX_INCIDENTS_A_REQUEST)]


class EvidenceResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A query that shows a signal, and what it answered then: ask it again from `start` to before `end`."""

    query: str
    start: datetime
    end: datetime
    count: int
    log_ids: list[str]


class SignalResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A finding, or an alert from outside; `kind` says which finding, or what sent the alert."""

    id: UUID
    source: SignalSource
    kind: str
    service: str | None
    pattern: int | None
    title: str
    level: Level
    onset: datetime
    last: datetime
    score: float
    is_over: bool
    opens: bool
    trace_ids: list[str]
    labels: dict[str, str]
    url: str | None
    evidence: EvidenceResponse | None

    @classmethod
    def of(cls, signal: Signal) -> "SignalResponse":
        """The signal on the wire."""
        return cls(
            id=signal.id,
            source=signal.source,
            kind=signal.kind,
            service=signal.service,
            pattern=signal.pattern,
            title=signal.title,
            level=signal.level,
            onset=moment(signal.onset_unix_nano),
            last=moment(signal.last_unix_nano),
            score=signal.score,
            is_over=signal.is_over,
            opens=signal.opens,
            trace_ids=sorted(signal.trace_ids),
            labels=dict(signal.labels),
            url=signal.url,
            evidence=_evidence(signal),
        )


class EdgeResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Why the signal `second` is in the incident: `first` explains it best, `weight` (0–1) says how well."""

    first: UUID
    second: UUID
    weight: float
    reason: str


class SignalsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What an incident is made of, by onset, and why it was grouped."""

    signals: list[SignalResponse]
    edges: list[EdgeResponse]

    @classmethod
    def of(cls, signals: Sequence[Signal], edges: Sequence[Edge]) -> "SignalsResponse":
        """The signals on the wire."""
        return cls(
            signals=[SignalResponse.of(each) for each in signals],
            edges=[
                EdgeResponse(first=each.first, second=each.second, weight=each.weight, reason=each.reason)
                for each in edges
            ],
        )


class DeployResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a service that was rolled out."""

    service: str
    version: str
    at: datetime

    @classmethod
    def of(cls, deploy: Deploy) -> "DeployResponse":
        """The deploy on the wire."""
        return cls(service=deploy.service, version=deploy.version, at=moment(deploy.at_unix_nano))


class CorrectionResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided: signals of one side stay together, and apart from those of another side."""

    id: UUID
    kind: CorrectionKind
    #: Where it was made, and all that it changed.
    incident_id: UUID
    incident_ids: list[UUID]
    sides: list[list[UUID]]
    by: UUID
    at: datetime

    @classmethod
    def of(cls, kept: KeptCorrection) -> "CorrectionResponse":
        """The correction on the wire."""
        return cls(
            id=kept.id,
            kind=kept.kind,
            incident_id=kept.incident_id,
            incident_ids=sorted(kept.incident_ids),
            sides=[sorted(side) for side in kept.correction.sides],
            by=kept.by,
            at=kept.at,
        )


class CorrectionsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What holds of what people corrected, the latest first."""

    corrections: list[CorrectionResponse]


def _evidence(signal: Signal) -> EvidenceResponse | None:
    evidence = signal.evidence
    if evidence is None:
        return None
    return EvidenceResponse(
        query=evidence.query,
        start=moment(evidence.start_unix_nano),
        end=moment(evidence.end_unix_nano),
        count=evidence.count,
        log_ids=list(evidence.log_ids),
    )
