"""The forms of an exported file, written a batch at a time: what has been written is taken away at once."""

import csv
import io
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.search.contracts import ExportFormat
from tocsin.search.schemas import LogResponse, log_responses

COLUMNS = LogResponse.__struct_fields__
"""The columns of a CSV and of a Parquet file, named as the members of a log's JSON are."""

ROW_GROUP_ROWS = 50_000
"""Rows in a Parquet file's row group: some 20 to 40 MB before they are compressed."""

MEDIA_TYPES = {
    ExportFormat.NDJSON: "application/x-ndjson",
    ExportFormat.CSV: "text/csv; header=present",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}


class FileWriter(Protocol):
    """Writes logs, in ``STORED_LOG_SCHEMA``, as a file; what it returns, joined, is the file."""

    def start(self) -> bytes:
        """The file's beginning."""
        ...

    def add(self, batch: pa.RecordBatch) -> bytes:
        """The bytes that can be written now that these logs are known; there may be none."""
        ...

    def end(self) -> bytes:
        """The rest."""
        ...


class NdjsonWriter:
    """A log a line, as ``GET /v1/logs`` answers it."""

    def __init__(self) -> None:
        self._encoder = msgspec.json.Encoder()

    def start(self) -> bytes:
        """See ``FileWriter``."""
        return b""

    def add(self, batch: pa.RecordBatch) -> bytes:
        """See ``FileWriter``."""
        return self._encoder.encode_lines(log_responses(pa.Table.from_batches([batch])))

    def end(self) -> bytes:
        """See ``FileWriter``."""
        return b""


class CsvWriter:
    """Fields between commas, with a header line and CRLF; metadata is one column of JSON. Source: RFC 4180."""

    def start(self) -> bytes:
        """See ``FileWriter``."""
        return _csv_lines([COLUMNS])

    def add(self, batch: pa.RecordBatch) -> bytes:
        """See ``FileWriter``."""
        metadata = batch["metadata"].to_pylist()
        logs = log_responses(pa.Table.from_batches([batch]))
        place = COLUMNS.index("metadata")
        rows = []
        for log, text in zip(logs, metadata, strict=True):
            row = list(msgspec.structs.astuple(log))
            row[place] = text
            rows.append(row)
        return _csv_lines(rows)

    def end(self) -> bytes:
        """See ``FileWriter``."""
        return b""


class ParquetWriter:
    """Typed columns, in row groups; metadata is JSON text. Keeps up to ``ROW_GROUP_ROWS`` rows and a batch."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._file = pq.ParquetWriter(self._sink, _PARQUET_SCHEMA, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0

    def start(self) -> bytes:
        """See ``FileWriter``."""
        return self._sink.taken()

    def add(self, batch: pa.RecordBatch) -> bytes:
        """See ``FileWriter``."""
        self._waiting.append(_parquet_rows(batch))
        self._waiting_rows += batch.num_rows
        if self._waiting_rows >= ROW_GROUP_ROWS:
            self._write_row_group()
        return self._sink.taken()

    def end(self) -> bytes:
        """See ``FileWriter``."""
        if self._waiting:
            self._write_row_group()
        self._file.close()
        return self._sink.taken()

    def _write_row_group(self) -> None:
        self._file.write_table(pa.Table.from_batches(self._waiting), row_group_size=self._waiting_rows)
        self._waiting, self._waiting_rows = [], 0


class _Sink(io.RawIOBase):
    """A file that only grows, and forgets what has been taken from it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        return self._size

    def taken(self) -> bytes:
        """What was written since it was last asked."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


_MOMENT = pa.timestamp("ns", "UTC")
_PARQUET_TYPES = {
    "timestamp": _MOMENT,
    "observed_timestamp": _MOMENT,
    "severity_number": pa.uint8(),
    "ingest_sequence": pa.uint64(),
}
_PARQUET_SCHEMA = pa.schema([pa.field(name, _PARQUET_TYPES.get(name, pa.string()), nullable=False) for name in COLUMNS])

_WRITERS: dict[ExportFormat, Callable[[], FileWriter]] = {
    ExportFormat.NDJSON: NdjsonWriter,
    ExportFormat.CSV: CsvWriter,
    ExportFormat.PARQUET: ParquetWriter,
}


def file_writer(form: ExportFormat) -> FileWriter:
    """A writer for one file of this form."""
    return _WRITERS[form]()


def _parquet_rows(batch: pa.RecordBatch) -> pa.RecordBatch:
    logs = log_responses(pa.Table.from_batches([batch]))
    shown = {
        name: [str(getattr(log, name)) for log in logs] for name in ("id", "level", "trace_id", "span_id", "shape")
    }
    columns = [
        pa.array(shown[field.name], field.type) if field.name in shown else batch[field.name].cast(field.type)
        for field in _PARQUET_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=_PARQUET_SCHEMA)


def _csv_lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
