"""What no endpoint answers, asked of the store itself: the counts of all shapes of a window, from which patterns come.

Asked in the server's place once it has stopped, since an embedded store belongs to one process.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from tocsin.logstore.backends.clickhouse.embedded import EmbeddedClickHouseStore
from tocsin.logstore.backends.postgres.store import PostgresLogStore
from tocsin.logstore.ports import LogStore, Selection, TimeRange
from tocsin.wiring import LOGSTORE_DIRECTORY

INTERVALS = 60


@contextmanager
def pattern_counts(
    directory: Path, settings: Mapping[str, str], organization_id: UUID, time_range: TimeRange
) -> Iterator[Callable[[int], object]]:
    """Open the server's store; what counts everything in the range, given the number of the run.

    Each run's range ends elsewhere, so that no cache of results can help.
    """
    store = _store(directory, settings)
    length = time_range.end_unix_nano - time_range.start_unix_nano

    def count(run: int) -> object:
        window = TimeRange(time_range.start_unix_nano, time_range.end_unix_nano + run * 1_000_000)
        selection = Selection(organization_id=organization_id, time_range=window)
        return runner.run(store.shape_counts(selection, interval_nano=length // INTERVALS))

    with asyncio.Runner() as runner:
        runner.run(store.start())
        try:
            yield count
        finally:
            runner.run(store.close())


def _store(directory: Path, settings: Mapping[str, str]) -> LogStore:
    if "TOCSIN_LOGSTORE_URL" in settings:
        return PostgresLogStore(settings["TOCSIN_LOGSTORE_URL"])
    return EmbeddedClickHouseStore(directory / LOGSTORE_DIRECTORY)
