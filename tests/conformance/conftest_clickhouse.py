"""ClickHouse stores for the suite: embedded, and over HTTP in front of the same engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tocsin.logstore.backends.clickhouse.embedded import EmbeddedClickHouseStore


@pytest.fixture
async def clickhouse_embedded_store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedClickHouseStore]:
    store = EmbeddedClickHouseStore(tmp_path_factory.mktemp("store"), fsync=False)
    await store.start()
    yield store
    await store.close()
