"""The embedded store's life: starting, stopping, crashing, and who owns its directory."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from tests.logstore.commits import ORGANIZATION, OTHER_ORGANIZATION, SECOND, numbered_logs
from tests.logstore.embedded_writer import BATCH_ROWS, acknowledged_batches, writing_process
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.reading import eventually, messages
from tocsin.kit.errors import DataDirectoryInUse, StartupError, StoreUnavailable
from tocsin.logstore.backends.clickhouse.connection import embedded_client
from tocsin.logstore.backends.clickhouse.embedded import EmbeddedClickHouseStore
from tocsin.logstore.backends.clickhouse.schema import LOGS
from tocsin.logstore.ports import IngestTotals, Receipt

OWNER = UUID(ORGANIZATION)
OTHER_OWNER = UUID(OTHER_ORGANIZATION)

_YEAR_2200_UNIX_NANO = 7_258_118_400 * SECOND
_YEAR_1950_UNIX_NANO = -631_152_000 * SECOND


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[EmbeddedClickHouseStore]:
    """A started store, closed at the end."""
    store = EmbeddedClickHouseStore(directory, fsync=False, min_free_bytes=0)
    await store.start()
    try:
        yield store
    finally:
        await store.close()


async def test_logs_and_ledger_are_there_when_started_again(tmp_path: Path) -> None:
    async with opened(tmp_path / "logs") as store:
        await store.write(OWNER, numbered_logs([1, 2]), Receipt(received=3, dead_letters=1))
    assert list((tmp_path / "logs" / "wal").iterdir()) == []
    async with opened(tmp_path / "logs") as store:
        assert await messages(store, OWNER) == ["log 1", "log 2"]
        assert await store.totals(OWNER) == IngestTotals(received=3, stored=2, dead_letters=1)
        again = await store.write(OWNER, numbered_logs([2, 3]), Receipt(received=2))
        assert again.is_new.tolist() == [False, True]
    async with opened(tmp_path / "logs") as store:
        assert await messages(store, OWNER) == ["log 1", "log 2", "log 3"]
        assert await store.totals(OWNER) == IngestTotals(received=5, stored=3, duplicates=1, dead_letters=1)


async def test_duplicates_of_earlier_lives_are_found_in_any_number_and_century(tmp_path: Path) -> None:
    moments = [_YEAR_1950_UNIX_NANO, _YEAR_1950_UNIX_NANO + 1, NOON_UNIX_NANO, _YEAR_2200_UNIX_NANO]
    rare = log_batch([{"timestamp": moment, "message": "rare"} for moment in moments])
    many = numbered_logs(range(20_000))
    async with opened(tmp_path) as store:
        await store.write(OWNER, rare, Receipt(received=len(rare)))
        await store.write(OWNER, many, Receipt(received=len(many)))
    async with opened(tmp_path) as store:
        assert (await store.write(OWNER, many, Receipt(received=len(many)))).stored == 0
        assert (await store.write(OWNER, rare, Receipt(received=len(rare)))).stored == 0
        assert (await store.write(OTHER_OWNER, rare, Receipt(received=len(rare)))).stored == len(rare)


async def test_start_is_refused_when_another_process_owns_the_directory(tmp_path: Path) -> None:
    with writing_process(tmp_path) as process:
        acknowledged_batches(process, 1)
        with pytest.raises(DataDirectoryInUse) as refused:
            await EmbeddedClickHouseStore(tmp_path, fsync=False).start()
    assert f"in use by process {process.pid};" in refused.value.detail
    assert str(tmp_path) in refused.value.detail
    async with opened(tmp_path):
        pass


async def test_start_is_refused_when_this_process_owns_the_directory(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        second = EmbeddedClickHouseStore(tmp_path, fsync=False)
        with pytest.raises(DataDirectoryInUse, match=f"in use by process {os.getpid()};"):
            await second.start()
        await second.close()
        assert (await store.write(OWNER, numbered_logs([1]), Receipt(received=1))).stored == 1


async def test_acknowledged_logs_are_there_once_when_the_writer_is_killed(tmp_path: Path) -> None:
    for batches_before_the_end in (20, 60):
        with writing_process(tmp_path) as process:
            acknowledged = acknowledged_batches(process, batches_before_the_end)
            process.kill()
            process.wait()
        async with opened(tmp_path) as store:
            found = await messages(store, OWNER)
            ledger = await store.totals(OWNER)
        # Batches that were acknowledged after the last line that was read may be there too, and nothing else.
        batches = max(len(acknowledged), len(found) // BATCH_ROWS)
        assert found == [f"log {number}" for number in range(batches * BATCH_ROWS)]
        assert ledger.stored == len(found)
        assert ledger.received == ledger.stored + ledger.duplicates


async def test_start_says_why_when_the_directory_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="can't be opened: Not a directory"):
        await EmbeddedClickHouseStore(tmp_path / "file" / "logs").start()


async def test_start_says_why_and_lets_go_when_the_write_ahead_log_can_not_be_read(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    (tmp_path / "wal" / f"{7:020d}.wal").mkdir()
    with pytest.raises(StartupError, match="can't be opened: Is a directory"):
        await EmbeddedClickHouseStore(tmp_path).start()
    (tmp_path / "wal" / f"{7:020d}.wal").rmdir()
    async with opened(tmp_path):
        pass


async def test_writes_are_refused_when_the_store_is_closed(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            await store.write(OWNER, numbered_logs([1]), Receipt(received=1))
        assert not (await store.health()).ready
        await store.close()


async def test_store_is_not_ready_while_logs_can_not_be_moved(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        with closing(embedded_client(tmp_path / "chdb")) as operator, capture_logs():
            operator.command(f"RENAME TABLE {LOGS} TO {LOGS}_away")
            await store.write(OWNER, numbered_logs([1]), Receipt(received=1))
            health = await eventually(store.health, lambda health: not health.ready)
            assert not health.ready
            assert health.detail.startswith("logs can't be moved")
            assert health.pending_rows == 1
            operator.command(f"RENAME TABLE {LOGS}_away TO {LOGS}")
            health = await eventually(store.health, lambda health: health.ready and not health.pending_rows)
        assert health.ready
        assert await messages(store, OWNER) == ["log 1"]
        assert await store.totals(OWNER) == IngestTotals(received=1, stored=1)


async def test_only_the_owner_of_the_process_may_read_the_directory(tmp_path: Path) -> None:
    async with opened(tmp_path / "logs"):
        assert (tmp_path / "logs").stat().st_mode & 0o077 == 0
