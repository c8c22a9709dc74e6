"""The table of detection."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from tocsin.database.tables import Table, UtcDateTime


class DetectionStateRow(Table):
    """How far an organization's logs were taken in, what was made of them, and which process goes on."""

    __tablename__ = "detection_states"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    ingest_sequence: Mapped[int] = mapped_column(BigInteger)
    #: None before the first logs are taken in.
    state: Mapped[bytes | None] = mapped_column(LargeBinary)
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: The process that follows the organization, and until when no other may.
    leased_by: Mapped[UUID | None]
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
