"""The tables of notifications."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from tocsin.database.tables import Table, UtcDateTime


class ChannelRow(Table):
    """A place that messages go to."""

    __tablename__ = "notification_channels"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: See ``sealing``; NULL where there is none.
    sealed_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    per_minute: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RuleRow(Table):
    """Who is told of what. Which channel it names is looked at when a rule is made and when it is used."""

    __tablename__ = "notification_rules"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    channel_id: Mapped[UUID]
    severities: Mapped[list[str]] = mapped_column(JSON)
    services: Mapped[list[str]] = mapped_column(JSON)
    hours: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DeliveryRow(Table):
    """What was, or will be, said by one rule of one change."""

    __tablename__ = "notification_deliveries"
    __table_args__ = (
        Index(None, "organization_id", "created_at"),
        Index(None, "rule_id", "incident_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    rule_id: Mapped[UUID]
    channel_id: Mapped[UUID]
    incident_id: Mapped[UUID]
    sequence: Mapped[int] = mapped_column(BigInteger)
    change: Mapped[str] = mapped_column(Text)
    #: The change, as it was.
    event: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(Text)
    #: The delivery whose message says it; NULL until one does.
    sent_with: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PositionRow(Table):
    """How far an organization's events were followed."""

    __tablename__ = "notification_positions"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)
