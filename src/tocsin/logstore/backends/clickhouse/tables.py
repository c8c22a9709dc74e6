"""chDB's tables, as the journal's threads use them."""

# ruff: noqa: S608  (what stands in the text are names and numbers of our own; the organization is bound)

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import structlog

from tocsin.kit.errors import TocsinError
from tocsin.kit.moments import NANOSECONDS_A_DAY
from tocsin.logstore.backends.clickhouse import schema
from tocsin.logstore.backends.clickhouse.connection import EmbeddedConnection, EmbeddedInserter
from tocsin.logstore.backends.clickhouse.merger import IdleMerger
from tocsin.logstore.backends.clickhouse.probe import keys_of, probes
from tocsin.logstore.backends.clickhouse.promotion import MIN_SAMPLE_ROWS, SAMPLE_ROWS, promoted_keys, promotions
from tocsin.logstore.backends.clickhouse.recent import Hashes, Timestamps
from tocsin.logstore.backends.clickhouse.wal import WAL_SCHEMA, LedgerEntry, arrow_stream, decode_rows

log = structlog.get_logger(__name__)

_INSERT_SETTINGS = {
    # One thread parses and one part is written; the other core is for whoever sends.
    "max_threads": 1,
    "max_insert_threads": 1,
    "input_format_parallel_parsing": 0,
    # Imported history may span any number of days.
    "max_partitions_per_insert_block": 0,
    # A segment becomes one part a day, not several.
    "min_insert_block_size_rows": 1_000_000,
    "min_insert_block_size_bytes": 1 << 30,
    # A part's indexes are built when it is merged, which costs little more there; here they are a third of the work
    # that stands between a log and its being found. ``IdleMerger`` sees to it that parts are merged.
    "materialize_skip_indexes_on_insert": 0,
}
_INSERT_LOGS = (
    f"INSERT INTO {schema.LOGS} ({', '.join(WAL_SCHEMA.names)})"
    f" SETTINGS {', '.join(f'{name} = {value}' for name, value in _INSERT_SETTINGS.items())}"
)

_ROWS_BETWEEN_SAMPLES = 1_000_000
_BYTES_A_ROW = 300
"""Roughly: only to know when to sample again."""


class EmbeddedTables:
    """The journal's ``Destination``: connections for each of its two threads."""

    def __init__(self, directory: Path, on_promoted: Callable[[Mapping[str, str]], None]) -> None:
        """Open the connections; ``on_promoted`` hears which metadata keys have columns, now and when that changes."""
        self._inserts = EmbeddedInserter(directory)
        self._flushes = EmbeddedConnection(directory)
        self._probes = EmbeddedConnection(directory)
        self._on_promoted = on_promoted
        self._rows_until_sample = 0
        self._promoted: dict[str, str] = {}
        self._read_promoted()
        self._merger = IdleMerger(directory)

    def close(self) -> None:
        """Disconnect."""
        self._merger.close(stop_merges=self._stop_merges)
        self._inserts.close()
        self._flushes.close()
        self._probes.close()

    def _stop_merges(self) -> None:
        try:
            self._flushes.command(f"SYSTEM STOP MERGES {schema.LOGS}")
        except TocsinError as error:  # then closing takes as long as the merge
            log.warning("logstore.merges_not_stopped", reason=error.detail)

    def insert_rows(self, bodies: list[bytes | memoryview]) -> None:
        """See ``Destination``."""
        try:
            self._promote_hot_keys(bodies)
        except TocsinError as error:  # rows matter more than how fast one of their keys is found
            log.warning("logstore.promotion_failed", reason=error.detail)
        self._inserts.insert(_INSERT_LOGS, arrow_stream(bodies))
        self._merger.inserted()

    def _promote_hot_keys(self, bodies: list[bytes | memoryview]) -> None:
        """Look at the metadata now and then, at the very first rows too: later, columns are filled only by merges."""
        self._rows_until_sample -= sum(map(len, bodies)) // _BYTES_A_ROW
        if self._rows_until_sample > 0:
            return
        sample = pa.Table.from_batches(map(decode_rows, bodies))["metadata"].slice(0, SAMPLE_ROWS)
        if len(sample) < MIN_SAMPLE_ROWS:
            return
        self._rows_until_sample = _ROWS_BETWEEN_SAMPLES
        statements = promotions(sample.to_pylist(), self._promoted).values()
        for statement in statements:
            self._flushes.command(statement)
        if statements:
            self._read_promoted()

    def _read_promoted(self) -> None:
        columns = f"SELECT name FROM system.columns WHERE database = '{schema.DATABASE}' AND table = 'logs'"
        self._promoted = promoted_keys(self._flushes.fetch(columns)["name"].to_pylist())
        self._on_promoted(self._promoted)

    def add_to_ledger(self, segment: int, entries: Iterable[LedgerEntry]) -> None:
        """See ``Destination``."""
        rows = [
            (each.organization_id, segment, each.received, each.stored, each.duplicates, each.dead_letters)
            for each in entries
        ]
        if rows:
            self._flushes.run(lambda client: client.insert(schema.LEDGER, rows, column_names=schema.LEDGER_COLUMNS))

    def stored_sequences(self, first: int, last: int) -> npt.NDArray[np.uint64]:
        """See ``Destination``."""
        sql = f"SELECT ingest_sequence FROM {schema.LOGS} WHERE ingest_sequence BETWEEN {first:d} AND {last:d}"
        return _numbers(self._flushes.fetch(sql), "ingest_sequence")

    def is_stored(self, organization_id: str, timestamps: Timestamps, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """See ``Destination``."""
        keys = keys_of(timestamps, hashes)
        found = np.zeros(len(keys), dtype=np.bool_)
        for sql, printer in probes(UUID(organization_id), keys):
            rows = self._probes.fetch(sql, printer.parameters)
            found |= np.isin(
                keys, keys_of(rows["timestamp"].cast(pa.int64()).to_numpy(), _numbers(rows, "content_hash"))
            )
        return found

    def latest_by_day(self) -> dict[int, int]:
        """The latest stored timestamp of each day since the epoch, from the partitions' own bounds.

        A partition is a day, but for the years before and after those that a ``Date`` knows, which share one; of
        their days it is said that logs may stand anywhere in them.
        """
        sql = f"SELECT min(timestamp) AS first, max(timestamp) AS last FROM {schema.LOGS} GROUP BY _partition_id"
        rows = self._flushes.fetch(sql)
        bounds = (rows[name].cast(pa.int64()).to_pylist() for name in ("first", "last"))
        return {
            day: min((day + 1) * NANOSECONDS_A_DAY - 1, last)
            for first, last in zip(*bounds, strict=True)
            for day in range(first // NANOSECONDS_A_DAY, last // NANOSECONDS_A_DAY + 1)
        }

    def largest_sequence(self) -> int:
        """Of rows and of segments: a segment without rows has a number too, which must not be given again."""
        # Rows of earlier segments have smaller numbers, so the index on them leaves a few blocks to read.
        last_segment = f"SELECT max(segment) AS largest FROM {schema.LEDGER}"
        last_row = (
            f"SELECT max(ingest_sequence) AS largest FROM {schema.LOGS} WHERE ingest_sequence >= ({last_segment})"
        )
        return int(_numbers(self._flushes.fetch(f"{last_segment} UNION ALL {last_row}"), "largest").max())


def _numbers(rows: pa.Table, column: str) -> npt.NDArray[np.uint64]:
    return np.asarray(rows[column].to_numpy(), dtype=np.uint64)
