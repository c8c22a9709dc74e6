"""The rows of patterns: registered shapes, how far they were followed, and edits."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tocsin.database.inserting import Insert, insert_into
from tocsin.database.service import Database
from tocsin.patterns.contracts import Edit, EditKind, RegisteredShape
from tocsin.patterns.tables import PatternEditRow, PatternPositionRow, PatternShapeRow

_SIGN_BIT = 1 << 63
_ROWS_A_STATEMENT = 1_000


class PatternsRepository:
    """Every method is about one organization, and may raise ``ServiceUnavailable``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def shapes(self, organization_id: UUID) -> list[RegisteredShape]:
        """Every registered shape."""
        columns = (PatternShapeRow.shape, PatternShapeRow.first_seen_unix_nano, PatternShapeRow.exemplar)
        asked = select(*columns).where(PatternShapeRow.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            rows = (await session.execute(asked)).all()
        return [RegisteredShape(_unsigned(shape), first_seen, exemplar) for shape, first_seen, exemplar in rows]

    async def position(self, organization_id: UUID) -> int:
        """Up to which ``ingest_sequence`` shapes are registered; 0 where none are."""
        asked = select(PatternPositionRow.ingest_sequence).where(PatternPositionRow.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            return (await session.scalar(asked)) or 0

    async def register(self, organization_id: UUID, shapes: Sequence[RegisteredShape], *, position: int) -> None:
        """Keep shapes, each as its earliest log has it, and the position that they bring the registry to.

        Several processes may register the same ones: the earliest log holds, and the furthest position.

        Raises:
            IntegrityError: there is no such organization any more.
        """
        rows = [
            {
                "organization_id": organization_id,
                "shape": _signed(each.shape),
                "first_seen_unix_nano": each.first_seen_unix_nano,
                "exemplar": each.exemplar,
            }
            # In one order, so that processes that write the same rows wait for each other, and never in a circle.
            for each in sorted(shapes, key=lambda each: each.shape)
        ]
        async with self._database.session(organization_id) as session:
            for start in range(0, len(rows), _ROWS_A_STATEMENT):
                await session.execute(_registration(session), rows[start : start + _ROWS_A_STATEMENT])
            moved = _move(session)
            await session.execute(moved, {"organization_id": organization_id, "ingest_sequence": position})

    async def edits(self, organization_id: UUID) -> list[Edit]:
        """What people decided, oldest first."""
        asked = (
            select(PatternEditRow)
            .where(PatternEditRow.organization_id == organization_id)
            .order_by(PatternEditRow.created_at, PatternEditRow.id)
        )
        async with self._database.read_session(organization_id) as session:
            return [_edit(row) for row in await session.scalars(asked)]

    async def count_edits(self, organization_id: UUID) -> int:
        """How many there are."""
        asked = select(func.count()).where(PatternEditRow.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            return int(await session.scalar(asked) or 0)

    async def add_edit(self, organization_id: UUID, edit: Edit) -> None:
        """Keep a decision."""
        row = PatternEditRow(
            id=edit.id,
            organization_id=organization_id,
            kind=edit.kind.value,
            shapes=[_signed(shape) for shape in edit.shapes],
            name=edit.name,
            created_by=edit.created_by,
            created_at=edit.created_at,
        )
        async with self._database.session(organization_id) as session:
            session.add(row)

    async def remove_edit(self, organization_id: UUID, edit_id: UUID) -> bool:
        """Forget a decision; whether there was one with this id."""
        forgotten = delete(PatternEditRow).where(
            PatternEditRow.organization_id == organization_id, PatternEditRow.id == edit_id
        )
        async with self._database.session(organization_id) as session:
            # Of a delete, this is how many rows went.
            return (await session.execute(forgotten.returning(PatternEditRow.id))).first() is not None


def _registration(session: AsyncSession) -> Insert:
    """A statement that registers a shape, or moves the one that is there to an earlier log."""
    new = insert_into(session, PatternShapeRow)
    return new.on_conflict_do_update(
        index_elements=["organization_id", "shape"],
        set_={
            "first_seen_unix_nano": new.excluded.first_seen_unix_nano,
            "exemplar": new.excluded.exemplar,
        },
        where=new.excluded.first_seen_unix_nano < PatternShapeRow.first_seen_unix_nano,
    )


def _move(session: AsyncSession) -> Insert:
    """A statement that sets the position, never back."""
    new = insert_into(session, PatternPositionRow)
    return new.on_conflict_do_update(
        index_elements=["organization_id"],
        set_={"ingest_sequence": new.excluded.ingest_sequence},
        where=new.excluded.ingest_sequence > PatternPositionRow.ingest_sequence,
    )


def _edit(row: PatternEditRow) -> Edit:
    shapes: Iterable[int] = row.shapes
    return Edit(
        id=row.id,
        kind=EditKind(row.kind),
        shapes=tuple(_unsigned(shape) for shape in shapes),
        name=row.name,
        created_by=row.created_by,
        created_at=row.created_at,
    )


def _signed(shape: int) -> int:
    return shape - 2 * _SIGN_BIT if shape >= _SIGN_BIT else shape


def _unsigned(number: int) -> int:
    return number + 2 * _SIGN_BIT if number < 0 else number
