"""The rows of the topology: what was seen of calls, and up to where traces were looked at."""

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import delete, select, tuple_, update

from tocsin.database.inserting import insert_into
from tocsin.database.service import Database
from tocsin.kit.moments import NANOSECONDS_A_SECOND, unix_nano
from tocsin.logstore.ports import OrganizationId
from tocsin.topology.contracts import CallCount
from tocsin.topology.learning import Seen, SeenCall
from tocsin.topology.tables import TopologyCallRow, TopologyLookRow


class TopologyRepository:
    """Every method is about one organization, and may raise ``ServiceUnavailable``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def looked_until(self, organization_id: OrganizationId) -> int | None:
        """Up to which moment its traces were looked at; None where nobody did yet."""
        row = TopologyLookRow
        asked = select(row.looked_until_unix_nano).where(row.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            return await session.scalar(asked)

    async def move_on(self, organization_id: OrganizationId, *, seen: int | None, until_unix_nano: int) -> bool:
        """Say up to where this process looks; whether no other one did since ``seen`` was read.

        Raises:
            IntegrityError: there is no such organization any more.
        """
        row = TopologyLookRow
        async with self._database.session(organization_id) as session:
            if seen is None:
                first = insert_into(session, row).values(
                    organization_id=organization_id, looked_until_unix_nano=until_unix_nano
                )
                made = first.on_conflict_do_nothing().returning(row.organization_id)
                return (await session.execute(made)).first() is not None
            moved = (
                update(row)
                .where(row.organization_id == organization_id, row.looked_until_unix_nano == seen)
                .values(looked_until_unix_nano=until_unix_nano)
                .returning(row.organization_id)
            )
            return (await session.execute(moved)).first() is not None

    async def calls(self, organization_id: OrganizationId) -> Seen:
        """All that is remembered."""
        row = TopologyCallRow
        asked = select(row).where(row.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            return {
                (each.caller, each.callee): SeenCall(
                    CallCount(each.calls, each.failed, each.indirect), unix_nano(each.last_seen_at)
                )
                for each in await session.scalars(asked)
            }

    async def save(
        self, organization_id: OrganizationId, changed: Seen, *, gone: Collection[tuple[str, str]] = ()
    ) -> None:
        """Remember these calls as they are now, and forget those."""
        row = TopologyCallRow
        async with self._database.session(organization_id) as session:
            if gone:
                forgotten = tuple_(row.caller, row.callee).in_(sorted(gone))
                await session.execute(delete(row).where(row.organization_id == organization_id, forgotten))
            if changed:
                kept = insert_into(session, row)
                new = {name: kept.excluded[name] for name in ("calls", "failed", "indirect", "last_seen_at")}
                kept = kept.on_conflict_do_update(index_elements=["organization_id", "caller", "callee"], set_=new)
                await session.execute(kept, [_values(organization_id, pair, each) for pair, each in changed.items()])


def _values(organization_id: OrganizationId, pair: tuple[str, str], seen: SeenCall) -> dict[str, object]:
    return {
        "organization_id": organization_id,
        "caller": pair[0],
        "callee": pair[1],
        "calls": seen.count.calls,
        "failed": seen.count.failed,
        "indirect": seen.count.indirect,
        "last_seen_at": datetime.fromtimestamp(seen.seen_unix_nano / NANOSECONDS_A_SECOND, tz=UTC),
    }
