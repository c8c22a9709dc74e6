"""The tables of the topology."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Double, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from tocsin.database.tables import Table, UtcDateTime


class TopologyLookRow(Table):
    """Up to where an organization's traces were looked at: whoever moves it on first does the looking."""

    __tablename__ = "topology_looks"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    looked_until_unix_nano: Mapped[int] = mapped_column(BigInteger)


class TopologyCallRow(Table):
    """One service calling another; how often counts as of ``last_seen_at``, and is forgotten from then on."""

    __tablename__ = "topology_calls"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    callee: Mapped[str] = mapped_column(Text, primary_key=True)
    calls: Mapped[float] = mapped_column(Double)
    failed: Mapped[float] = mapped_column(Double)
    indirect: Mapped[float] = mapped_column(Double)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
