import pyarrow as pa
import pytest

from tests.support.logs import NOON_UNIX_NANO, log_batch
from tocsin.logmodel.batch import STORED_LOG_SCHEMA, LogBatch, logs_of
from tocsin.logmodel.ids import log_id
from tocsin.logmodel.levels import Level


def test_a_batch_knows_its_length() -> None:
    assert len(log_batch([{}, {}])) == 2
    assert len(log_batch([])) == 0


def test_a_batch_of_another_schema_is_refused() -> None:
    with pytest.raises(TypeError, match="not a log batch"):
        LogBatch(pa.RecordBatch.from_pydict({"message": ["a"]}))


def test_stored_rows_become_records() -> None:
    row = {
        "timestamp": NOON_UNIX_NANO + 1,
        "observed_timestamp": NOON_UNIX_NANO + 2,
        "severity_number": 22,
        "metadata": {"a": {"b": None}},
        "trace_id": "Not-Hex",
        "span_id": "b7ad6b7169203331",
        "content_hash": 2**64 - 1,
        "shape": 5,
    }
    columns = [*log_batch([row]).rows.columns, pa.array([2**64 - 1], pa.uint64())]
    [log] = logs_of(pa.RecordBatch.from_arrays(columns, schema=STORED_LOG_SCHEMA))
    assert (log.timestamp_unix_nano, log.observed_timestamp_unix_nano) == (NOON_UNIX_NANO + 1, NOON_UNIX_NANO + 2)
    assert (log.trace_id, log.span_id, log.metadata) == ("Not-Hex", "b7ad6b7169203331", {"a.b": None})
    assert (log.ingest_sequence, log.content_hash, log.shape) == (2**64 - 1, 2**64 - 1, 5)
    assert log.level is Level.FATAL
    assert log.id == log_id(NOON_UNIX_NANO + 1, 2**64 - 1)
