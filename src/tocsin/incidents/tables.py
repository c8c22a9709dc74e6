"""The tables of incidents."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint
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
