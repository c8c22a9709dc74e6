"""Build log batches from plain dicts, the way intake does."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from tocsin.logmodel.batch import LOG_SCHEMA, LogBatch
from tocsin.logmodel.ids import SPAN_ID_BYTES, TRACE_ID_BYTES, content_hashes, pack_hex_ids
from tocsin.logmodel.masking import shapes
from tocsin.logmodel.metadata import canonical_column, flatten

NOON_UNIX_NANO = 1_764_763_200_000_000_000
"""2025-12-03T12:00:00Z: the time of a log that names none."""

SEED = 0x7063_7369_6E00_0001

_DEFAULTS: dict[str, Any] = {
    "timestamp": NOON_UNIX_NANO,
    "severity_number": 9,
    "service": "checkout",
    "message": "",
    "metadata": {},
    "trace_id": "",
    "span_id": "",
}


def log_batch(rows: Sequence[Mapping[str, Any]], *, seed: int = SEED) -> LogBatch:
    """A batch of these logs, in this order, as one request.

    Args:
        rows: any of ``timestamp`` (nanoseconds), ``observed_timestamp``, ``severity_number``, ``service``,
            ``message``, ``metadata`` (nested or flat), ``trace_id``, ``span_id``, ``shape``, ``content_hash``;
            what is left out is filled in, the last two as intake computes them.
        seed: the organization's key.
    """
    logs = [_DEFAULTS | dict(row) for row in rows]
    metadata = canonical_column([flatten(log["metadata"]) for log in logs]) if logs else _no_texts()
    columns = {name: [log[name] for log in logs] for name in _DEFAULTS}
    frame = pl.DataFrame(
        {name: columns[name] for name in ("service", "timestamp", "severity_number", "trace_id", "span_id", "message")}
        | {"metadata": metadata.to_pylist(), "source": [0] * len(logs), "occurrence": [0] * len(logs)},
        schema_overrides={"timestamp": pl.Int64, "severity_number": pl.UInt8}
        | {"source": pl.UInt32, "occurrence": pl.Int64}
        | dict.fromkeys(("service", "trace_id", "span_id", "metadata", "message"), pl.String),
    )
    computed_hashes = content_hashes(frame, seed=seed).to_list()
    computed_shapes = frame.select(shapes(pl.col("message"))).to_series().to_list()
    arrays = [
        pa.array(columns["timestamp"], pa.int64()).cast(pa.timestamp("ns", "UTC")),
        pa.array([log.get("observed_timestamp", log["timestamp"]) for log in logs], pa.int64()).cast(
            pa.timestamp("ns", "UTC")
        ),
        _unsigned([log.get("content_hash", computed) for log, computed in zip(logs, computed_hashes, strict=True)]),
        pa.array(columns["severity_number"], pa.uint8()),
        pa.array(columns["service"], pa.large_string()),
        pa.array(columns["message"], pa.large_string()),
        metadata,
        pack_hex_ids(columns["trace_id"], width_bytes=TRACE_ID_BYTES),
        pack_hex_ids(columns["span_id"], width_bytes=SPAN_ID_BYTES),
        _unsigned([log.get("shape", computed) for log, computed in zip(logs, computed_shapes, strict=True)]),
    ]
    return LogBatch(pa.RecordBatch.from_arrays(arrays, schema=LOG_SCHEMA))


def _unsigned(values: list[int]) -> pa.UInt64Array:
    return pa.array(np.array(values, dtype=np.uint64), pa.uint64())


def _no_texts() -> pa.LargeStringArray:
    return pa.array([], pa.large_string())
