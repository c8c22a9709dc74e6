"""Fixtures that several rooms need."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.postgres import PostgresServer, migrate
from tocsin.database.service import Database
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.backends.postgres.store import PostgresLogStore
from tocsin.logstore.ports import LogStore

RELATIONAL = ("sqlite", "postgres")

LOG_STORES = ("memory", "postgres")
"""Those whose reads see a write at once, as the tests of features like it; conformance holds the others to the same."""

# A busy machine fails no test: how long an example takes says nothing of whether it is right.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole session."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the newest schema, to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=RELATIONAL)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database without tables, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.empty_database() as url:
        yield url


@pytest.fixture(params=RELATIONAL)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database with the newest schema, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "tocsin.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite_file"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.migrated_database() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A new database with the newest schema, open, on SQLite and on PostgreSQL."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture(params=LOG_STORES)
async def empty_log_store(request: pytest.FixtureRequest) -> AsyncIterator[LogStore]:
    """A log store without logs, in memory and on PostgreSQL."""
    if request.param == "memory":
        yield MemoryLogStore()
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.empty_database() as url:
        store = PostgresLogStore(url)
        await store.start()
        yield store
        await store.close()
