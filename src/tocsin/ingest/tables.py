"""The tables of ingest."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from tocsin.database.tables import Table, UtcDateTime


class DeadLetterRow(Table):
    """A record that could not be stored, as it came, and why."""

    __tablename__ = "dead_letters"
    __table_args__ = (Index(None, "organization_id", "received_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    service: Mapped[str] = mapped_column(Text)
    #: From a closed set.
    reason: Mapped[str] = mapped_column(Text)
    #: The reason in words, for a person.
    detail: Mapped[str] = mapped_column(Text)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    #: Whether ``raw`` is only the beginning.
    truncated: Mapped[bool]
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class IdempotencyKeyRow(Table):
    """An ``Idempotency-Key`` that a sender used, and the time that its logs without one were given.

    It is the organization's, so that a sender is still recognised when its API key has been exchanged.
    """

    __tablename__ = "idempotency_keys"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    first_received_unix_nano: Mapped[int] = mapped_column(BigInteger, index=True)
