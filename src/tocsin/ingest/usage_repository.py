"""The rows that say what came in with each API key on each day."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tocsin.database.inserting import Insert, insert_into
from tocsin.database.service import Database
from tocsin.ingest.tables import IngestUsageRow

_COUNTS = ("received", "stored", "duplicates", "dead_letters", "bytes")


@dataclass(slots=True)
class Usage:
    """What came in, and what became of it: ``received == stored + duplicates + dead_letters``."""

    received: int = 0
    stored: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    #: Of bodies, decompressed.
    bytes: int = 0

    def add(self, other: "Usage") -> None:
        """Count what another counted too."""
        self._change(other, 1)

    def subtract(self, other: "Usage") -> None:
        """Count no longer what another counted."""
        self._change(other, -1)

    def _change(self, other: "Usage", sign: int) -> None:
        self.received += sign * other.received
        self.stored += sign * other.stored
        self.duplicates += sign * other.duplicates
        self.dead_letters += sign * other.dead_letters
        self.bytes += sign * other.bytes


class KeyDay(NamedTuple):
    """One API key on one day (UTC)."""

    day: date
    key_id: UUID


class UsageRepository:
    """Adds to the counts of several processes, and reads them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, organization_id: UUID, usage: Mapping[KeyDay, Usage], *, total_of: date | None = None
    ) -> int | None:
        """Add to the rows of an organization; returns its bytes of a day with them, if asked. Durable on return.

        Raises:
            ServiceUnavailable: the database can't be reached.
            IntegrityError: there is no such organization any more.
        """
        # In one order, so that processes that add to the same rows wait for each other, and never in a circle.
        rows = [{"organization_id": organization_id, **each._asdict(), **asdict(usage[each])} for each in sorted(usage)]
        async with self._database.session(organization_id) as session:
            await session.execute(_addition(session), rows)
            return None if total_of is None else await _bytes_of(session, organization_id, total_of)

    async def bytes_of(self, organization_id: UUID, day: date) -> int:
        """The organization's bytes of one day, of all processes that have written them.

        Raises:
            ServiceUnavailable: the database can't be reached.
        """
        async with self._database.read_session(organization_id) as session:
            return await _bytes_of(session, organization_id, day)

    async def between(
        self, organization_id: UUID, first_day: date, last_day: date, *, key_id: UUID | None
    ) -> dict[KeyDay, Usage]:
        """The organization's usage from one day to another, both included; of one key where it is named.

        Raises:
            ServiceUnavailable: the database can't be reached.
        """
        asked = select(IngestUsageRow).where(
            IngestUsageRow.organization_id == organization_id,
            IngestUsageRow.day >= first_day,
            IngestUsageRow.day <= last_day,
        )
        if key_id is not None:
            asked = asked.where(IngestUsageRow.key_id == key_id)
        async with self._database.read_session(organization_id) as session:
            rows = (await session.scalars(asked)).all()
        return {
            KeyDay(row.day, row.key_id): Usage(row.received, row.stored, row.duplicates, row.dead_letters, row.bytes)
            for row in rows
        }


async def _bytes_of(session: AsyncSession, organization_id: UUID, day: date) -> int:
    total = await session.scalar(
        select(func.sum(IngestUsageRow.bytes)).where(
            IngestUsageRow.organization_id == organization_id, IngestUsageRow.day == day
        )
    )
    # PostgreSQL's sum of bigints is a numeric.
    return int(total or 0)


def _addition(session: AsyncSession) -> Insert:
    """A statement that makes a row, or adds to the one that is there."""
    new = insert_into(session, IngestUsageRow)
    return new.on_conflict_do_update(
        index_elements=["organization_id", "day", "key_id"],
        set_={name: getattr(IngestUsageRow, name) + new.excluded[name] for name in _COUNTS},
    )
