"""The rows of detection: whoever has leased one is the only one to follow its organization until the lease ends."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select, update

from tocsin.database.inserting import insert_into
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.detection.tables import DetectionStateRow
from tocsin.logstore.ports import OrganizationId


@dataclass(frozen=True, slots=True)
class SavedState:
    """What was made of the logs up to a position; None of none."""

    ingest_sequence: int
    state: bytes | None


class DetectionRepository:
    """Every method may raise ``ServiceUnavailable``. Moments are given, so that one clock is used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, organization_id: OrganizationId, worker: UUID, *, begin_at: int, now: datetime, until: datetime
    ) -> SavedState | None:
        """Lease an organization; None where another worker has it. One that is new begins at this position.

        Raises:
            IntegrityError: there is no such organization any more.
        """
        row = DetectionStateRow
        lease = {"leased_by": worker, "leased_until": until}
        async with self._database.session(organization_id) as session:
            kept = (
                insert_into(session, row)
                .values(organization_id=organization_id, ingest_sequence=begin_at, saved_at=now, **lease)
                .on_conflict_do_update(
                    index_elements=["organization_id"],
                    set_=lease,
                    where=or_(row.leased_until.is_(None), row.leased_until <= now, row.leased_by == worker),
                )
                .returning(row.ingest_sequence, row.state)
            )
            found = (await session.execute(kept)).one_or_none()
        return None if found is None else SavedState(*found)

    async def renew(self, worker: UUID, *, until: datetime) -> frozenset[OrganizationId]:
        """Lease all organizations of a worker for longer; which these are."""
        row = DetectionStateRow
        kept = update(row).where(row.leased_by == worker).values(leased_until=until).returning(row.organization_id)
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            return frozenset(await session.scalars(kept))

    async def save(self, organization_id: OrganizationId, worker: UUID, saved: SavedState, *, now: datetime) -> bool:
        """Keep a state and its position; whether the organization was still this worker's, else nothing is kept."""
        row = DetectionStateRow
        kept = (
            update(row)
            .where(row.organization_id == organization_id, row.leased_by == worker)
            .values(ingest_sequence=saved.ingest_sequence, state=saved.state, saved_at=now)
            .returning(row.organization_id)
        )
        async with self._database.session(organization_id) as session:
            return (await session.execute(kept)).first() is not None

    async def free(self, *, now: datetime) -> list[OrganizationId]:
        """The organizations that were followed once, and that nobody follows now."""
        row = DetectionStateRow
        asked = select(row.organization_id).where(or_(row.leased_until.is_(None), row.leased_until <= now))
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            return list(await session.scalars(asked))

    async def give_back(self, worker: UUID) -> None:
        """End every lease of a worker that stops."""
        row = DetectionStateRow
        ended = update(row).where(row.leased_by == worker).values(leased_by=None, leased_until=None)
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(ended)
