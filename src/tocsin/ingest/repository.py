"""The rows that ingest keeps in the relational database: dead letters and idempotency keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.ingest.contracts import Reject, RejectReason
from tocsin.ingest.tables import DeadLetterRow, IdempotencyKeyRow

MAX_RAW_BYTES = 64 << 10
"""A dead letter keeps at most so much of its record, and says so where it was cut."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be stored."""

    id: UUID
    service: str
    reason: RejectReason
    detail: str
    raw: bytes
    truncated: bool
    received_at: datetime


class IngestRepository:
    """Keeps what the log store has no place for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_dead_letters(
        self, organization_id: UUID, service: str, rejects: Sequence[Reject], *, received_at: datetime
    ) -> None:
        """Keep the rejects, under ``service`` where they name none; durable on return."""
        rows = [
            {
                "id": uuid4(),
                "organization_id": organization_id,
                "service": reject.service or service,
                "reason": reject.reason.value,
                "detail": reject.detail,
                "raw": reject.raw[:MAX_RAW_BYTES],
                "truncated": len(reject.raw) > MAX_RAW_BYTES,
                "received_at": received_at,
            }
            for reject in rejects
        ]
        async with self._database.session(organization_id) as session:
            await session.execute(insert(DeadLetterRow), rows)

    async def dead_letters(self, organization_id: UUID, *, limit: int) -> list[DeadLetter]:
        """The newest dead letters of an organization, newest first."""
        newest = (
            select(DeadLetterRow)
            .where(DeadLetterRow.organization_id == organization_id)
            .order_by(DeadLetterRow.received_at.desc(), DeadLetterRow.id)
            .limit(limit)
        )
        async with self._database.read_session(organization_id) as session:
            rows = (await session.scalars(newest)).all()
            return [
                DeadLetter(
                    id=row.id,
                    service=row.service,
                    reason=RejectReason(row.reason),
                    detail=row.detail,
                    raw=row.raw,
                    truncated=row.truncated,
                    received_at=row.received_at,
                )
                for row in rows
            ]

    async def first_received(self, organization_id: UUID, key: str, *, now_unix_nano: int) -> int:
        """When a request with this idempotency key was first received: now, if never before. Durable on return."""
        try:
            async with self._database.session(organization_id) as session:
                await session.execute(
                    insert(IdempotencyKeyRow).values(
                        organization_id=organization_id, key=key, first_received_unix_nano=now_unix_nano
                    )
                )
            return now_unix_nano
        except IntegrityError:
            # It is there already, maybe since this very moment; the first one's time counts.
            pass
        async with self._database.read_session(organization_id) as session:
            first = await session.scalar(
                select(IdempotencyKeyRow.first_received_unix_nano).where(
                    IdempotencyKeyRow.organization_id == organization_id,
                    IdempotencyKeyRow.key == key,
                )
            )
        return now_unix_nano if first is None else first

    async def forget_idempotency_keys(self, *, before_unix_nano: int) -> None:
        """Forget keys that were first seen before this time."""
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(
                delete(IdempotencyKeyRow).where(IdempotencyKeyRow.first_received_unix_nano < before_unix_nano)
            )
