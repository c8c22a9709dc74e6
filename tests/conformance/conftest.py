"""The store under test, and an organization of its own for each test, so that none sees another's logs."""

from uuid import UUID, uuid4

import pytest

from tests.conformance.conftest_clickhouse import clickhouse_embedded_store, clickhouse_http_store, clickhouse_url
from tests.conformance.conftest_postgres import postgres_log_url, postgres_store
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import LogStore

__all__ = [
    "clickhouse_embedded_store",
    "clickhouse_http_store",
    "clickhouse_url",
    "postgres_log_url",
    "postgres_store",
]


@pytest.fixture
async def memory_store() -> MemoryLogStore:
    return MemoryLogStore()


@pytest.fixture(params=["memory", "clickhouse-embedded", "clickhouse-http", "postgres"])
def log_store(request: pytest.FixtureRequest) -> LogStore:
    store: LogStore = request.getfixturevalue(f"{request.param.replace('-', '_')}_store")
    return store


@pytest.fixture
def organization_id() -> UUID:
    return uuid4()
