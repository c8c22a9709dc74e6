"""What a statement forgets, the database still knows: on PostgreSQL, with a role that owns the tables."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from tests.database.test_migration import ROOMS_WITH_TABLES, outside_connection
from tests.support.postgres import PostgresServer
from tocsin.accounts.contracts import Role
from tocsin.database.row_security import POLICY
from tocsin.database.scopes import ALL_ORGANIZATIONS, Scope
from tocsin.database.service import Database
from tocsin.database.tables import Table, UtcDateTime
from tocsin.kit.clock import SystemClock, utc_now

OURS, THEIRS = UUID(int=1), UUID(int=2)
PERSON = UUID(int=3)

OWNED = {
    table.name: "id" if table.name == "organizations" else "organization_id"
    for table in Table.metadata.sorted_tables
    if table.name == "organizations" or "organization_id" in table.columns
}
"""Each table with rows of organizations, and the column that says whose."""


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.migrated_database() as url:
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """One row of each organization in every table."""
    database = Database(url)
    async with database.session(ALL_ORGANIZATIONS) as session:
        for table in Table.metadata.sorted_tables:
            for organization_id in (OURS, THEIRS) if table.name in OWNED else (None,):
                await session.execute(sa.insert(table).values(row_of(table, organization_id)))
    yield database
    await database.close()


def row_of(table: sa.Table, organization_id: UUID | None) -> dict[str, Any]:
    """A row with something in every column that takes no NULL."""
    row = {column.name: value_of(column) for column in table.columns if not column.nullable}
    if organization_id is not None:
        row[OWNED[table.name]] = organization_id
        # What refers to an incident refers to the organization's own.
        incident = {"incidents": "id"}.get(table.name, "incident_id")
        row |= {incident: UUID(int=organization_id.int + 100)} if incident in row else {}
    return row


def value_of(column: sa.Column[Any]) -> Any:
    if column.foreign_keys or (column.table.name, column.name) == ("users", "id"):
        return PERSON
    match column.type:
        case sa.Uuid():
            return uuid4()
        case sa.Date():
            return utc_now(SystemClock()).date()
        case UtcDateTime() | sa.DateTime():
            return utc_now(SystemClock())
        case sa.Enum():
            return Role.VIEWER
        case sa.Boolean():
            return True
        case sa.Double():
            return 1.5
        case sa.Integer():
            return uuid4().int % 2**31
        case sa.Float():
            return 0.5
        case sa.LargeBinary():
            return b"x"
        case sa.JSON():
            return []
        case _:
            return str(uuid4())


async def owners(database: Database, scope: Scope, table: str) -> list[UUID]:
    """Whose rows ``SELECT *`` finds, without any condition."""
    async with database.read_session(scope) as session:
        rows = (await session.execute(sa.text(f"SELECT * FROM {table}"))).mappings()
        return sorted(row[OWNED[table]] for row in rows)


def test_every_table_with_rows_of_organizations_is_protected(url: str) -> None:
    assert ROOMS_WITH_TABLES
    assert {"organizations", "api_keys", "sessions", "dead_letters", "saved_searches"} <= set(OWNED)
    flags = sa.text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
    policies = sa.text("SELECT tablename, policyname, cmd, permissive FROM pg_policies")
    with outside_connection(url) as connection:
        assert set(connection.execute(flags).scalars()) == set(OWNED)
        assert sorted(map(tuple, connection.execute(policies))) == sorted(
            (table, POLICY, "ALL", "PERMISSIVE") for table in OWNED
        )


@pytest.mark.parametrize("table", sorted(OWNED))
async def test_a_session_finds_the_rows_of_its_scope(database: Database, table: str) -> None:
    assert await owners(database, OURS, table) == [OURS]
    assert await owners(database, THEIRS, table) == [THEIRS]
    assert await owners(database, uuid4(), table) == []
    assert await owners(database, ALL_ORGANIZATIONS, table) == [OURS, THEIRS]


@pytest.mark.parametrize("table", sorted(OWNED))
async def test_a_connection_that_says_no_scope_finds_nothing(database: Database, url: str, table: str) -> None:
    with outside_connection(url) as connection:
        for _ in range(2):
            assert connection.execute(sa.text(f"SELECT * FROM {table}")).all() == []
            # What was said in a transaction is forgotten with it.
            connection.execute(sa.text(f"SELECT set_config('tocsin.organization_id', '{OURS}', true)"))
            assert len(connection.execute(sa.text(f"SELECT * FROM {table}")).all()) == 1
            connection.rollback()


@pytest.mark.parametrize("table", sorted(OWNED))
async def test_a_session_writes_no_row_of_another_organization(database: Database, table: str) -> None:
    owned = Table.metadata.tables[table]
    for statement in (
        sa.insert(owned).values(row_of(owned, THEIRS)),
        sa.update(owned).values({OWNED[table]: THEIRS}),
    ):
        with pytest.raises(DBAPIError, match="row-level security"):
            async with database.session(OURS) as session:
                await session.execute(statement)


@pytest.mark.parametrize("table", sorted(OWNED))
async def test_a_session_deletes_no_row_of_another_organization(database: Database, table: str) -> None:
    async with database.session(OURS) as session:
        await session.execute(sa.text(f"DELETE FROM {table}"))
    assert await owners(database, ALL_ORGANIZATIONS, table) == [THEIRS]
