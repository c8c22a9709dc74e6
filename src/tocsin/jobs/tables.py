"""The table of jobs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tocsin.database.tables import Table, UtcDateTime


class JobRow(Table):
    """Work that is to be done, or could not be. What is done is gone."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("organization_id", "kind", "key"),
        Index(None, "kind", "not_before"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(Text)
    payload: Mapped[Any] = mapped_column(JSON)
    #: None: as many as are added.
    key: Mapped[str | None] = mapped_column(Text)
    #: How often it was begun.
    attempts: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    #: The worker that does it, and until when nobody else may.
    leased_by: Mapped[UUID | None]
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: When it was given up, and why.
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(Text)
