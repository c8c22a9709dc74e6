"""Exported files: whole, in order, readable by others, made in bounded memory, and stopped when nobody takes them."""

import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given as given_random
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.search.conftest import ORGANIZATION, HeldClock
from tests.support.logs import NOON_UNIX_NANO, log_batch
from tests.support.questions import questions_by
from tests.support.random_logs import log_rows
from tocsin.kit.errors import QueryTimedOut, TooManyRequests
from tocsin.logmodel.batch import STORED_LOG_SCHEMA
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import LogStore, Order, Receipt, ScanPlan, Selection, TimeRange
from tocsin.search import export_files
from tocsin.search import limits as limits_module
from tocsin.search.contracts import ExportFormat, Question
from tocsin.search.export import CHUNK_BYTES, ExportService
from tocsin.search.export_files import COLUMNS, ParquetWriter
from tocsin.search.limits import QueryLimits

Client = AsyncTestClient[Litestar]
SECOND = 1_000_000_000
QUESTION = Question(organization_id=ORGANIZATION)
EVERYTHING = Selection(organization_id=ORGANIZATION, time_range=TimeRange(0, 2**62))
NASTY = 'a,"b"\r\nc\x00;\t=1+1 é🎉'


async def _write(store: LogStore, count: int) -> None:
    rows = [
        {
            "timestamp": NOON_UNIX_NANO - (count - n) * 1_000_001,
            "message": f"{n} {NASTY}",
            "metadata": {"n": n, "t": NASTY},
        }
        for n in range(count)
    ]
    await store.write(ORGANIZATION, log_batch(rows), Receipt(received=count))


def _read(form: ExportFormat, data: bytes) -> list[dict[str, Any]]:
    if form is ExportFormat.NDJSON:
        return [json.loads(line) for line in data.splitlines()]
    if form is ExportFormat.CSV:
        rows = list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))
        return [row | {"metadata": json.loads(row["metadata"])} for row in rows]
    rows = pq.read_table(io.BytesIO(data)).to_pylist()
    return [row | {"metadata": json.loads(row["metadata"])} for row in rows]


@pytest.mark.parametrize("form", list(ExportFormat))
async def test_an_export_holds_every_log_that_matches_oldest_first(
    client: Client, store: LogStore, form: ExportFormat
) -> None:
    await _write(store, 30)
    response = await client.get("/v1/logs/export", params={"format": form.value})
    assert response.status_code == 200
    assert response.headers["Content-Disposition"] == f'attachment; filename="logs.{form.value}"'
    rows = _read(form, response.content)
    assert [row["message"] for row in rows] == [f"{n} {NASTY}" for n in range(30)]
    assert [row["metadata"] for row in rows] == [{"n": n, "t": NASTY} for n in range(30)]
    assert all(tuple(row) == COLUMNS for row in rows)
    found = (await client.get("/v1/logs", params={"order": "oldest"})).json()["logs"]
    assert [str(row["id"]) for row in rows] == [log["id"] for log in found]


@pytest.mark.parametrize("form", list(ExportFormat))
async def test_an_export_of_nothing_is_a_file_of_its_form(client: Client, form: ExportFormat) -> None:
    response = await client.get("/v1/logs/export", params={"format": form.value, "q": "absent"})
    assert _read(form, response.content) == []
    assert form is ExportFormat.NDJSON or response.content


async def test_lines_of_json_are_what_a_search_answers(client: Client, store: LogStore) -> None:
    await _write(store, 3)
    exported = (await client.get("/v1/logs/export", params={"order": "newest", "limit": "2"})).content
    found = (await client.get("/v1/logs", params={"limit": "2"})).json()["logs"]
    assert _read(ExportFormat.NDJSON, exported) == found


async def test_csv_lines_end_as_the_standard_says(client: Client, store: LogStore) -> None:
    await _write(store, 1)
    content = (await client.get("/v1/logs/export", params={"format": "csv"})).content
    assert content.startswith(b"id,timestamp,")
    assert content.split(b"\r\n", 1)[0].count(b",") == len(COLUMNS) - 1
    assert content.endswith(b"\r\n")


@given_random(rows=st.lists(log_rows, max_size=8), form=st.sampled_from(ExportFormat))
async def test_any_log_is_read_back_as_it_was(rows: list[dict[str, Any]], form: ExportFormat) -> None:
    store = MemoryLogStore()
    await store.write(ORGANIZATION, log_batch(rows), Receipt(received=len(rows)))
    limits = QueryLimits(max_concurrent=1, timeout_seconds=5)
    service = ExportService(store, questions_by(HeldClock(NOON_UNIX_NANO + 60 * SECOND)), limits=limits)
    pieces = [piece async for piece in await service.export(QUESTION, form)]
    exported = _read(form, b"".join(pieces))
    batches = [batch async for batch in store.scan(ScanPlan(selection=EVERYTHING, order=Order.OLDEST_FIRST))]
    expected = pa.Table.from_batches(batches, schema=STORED_LOG_SCHEMA).to_pylist()
    for name in ("service", "message"):
        assert [row[name] for row in exported] == [row[name] for row in expected]
    assert [row["metadata"] for row in exported] == [json.loads(row["metadata"]) for row in expected]
    assert [int(row["ingest_sequence"]) for row in exported] == [row["ingest_sequence"] for row in expected]


async def test_a_parquet_file_is_written_a_row_group_at_a_time(
    store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_files, "ROW_GROUP_ROWS", 4)
    await _write(store, 10)
    writer = ParquetWriter()
    parts = [writer.start()]
    async for batch in store.scan(ScanPlan(selection=EVERYTHING, batch_rows=2)):
        parts.append(writer.add(batch))
    parts.append(writer.end())
    assert [bool(part) for part in parts] == [True, False, True, False, True, False, True]
    assert pq.ParquetFile(io.BytesIO(b"".join(parts))).metadata.num_row_groups == 3


class _EndlessStore(MemoryLogStore):
    """A store with logs without end, that knows whether somebody reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = False
        self.batches = 0

    async def scan(self, plan: ScanPlan) -> AsyncIterator[pa.RecordBatch]:
        [batch] = [batch async for batch in super().scan(plan)]
        self.is_read = True
        try:
            while True:
                self.batches += 1
                yield batch
        finally:
            self.is_read = False


def _service(store: LogStore) -> ExportService:
    limits = QueryLimits(max_concurrent=1, timeout_seconds=5)
    return ExportService(store, questions_by(HeldClock(NOON_UNIX_NANO)), limits=limits)


async def test_an_export_reads_no_further_than_it_is_taken_and_frees_its_slot_when_it_is_closed() -> None:
    store = _EndlessStore()
    await _write(store, 3_000)
    service = _service(store)
    for _ in range(2):
        store.batches = 0
        pieces = await service.export(QUESTION, ExportFormat.NDJSON)
        chunk = await anext(pieces)
        assert len(chunk) == CHUNK_BYTES
        assert (store.is_read, store.batches) == (True, 1)
        await pieces.aclose()  # type: ignore[attr-defined]
        assert not store.is_read


async def test_an_export_is_refused_when_all_slots_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "MAX_WAIT_SECONDS", 0.01)
    store = _EndlessStore()
    await _write(store, 1)
    service = _service(store)
    running = await service.export(QUESTION, ExportFormat.CSV)
    await anext(running)
    with pytest.raises(TooManyRequests):
        await service.export(QUESTION, ExportFormat.CSV)


class _SlowStore(MemoryLogStore):
    """A store that gives up after the first batch."""

    async def scan(self, plan: ScanPlan) -> AsyncIterator[pa.RecordBatch]:
        async for batch in super().scan(plan):
            yield batch
        raise QueryTimedOut("too slow")


async def test_an_export_raises_in_its_middle_when_the_store_gives_up() -> None:
    """Whoever takes the file must see that it is not whole."""
    store = _SlowStore()
    await _write(store, 2)
    pieces = await _service(store).export(QUESTION, ExportFormat.NDJSON)
    assert (await anext(pieces)).count(b"\n") == 2
    with pytest.raises(QueryTimedOut, match="narrow the time range"):
        await anext(pieces)


@pytest.mark.parametrize("parameters", [{"format": "xml"}, {"limit": "0"}, {"q": "level:ERORR"}, {"from": "yesterday"}])
async def test_a_bad_parameter_is_a_400(client: Client, parameters: dict[str, str]) -> None:
    assert (await client.get("/v1/logs/export", params=parameters)).status_code == 400
