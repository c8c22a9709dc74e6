"""The tables of incidents."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tocsin.database.tables import Table, UtcDateTime


class IncidentCounterRow(Table):
    """How many incidents and events an organization has had."""

    __tablename__ = "incident_counters"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    incidents: Mapped[int] = mapped_column(BigInteger)
    events: Mapped[int] = mapped_column(BigInteger)


class IncidentRow(Table):
    """An incident as it is now."""

    __tablename__ = "incidents"
    __table_args__ = (
        UniqueConstraint("organization_id", "number"),
        Index(None, "organization_id", "status"),
        Index(None, "organization_id", "opened_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(Text)
    service: Mapped[str | None] = mapped_column(Text)
    affected_services: Mapped[Any] = mapped_column(JSON)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Not a reference: who worked on it is known when they are gone.
    assignee: Mapped[UUID | None]
    tags: Mapped[Any] = mapped_column(JSON)
    version: Mapped[int] = mapped_column(BigInteger)
    # NULL in the following: it is older than what they tell.
    causes: Mapped[Any | None] = mapped_column(JSON)
    last_signal_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reopened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Not a reference, so that an organization's incidents can go in any order.
    merged_into: Mapped[UUID | None]
    from_signals: Mapped[bool | None] = mapped_column(Boolean)
    edited: Mapped[Any | None] = mapped_column(JSON)


class IncidentEntryRow(Table):
    """Something that happened in an incident: the event of a change, or a comment."""

    __tablename__ = "incident_entries"
    __table_args__ = (
        ForeignKeyConstraint(["incident_id"], ["incidents.id"], ondelete="CASCADE"),
        Index(None, "organization_id", "incident_id"),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    #: Counts up in an organization, in the order in which it happened.
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    incident_id: Mapped[UUID]
    change: Mapped[str] = mapped_column(Text)
    #: What somebody wrote, or what changed, for people.
    text: Mapped[str] = mapped_column(Text)
    #: None: Tocsin itself.
    by: Mapped[UUID | None]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: The incident as it was then; NULL in entries that are older than this column.
    incident: Mapped[Any | None] = mapped_column(JSON)


class IncidentLogRow(Table):
    """A log that somebody linked to an incident, as it was then: it outlives the log itself."""

    __tablename__ = "incident_logs"
    __table_args__ = (ForeignKeyConstraint(["incident_id"], ["incidents.id"], ondelete="CASCADE"),)

    incident_id: Mapped[UUID] = mapped_column(primary_key=True)
    log_id: Mapped[str] = mapped_column(Text, primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    log: Mapped[Any] = mapped_column(JSON)
    linked_by: Mapped[UUID]
    linked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SignalRow(Table):
    """A finding or an alert, as it was last told."""

    __tablename__ = "signals"
    __table_args__ = (
        ForeignKeyConstraint(["incident_id"], ["incidents.id"], ondelete="CASCADE"),
        Index(None, "organization_id", "incident_id"),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    #: NULL: it is not enough for an incident, and waits for one that it can join.
    incident_id: Mapped[UUID | None]
    source: Mapped[str] = mapped_column(Text)
    #: Until when it is known to last.
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    is_over: Mapped[bool] = mapped_column(Boolean)
    #: When it was told first, and with something new last.
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: All of it.
    signal: Mapped[Any] = mapped_column(JSON)


class SignalEdgeRow(Table):
    """Why a signal is in its incident: the one that explains it best. It may be in another one by a correction."""

    __tablename__ = "signal_edges"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    second: Mapped[UUID] = mapped_column(primary_key=True)
    first: Mapped[UUID]
    weight: Mapped[float] = mapped_column(Float)
    reason: Mapped[str] = mapped_column(Text)


class IncidentCorrectionRow(Table):
    """What a person decided about the grouping of signals."""

    __tablename__ = "incident_corrections"
    __table_args__ = (Index(None, "organization_id", "sequence"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    sequence: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: A ``KeptCorrection``.
    correction: Mapped[Any] = mapped_column(JSON)


class DeployRow(Table):
    """A version of a service that was rolled out."""

    __tablename__ = "deploys"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    service: Mapped[str] = mapped_column(Text, primary_key=True)
    at_unix_nano: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    version: Mapped[str] = mapped_column(Text, primary_key=True)
