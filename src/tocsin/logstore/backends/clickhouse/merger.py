"""Merges the parts that a burst of logs has left, once it is over.

ClickHouse merges while rows come in, and stops where it pays no more: at a dozen parts of some ten thousand rows. Each
costs a query half a millisecond or more, and only merged parts have their indexes (see ``tables``). So when nothing
has been inserted for a second, what is left of a day is merged, as long as that is little work for what it brings.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import structlog

from tocsin.kit.errors import TocsinError
from tocsin.logstore.backends.clickhouse.connection import EmbeddedConnection
from tocsin.logstore.backends.clickhouse.schema import DATABASE, LOGS

log = structlog.get_logger(__name__)

IDLE_SECONDS = 1.0
"""So long after the last insert, a burst is taken to be over."""

MAX_BYTES = 512 << 20
"""A day with more than this is left to ClickHouse's own merges: some ten million logs."""

MIN_NEW_SHARE = 0.2
"""A day is merged again when this share of it has come since: a byte is written at most five times more for it."""

# ruff: noqa: S608  (what stands in the text are names and numbers of our own)
_DAYS_WORTH_MERGING = f"""
SELECT partition_id FROM system.parts
WHERE active AND database = '{DATABASE}' AND table = 'logs'
GROUP BY partition_id
HAVING count() > 1 AND sum(bytes_on_disk) <= {MAX_BYTES}
AND max(bytes_on_disk) <= {1 - MIN_NEW_SHARE} * sum(bytes_on_disk)
ORDER BY partition_id DESC"""


class IdleMerger:
    """A thread with a connection of its own, which waits for quiet."""

    def __init__(self, directory: Path, *, idle_seconds: float = IDLE_SECONDS) -> None:
        """Connect to the engine in this process that owns ``directory``, and wait."""
        self._connection = EmbeddedConnection(directory)
        self._idle_seconds = idle_seconds
        self._inserted = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="tocsin-merge", daemon=True)
        self._thread.start()

    def inserted(self) -> None:
        """Say that rows were inserted: there may be something to merge when that ends."""
        self._inserted.set()

    def close(self, stop_merges: Callable[[], None]) -> None:
        """End the thread; ``stop_merges`` makes the engine give up a merge that is running."""
        self._closing = True
        self._inserted.set()
        stop_merges()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while not self._closing:
            self._inserted.wait()
            while self._inserted.is_set() and not self._closing:
                self._inserted.clear()
                self._inserted.wait(self._idle_seconds)
            if not self._closing:
                self._merge()

    def _merge(self) -> None:
        try:
            days = self._connection.fetch(_DAYS_WORTH_MERGING)["partition_id"]
            for day in days.cast(pa.string()).to_pylist():
                if self._closing or self._inserted.is_set():
                    return
                self._connection.command(f"OPTIMIZE TABLE {LOGS} PARTITION ID '{day}'")
        except TocsinError as error:
            # Also while closing, and where another merge has the parts: there will be another time.
            log.debug("logstore.merge_failed", reason=error.detail)
        except Exception:
            log.exception("logstore.merge_failed")
