"""ClickHouse stores for the suite: embedded, and over HTTP in front of the same engine.

Opening an engine costs most of a second, so one of each serves all tests; each test has an organization of its own.
A process can have one engine open, so this one is closed when the suite ends.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.clickhouse_gateway import clickhouse_gateway
from tocsin.logstore.backends.clickhouse.embedded import EmbeddedClickHouseStore
from tocsin.logstore.backends.clickhouse.http_store import ClickHouseHttpStore
from tocsin.logstore.backends.clickhouse.schema import Durability


@pytest.fixture(scope="package")
def clickhouse_embedded_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouseStore]:
    store = EmbeddedClickHouseStore(tmp_path_factory.mktemp("embedded"), fsync=False)
    asyncio.run(store.start())
    yield store
    asyncio.run(store.close())


@pytest.fixture(scope="session")
def clickhouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with clickhouse_gateway(tmp_path_factory.mktemp("gateway")) as url:
        yield url


@pytest.fixture
async def clickhouse_http_store(clickhouse_url: str) -> AsyncIterator[ClickHouseHttpStore]:
    store = ClickHouseHttpStore(clickhouse_url, durability=Durability(fsync=False))
    await store.start()
    yield store
    await store.close()
