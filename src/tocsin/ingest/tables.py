"""The tables of ingest."""

from datetime import date, datetime
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


class IngestUsageRow(Table):
    """What came in with one API key on one day (UTC), and what became of it.

    The ledger of the log store is the truth for the organization; this is its breakdown.
    """

    __tablename__ = "ingest_usage"

    # In this order, so that a day of an organization is one range of the index.
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    #: Not a reference: what a key sent is still told when the key is gone.
    key_id: Mapped[UUID] = mapped_column(primary_key=True)
    received: Mapped[int] = mapped_column(BigInteger)
    stored: Mapped[int] = mapped_column(BigInteger)
    duplicates: Mapped[int] = mapped_column(BigInteger)
    dead_letters: Mapped[int] = mapped_column(BigInteger)
    #: Of bodies, decompressed.
    bytes: Mapped[int] = mapped_column(BigInteger)
