"""The HTTP store beyond the conformance suite: its sequence, its restarts, and a server that is not there."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pyarrow as pa
import pytest

from tests.support.clickhouse_gateway import clickhouse_gateway
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.kit.errors import StartupError, StoreUnavailable
from tocsin.logmodel.batch import logs_of
from tocsin.logstore.backends.clickhouse.http_store import ClickHouseHttpStore
from tocsin.logstore.backends.clickhouse.schema import Durability
from tocsin.logstore.ports import Order, OrganizationId, Receipt, ScanPlan, Selection, TimeRange

RANGE = TimeRange(NOON_UNIX_NANO, NOON_UNIX_NANO + 1_000)


@dataclass
class _HeldClock:
    unix_nano: int

    def now_unix_nano(self) -> int:
        return self.unix_nano


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with clickhouse_gateway(tmp_path_factory.mktemp("gateway")) as served:
        yield served


def _store(url: str, now_unix_nano: int) -> ClickHouseHttpStore:
    durability = Durability(fsync=False, deduplicated_inserts=100)
    return ClickHouseHttpStore(url, clock=_HeldClock(now_unix_nano), durability=durability)


async def _write(store: ClickHouseHttpStore, organization_id: OrganizationId, message: str) -> None:
    rows = [{"message": f"{message} {index}"} for index in range(2)]
    await store.write(organization_id, log_batch(rows), Receipt(received=2))


async def _sequences(store: ClickHouseHttpStore, organization_id: OrganizationId) -> list[int]:
    selection = Selection(organization_id=organization_id, time_range=RANGE)
    plan = ScanPlan(selection=selection, order=Order.OLDEST_FIRST)
    return [log.ingest_sequence async for batch in store.scan(plan) for log in logs_of(batch)]


async def test_the_sequence_is_the_time_and_a_counter(url: str) -> None:
    organization_id, store = uuid4(), _store(url, NOON_UNIX_NANO)
    await store.start()
    await _write(store, organization_id, "first")
    [first, second] = await _sequences(store, organization_id)
    await store.close()
    assert first >= (NOON_UNIX_NANO // 1_000_000) << 20
    assert second > first
    assert {first % 256, second % 256} == {first % 256}


async def test_two_writers_take_different_numbers_in_the_same_millisecond(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization_id, stores = uuid4(), []
    for writer in (3, 200):
        monkeypatch.setattr("secrets.randbelow", lambda _, number=writer: number)
        stores.append(_store(url, NOON_UNIX_NANO))
        await stores[-1].start()
    for number, store in enumerate(stores):
        await _write(store, organization_id, f"writer {number}")
    sequences = await _sequences(stores[0], organization_id)
    assert [sequence % 256 for sequence in sequences] == [3, 200, 3, 200]
    for store in stores:
        await store.close()


async def test_the_sequence_goes_on_when_the_clock_was_set_back(url: str) -> None:
    organization_id = uuid4()
    for hours_back in range(3):
        store = _store(url, NOON_UNIX_NANO - hours_back * 3_600_000_000_000)
        await store.start()
        await _write(store, organization_id, f"start {hours_back}")
        sequences = await _sequences(store, organization_id)
        await store.close()
    assert len(set(sequences)) == 6
    assert sequences == sorted(sequences)


async def test_a_repeated_insert_stores_nothing_when_the_driver_tries_again(url: str) -> None:
    organization_id, store = uuid4(), _store(url, NOON_UNIX_NANO)
    await store.start()
    row = pa.record_batch(
        {"organization_id": [str(organization_id)], "timestamp": pa.array([NOON_UNIX_NANO], pa.timestamp("ns", "UTC"))}
    )
    for _ in range(2):
        await store._connections.insert("tocsin.logs", row)
    count = await store.count(Selection(organization_id=organization_id, time_range=RANGE))
    await store.close()
    assert count == 1


async def test_a_server_that_is_not_there_refuses_the_start() -> None:
    store = _store("clickhouse://127.0.0.1:9", NOON_UNIX_NANO)
    with pytest.raises(StartupError, match="can't be reached"):
        await store.start()


async def test_a_server_that_goes_away_is_unavailable(tmp_path_factory: pytest.TempPathFactory) -> None:
    with clickhouse_gateway(tmp_path_factory.mktemp("going")) as served:
        store = _store(served, NOON_UNIX_NANO)
        await store.start()
        assert (await store.health()).ready
    assert not (await store.health()).ready
    with pytest.raises(StoreUnavailable):
        await _write(store, uuid4(), "lost")
    await store.close()
