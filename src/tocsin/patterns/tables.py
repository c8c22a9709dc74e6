"""The tables of patterns."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from tocsin.database.tables import Table, UtcDateTime


class PatternShapeRow(Table):
    """A shape that an organization's logs have. Shapes are unsigned, and kept as the signed number of the same bits."""

    __tablename__ = "pattern_shapes"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    shape: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    #: The timestamp of its earliest log.
    first_seen_unix_nano: Mapped[int] = mapped_column(BigInteger)
    #: The message of its earliest log, cut to what clustering looks at.
    exemplar: Mapped[str] = mapped_column(Text)


class PatternPositionRow(Table):
    """Up to which ``ingest_sequence`` the shapes of an organization's logs are registered."""

    __tablename__ = "pattern_positions"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    ingest_sequence: Mapped[int] = mapped_column(BigInteger)


class PatternEditRow(Table):
    """What a person decided about patterns."""

    __tablename__ = "pattern_edits"
    __table_args__ = (Index(None, "organization_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(Text)
    #: A list of signed numbers.
    shapes: Mapped[Any] = mapped_column(JSON)
    name: Mapped[str | None] = mapped_column(Text)
    #: Not a reference: what somebody decided holds when they are gone.
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
