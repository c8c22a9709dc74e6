"""A process that writes numbered logs to an embedded store until it is killed; a line for each acknowledged batch."""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from tests.logstore.commits import ORGANIZATION, numbered_logs
from tocsin.logstore.backends.clickhouse.embedded import EmbeddedClickHouseStore
from tocsin.logstore.ports import Receipt

BATCH_ROWS = 7


@contextmanager
def writing_process(directory: Path) -> Iterator["subprocess.Popen[str]"]:
    """The process; killed at the end of the block, if not before."""
    command = [sys.executable, "-m", __name__, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def acknowledged_batches(process: "subprocess.Popen[str]", count: int) -> list[int]:
    """Wait until so many more batches are acknowledged; their numbers."""
    assert process.stdout is not None
    return [int(process.stdout.readline()) for _ in range(count)]


async def write_for_ever(directory: Path) -> None:
    """Store batch after batch, each with the numbers that follow those of the one before."""
    store = EmbeddedClickHouseStore(directory, fsync=False)
    await store.start()
    for batch in itertools.count():
        logs = numbered_logs(range(batch * BATCH_ROWS, (batch + 1) * BATCH_ROWS))
        await store.write(UUID(ORGANIZATION), logs, Receipt(received=len(logs)))
        sys.stdout.write(f"{batch}\n")
        sys.stdout.flush()
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(write_for_ever(Path(sys.argv[1])))
