"""Logs as columns: the form in which they travel between intake, stores and algorithms."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from tocsin.logmodel.ids import SPAN_ID_BYTES, TRACE_ID_BYTES, unpack_hex_id
from tocsin.logmodel.log import Log

LOG_SCHEMA = pa.schema(
    [
        pa.field("timestamp", pa.timestamp("ns", "UTC"), nullable=False),
        pa.field("observed_timestamp", pa.timestamp("ns", "UTC"), nullable=False),
        pa.field("content_hash", pa.uint64(), nullable=False),
        pa.field("severity_number", pa.uint8(), nullable=False),
        pa.field("service", pa.large_string(), nullable=False),
        pa.field("message", pa.large_string(), nullable=False),
        # Canonical form: see logmodel.metadata.
        pa.field("metadata", pa.large_string(), nullable=False),
        # Packed: see ids.pack_hex_ids.
        pa.field("trace_id", pa.large_binary(), nullable=False),
        pa.field("span_id", pa.large_binary(), nullable=False),
        pa.field("shape", pa.uint64(), nullable=False),
    ]
)
"""A log's columns before it is stored."""

STORED_LOG_SCHEMA = LOG_SCHEMA.append(pa.field("ingest_sequence", pa.uint64(), nullable=False))
"""A log's columns as a store returns them."""

STORED_LOG_COLUMNS: tuple[str, ...] = tuple(STORED_LOG_SCHEMA.names)
"""Their names."""


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Logs of one organization, ready to be stored: ``LOG_SCHEMA``, no nulls, rows in the order received."""

    rows: pa.RecordBatch

    def __post_init__(self) -> None:
        if not self.rows.schema.equals(LOG_SCHEMA):
            raise TypeError(f"not a log batch: {self.rows.schema}")

    def __len__(self) -> int:
        return int(self.rows.num_rows)


def logs_of(stored: pa.RecordBatch) -> list[Log]:
    """The rows of a batch in ``STORED_LOG_SCHEMA`` as records; for the rows that are shown, not for scans."""
    columns: dict[str, list[Any]] = {
        name: (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
        for name, column in zip(stored.schema.names, stored.columns, strict=True)
    }
    return [
        Log(
            timestamp_unix_nano=columns["timestamp"][row],
            observed_timestamp_unix_nano=columns["observed_timestamp"][row],
            ingest_sequence=columns["ingest_sequence"][row],
            content_hash=columns["content_hash"][row],
            severity_number=columns["severity_number"][row],
            service=columns["service"][row],
            message=columns["message"][row],
            metadata=msgspec.json.decode(columns["metadata"][row]),
            trace_id=unpack_hex_id(columns["trace_id"][row], width_bytes=TRACE_ID_BYTES),
            span_id=unpack_hex_id(columns["span_id"][row], width_bytes=SPAN_ID_BYTES),
            shape=columns["shape"][row],
        )
        for row in range(stored.num_rows)
    ]
