import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tests.ingest.conftest import KEY, ORGANIZATION, OTHER_ORGANIZATION, HeldClock, columns_of
from tests.support.logs import NOON_UNIX_NANO
from tests.support.reading import messages
from tocsin.accounts.contracts import KeyIdentity
from tocsin.ingest import pipeline as pipeline_module
from tocsin.ingest.contracts import Decode, Decoded, IngestOutcome, Reject, RejectReason
from tocsin.ingest.pipeline import MAX_GROUPS_BEING_WRITTEN, Pipeline
from tocsin.ingest.repository import IngestRepository
from tocsin.kit.errors import MalformedBody, StoreUnavailable
from tocsin.logmodel.batch import LogBatch
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import IngestTotals, Receipt, WriteOutcome


class GatedStore(MemoryLogStore):
    """A store whose writes wait until they are let through, and can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.receipts: list[Receipt] = []
        #: Released once for each write that began.
        self.began = asyncio.Semaphore(0)
        self.most_at_once = 0
        self._at_once = 0

    async def write(self, organization_id: UUID, batch: LogBatch, receipt: Receipt) -> WriteOutcome:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.began.release()
        try:
            await self.gate.wait()
            if self.failure is not None:
                raise self.failure
            self.receipts.append(receipt)
            return await super().write(organization_id, batch, receipt)
        finally:
            self._at_once -= 1


@pytest.fixture
async def gated() -> GatedStore:
    return GatedStore()


@pytest.fixture
async def pipeline(gated: GatedStore, repository: IngestRepository, clock: HeldClock) -> AsyncIterator[Pipeline]:
    pipeline = Pipeline(gated, repository, clock=clock)
    yield pipeline
    gated.gate.set()
    await pipeline.close()


def _decoded(*messages: object, rejects: int = 0) -> Decoded:
    """Logs at noon with these messages, and so many that could not be decoded."""
    records: list[dict[str, Any]] = [{"message": message, "timestamp": NOON_UNIX_NANO} for message in messages]
    return Decoded(
        columns_of(records),
        [Reject(RejectReason.MALFORMED_JSON, "cut short", b"{")] * rejects,
        lambda: [repr(message).encode() for message in messages],
    )


def _submit(pipeline: Pipeline, decoded: Decoded, *, key: object = KEY) -> "asyncio.Task[IngestOutcome]":
    return _submit_undecoded(pipeline, lambda: decoded, size_bytes=len(decoded.records), key=key)


def _submit_undecoded(
    pipeline: Pipeline, decode: Decode, *, size_bytes: int = 1, key: object = KEY
) -> "asyncio.Task[IngestOutcome]":
    submission = pipeline.submit(decode, key, size_bytes=size_bytes, first_received_unix_nano=None)  # type: ignore[arg-type]
    return asyncio.create_task(submission)


async def _occupy(pipeline: Pipeline, gated: GatedStore) -> list["asyncio.Task[IngestOutcome]"]:
    """Fill the pipeline with writes that wait, so that what is submitted next has to wait together."""
    gated.gate.clear()
    tasks = []
    for number in range(MAX_GROUPS_BEING_WRITTEN):
        tasks.append(_submit(pipeline, _decoded(f"first {number}")))
        await gated.began.acquire()
    return tasks


def _counts(outcome: IngestOutcome) -> tuple[int, int, int, int]:
    return outcome.received, outcome.stored, outcome.duplicates_skipped, outcome.dead_letters


async def test_each_request_gets_its_own_counts_when_several_go_together(pipeline: Pipeline, gated: GatedStore) -> None:
    occupied = await _occupy(pipeline, gated)
    waiting = [
        _submit(pipeline, _decoded("a", "b", 5)),
        _submit(pipeline, _decoded()),
        _submit(pipeline, _decoded("b", "c", rejects=2)),
        _submit(pipeline, _decoded("d", "d")),
        _submit(pipeline, _decoded(None, rejects=1)),
    ]
    await asyncio.sleep(0)
    gated.gate.set()
    outcomes = [_counts(outcome) for outcome in await asyncio.gather(*waiting)]
    assert outcomes == [(3, 2, 0, 1), (0, 0, 0, 0), (4, 1, 1, 2), (2, 2, 0, 0), (2, 0, 0, 2)]
    await asyncio.gather(*occupied)
    assert gated.receipts[-1] == Receipt(received=11, dead_letters=5)
    assert len(gated.receipts) == MAX_GROUPS_BEING_WRITTEN + 1
    totals = await gated.totals(ORGANIZATION)
    assert totals == IngestTotals(received=13, stored=7, duplicates=1, dead_letters=5)


async def test_dead_letters_are_the_records_as_they_came_when_several_requests_go_together(
    pipeline: Pipeline, gated: GatedStore, repository: IngestRepository
) -> None:
    occupied = await _occupy(pipeline, gated)
    waiting = [_submit(pipeline, _decoded(*texts)) for texts in (["a", 5], [6, "b", None, "c", 7], ["d"])]
    await asyncio.sleep(0)
    gated.gate.set()
    await asyncio.gather(*occupied, *waiting)
    letters = await repository.dead_letters(ORGANIZATION, limit=10)
    assert sorted(letter.raw for letter in letters) == [b"5", b"6", b"7", b"None"]


async def test_requests_go_apart_when_their_keys_differ(pipeline: Pipeline, gated: GatedStore) -> None:
    occupied = await _occupy(pipeline, gated)
    other = replace(KEY, key_id=UUID(int=2), organization_id=OTHER_ORGANIZATION, default_service="other")
    waiting = [_submit(pipeline, _decoded("mine")), _submit(pipeline, _decoded("theirs", 5), key=other)]
    await asyncio.sleep(0)
    gated.gate.set()
    await asyncio.gather(*occupied, *waiting)
    assert await messages(gated, OTHER_ORGANIZATION) == ["theirs"]
    assert "theirs" not in await messages(gated, ORGANIZATION)
    assert (await gated.totals(OTHER_ORGANIZATION)).dead_letters == 1


async def test_group_is_closed_when_it_is_full(
    pipeline: Pipeline, gated: GatedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "MAX_GROUP_BYTES", 3)
    occupied = await _occupy(pipeline, gated)
    waiting = [_submit(pipeline, _decoded(*texts)) for texts in (["a", "b", "c", "d"], ["e", "f"], ["g"], ["h"])]
    await asyncio.sleep(0)
    gated.gate.set()
    outcomes = await asyncio.gather(*occupied, *waiting)
    assert [outcome.stored for outcome in outcomes] == [1, 1, 4, 2, 1, 1]
    assert sorted(receipt.received for receipt in gated.receipts) == [1, 1, 1, 3, 4]


async def test_only_so_many_groups_are_written_at_once(pipeline: Pipeline, gated: GatedStore) -> None:
    occupied = await _occupy(pipeline, gated)
    waiting = _submit(pipeline, _decoded("later"))
    await asyncio.sleep(0.02)
    assert gated.most_at_once == MAX_GROUPS_BEING_WRITTEN
    gated.gate.set()
    await asyncio.gather(*occupied, waiting)


async def test_whole_group_fails_when_the_store_does(pipeline: Pipeline, gated: GatedStore) -> None:
    occupied = await _occupy(pipeline, gated)
    waiting = [_submit(pipeline, _decoded("a")), _submit(pipeline, _decoded("b", rejects=1))]
    await asyncio.sleep(0)
    gated.failure = StoreUnavailable("no room")
    gated.gate.set()
    results = await asyncio.gather(*occupied, *waiting, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable] * 4
    assert await messages(gated, ORGANIZATION) == []
    assert await gated.totals(ORGANIZATION) == IngestTotals()


async def test_pipeline_goes_on_when_a_write_has_failed(pipeline: Pipeline, gated: GatedStore) -> None:
    gated.failure = StoreUnavailable("no room")
    with pytest.raises(StoreUnavailable):
        await _submit(pipeline, _decoded("a"))
    gated.failure = None
    assert (await _submit(pipeline, _decoded("a"))).stored == 1


async def test_nothing_is_stored_when_dead_letters_cannot_be_kept(
    pipeline: Pipeline, gated: GatedStore, repository: IngestRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise StoreUnavailable("the database is not there")

    monkeypatch.setattr(repository, "add_dead_letters", refuse)
    with pytest.raises(StoreUnavailable):
        await _submit(pipeline, _decoded("a", 5))
    assert await messages(gated, ORGANIZATION) == []
    assert (await _submit(pipeline, _decoded("a"))).stored == 1


async def test_senders_hear_of_it_when_normalising_fails(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(pipeline_module, "join", fail)
        with pytest.raises(MemoryError):
            await _submit(pipeline, _decoded("a"))
    assert (await _submit(pipeline, _decoded("a"))).stored == 1


async def test_a_request_that_cannot_be_read_fails_alone(pipeline: Pipeline, gated: GatedStore) -> None:
    def unreadable() -> Decoded:
        raise MalformedBody("not JSON")

    occupied = await _occupy(pipeline, gated)
    waiting = [
        _submit(pipeline, _decoded("a", 5)),
        _submit_undecoded(pipeline, unreadable),
        _submit(pipeline, _decoded("b", "c", rejects=1)),
    ]
    await asyncio.sleep(0)
    gated.gate.set()
    first, unread, last = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(unread, MalformedBody)
    assert isinstance(first, IngestOutcome)
    assert (first.stored, first.dead_letters) == (1, 1)
    assert isinstance(last, IngestOutcome)
    assert (last.stored, last.dead_letters) == (2, 1)
    await asyncio.gather(*occupied)
    assert sum(receipt.received for receipt in gated.receipts) == len(occupied) + 5


async def test_others_are_answered_when_one_sender_of_a_group_has_gone(pipeline: Pipeline, gated: GatedStore) -> None:
    occupied = await _occupy(pipeline, gated)
    gone, staying = _submit(pipeline, _decoded("gone")), _submit(pipeline, _decoded("staying"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    gated.gate.set()
    assert (await staying).stored == 1
    await asyncio.gather(*occupied)
    assert gone.cancelled()


async def test_written_request_is_told_when_its_sender_has_gone_and_a_failed_one_never(
    gated: GatedStore, repository: IngestRepository, clock: HeldClock
) -> None:
    def broken() -> Decoded:
        raise MalformedBody("not JSON")

    told: list[tuple[KeyIdentity, int, int]] = []
    pipeline = Pipeline(
        gated, repository, clock=clock, on_written=lambda key, outcome, size: told.append((key, outcome.stored, size))
    )
    gated.gate.clear()
    gone = _submit_undecoded(pipeline, lambda: _decoded("a", "b"), size_bytes=17)
    await gated.began.acquire()
    gone.cancel()
    gated.gate.set()
    await asyncio.sleep(0)
    await asyncio.wait([_submit_undecoded(pipeline, broken)])
    gated.failure = StoreUnavailable("away")
    await asyncio.wait([_submit(pipeline, _decoded("c"))])
    assert told == [(KEY, 2, 17)]
    await pipeline.close()


async def test_what_was_submitted_is_stored_when_the_pipeline_closes(
    gated: GatedStore, repository: IngestRepository, clock: HeldClock
) -> None:
    closing = Pipeline(gated, repository, clock=clock)
    occupied = await _occupy(closing, gated)
    waiting = _submit(closing, _decoded("last"))
    await asyncio.sleep(0)
    closed = asyncio.create_task(closing.close())
    await asyncio.sleep(0.02)
    assert not closed.done()
    gated.gate.set()
    await closed
    assert waiting.done()
    await asyncio.gather(*occupied, waiting)
    assert "last" in await messages(gated, ORGANIZATION)


async def test_pipeline_closes_only_when_the_last_write_has_ended(
    gated: GatedStore, repository: IngestRepository, clock: HeldClock
) -> None:
    closing = Pipeline(gated, repository, clock=clock)
    gated.gate.clear()
    writing = _submit(closing, _decoded("last"))
    await gated.began.acquire()
    closed = asyncio.create_task(closing.close())
    await asyncio.sleep(0.02)
    assert not closed.done()
    gated.gate.set()
    await closed
    assert (await writing).stored == 1


async def test_equal_logs_without_times_are_two_when_the_clock_stands_still(
    pipeline: Pipeline, gated: GatedStore
) -> None:
    ticks = [Decoded(columns_of([{"message": "tick"}]), [], list) for _ in range(3)]
    outcomes = await asyncio.gather(*(_submit(pipeline, tick) for tick in ticks))
    assert [outcome.stored for outcome in outcomes] == [1, 1, 1]


async def test_pipeline_closes_when_nothing_was_submitted(
    gated: GatedStore, repository: IngestRepository, clock: HeldClock
) -> None:
    await Pipeline(gated, repository, clock=clock).close()
