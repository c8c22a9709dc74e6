import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import tocsin.accounts.tables
import tocsin.detection.tables
import tocsin.incidents.tables
import tocsin.ingest.tables
import tocsin.jobs.tables
import tocsin.notifications.tables
import tocsin.patterns.tables
import tocsin.search.meaning.tables
import tocsin.search.tables
import tocsin.topology.tables
from tocsin.database.engine import driver_url
from tocsin.database.service import Database
from tocsin.database.tables import Table

ROOMS_WITH_TABLES = (
    tocsin.accounts.tables,
    tocsin.detection.tables,
    tocsin.incidents.tables,
    tocsin.ingest.tables,
    tocsin.jobs.tables,
    tocsin.notifications.tables,
    tocsin.patterns.tables,
    tocsin.search.meaning.tables,
    tocsin.search.tables,
    tocsin.topology.tables,
)


@contextmanager
def outside_connection(url: str) -> Iterator[sa.Connection]:
    parsed = driver_url(url)
    if parsed.get_backend_name() == "sqlite":
        parsed = parsed.set(drivername="sqlite")
    engine = sa.create_engine(parsed)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def schema_of(url: str) -> dict[str, Any]:
    with outside_connection(url) as connection:
        inspector = sa.inspect(connection)
        return {
            table: (
                [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
                inspector.get_pk_constraint(table)["name"],
                sorted(str(index["name"]) for index in inspector.get_indexes(table)),
                sorted(str(key["name"]) for key in inspector.get_foreign_keys(table)),
                sorted(str(check["name"]) for check in inspector.get_check_constraints(table)),
                sorted(str(unique["name"]) for unique in inspector.get_unique_constraints(table)),
            )
            for table in sorted(inspector.get_table_names())
            if table != "alembic_version"
        }


@pytest.fixture
async def migrated(empty_database_url: str) -> Any:
    database = Database(empty_database_url)
    await database.migrate()
    yield database
    await database.close()


async def test_migrated_schema_equals_the_rooms_tables(migrated: Database, empty_database_url: str) -> None:
    with outside_connection(empty_database_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Table.metadata) == []


async def test_migrated_constraints_have_the_names_of_the_convention(
    migrated: Database, empty_database_url: str
) -> None:
    with outside_connection(empty_database_url) as connection:
        inspector = sa.inspect(connection)
        for table in Table.metadata.sorted_tables:
            checks = {check["name"] for check in inspector.get_check_constraints(table.name)}
            assert checks == {c.name for c in table.constraints if isinstance(c, sa.CheckConstraint)}
            keys = {key["name"] for key in inspector.get_foreign_keys(table.name)}
            assert keys == {key.name for key in table.foreign_key_constraints}
            assert inspector.get_pk_constraint(table.name)["name"] == table.primary_key.name


async def test_schema_is_the_same_when_reverted_and_migrated_again(migrated: Database, empty_database_url: str) -> None:
    before = schema_of(empty_database_url)
    await migrated.revert("base")
    assert schema_of(empty_database_url) == {}
    await migrated.migrate()
    assert schema_of(empty_database_url) == before != {}


async def test_migrate_changes_nothing_when_done_twice(migrated: Database, empty_database_url: str) -> None:
    before = schema_of(empty_database_url)
    await migrated.migrate()
    assert schema_of(empty_database_url) == before


async def test_migrate_succeeds_when_several_do_it_at_once(empty_database_url: str) -> None:
    databases = [Database(empty_database_url) for _ in range(4)]
    await asyncio.gather(*(database.migrate() for database in databases))
    for database in databases:
        await database.close()
    assert set(schema_of(empty_database_url)) == set(Table.metadata.tables)
