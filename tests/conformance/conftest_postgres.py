"""A PostgreSQL store for the suite, on one database for all tests; each test has an organization of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.postgres import PostgresServer
from tocsin.logstore.backends.postgres.store import PostgresLogStore


@pytest.fixture(scope="session")
def postgres_log_url(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.empty_database() as url:
        yield url


@pytest.fixture
async def postgres_store(postgres_log_url: str) -> AsyncIterator[PostgresLogStore]:
    store = PostgresLogStore(postgres_log_url)
    await store.start()
    yield store
    await store.close()
