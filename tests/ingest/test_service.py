import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from prometheus_client import REGISTRY

from tests.ingest.conftest import KEY, ORGANIZATION, OTHER_ORGANIZATION, HeldClock, columns_of
from tests.support.logs import NOON_UNIX_NANO
from tests.support.reading import messages, scanned, selection
from tocsin.accounts.contracts import KeyIdentity
from tocsin.accounts.services import Services
from tocsin.ingest.contracts import Decoded, IngestOutcome, Reject, RejectReason
from tocsin.ingest.repository import IngestRepository
from tocsin.ingest.service import (
    IDEMPOTENCY_KEY_LIFETIME_SECONDS,
    MAX_IDEMPOTENCY_KEY_CHARACTERS,
    IngestService,
)
from tocsin.ingest.usage import UsageMeter
from tocsin.kit.errors import InvalidRequest, TooManyRequests
from tocsin.logstore.ports import IngestTotals, LogStore

MAX_PENDING_BYTES = 1_000


@pytest.fixture
async def service(
    store: LogStore, repository: IngestRepository, usage: UsageMeter, services: Services, clock: HeldClock
) -> AsyncIterator[IngestService]:
    service = IngestService(store, repository, usage, services, clock=clock, max_pending_bytes=MAX_PENDING_BYTES)
    yield service
    await service.close()


def decoded(records: Sequence[dict[str, Any]], rejects: Sequence[Reject] = ()) -> Decoded:
    return Decoded(columns_of(records), list(rejects), lambda: [json.dumps(record).encode() for record in records])


async def send(
    service: IngestService, sent: Decoded, key: KeyIdentity, *, idempotency_key: str | None = None
) -> IngestOutcome:
    return await service.ingest(lambda: sent, key, size_bytes=100, idempotency_key=idempotency_key)


TICK = {"message": "tick"}
TIMED = [{"message": f"log {number}", "timestamp": NOON_UNIX_NANO + number} for number in range(3)]
CUT = Reject(RejectReason.MALFORMED_JSON, "cut short", b'{"mess')


async def test_every_record_is_accounted_for(service: IngestService, store: LogStore) -> None:
    sent = decoded([*TIMED, {"message": 5}, {"message": "late", "timestamp": "junk"}], [CUT])
    outcome = await send(service, sent, KEY)
    reasons = Counter(
        [RejectReason.MALFORMED_JSON, RejectReason.MESSAGE_NOT_TEXT, RejectReason.BAD_TIMESTAMP],
    )
    assert outcome == IngestOutcome(received=6, stored=3, duplicates_skipped=0, rejected=reasons)
    assert outcome.dead_letters == 3
    assert await messages(store, ORGANIZATION) == ["log 0", "log 1", "log 2"]
    assert await service.totals(ORGANIZATION) == IngestTotals(received=6, stored=3, dead_letters=3)


async def test_rejects_are_kept_as_dead_letters(service: IngestService) -> None:
    await send(service, decoded([{"message": 5}], [CUT]), KEY)
    letters = await service.dead_letters(ORGANIZATION, limit=10)
    assert {letter.reason for letter in letters} == {RejectReason.MALFORMED_JSON, RejectReason.MESSAGE_NOT_TEXT}
    assert {letter.raw for letter in letters} == {b'{"mess', b'{"message": 5}'}
    assert {letter.service for letter in letters} == {"checkout"}
    assert await service.dead_letters(OTHER_ORGANIZATION, limit=10) == []


async def test_nothing_new_is_stored_when_a_request_is_sent_again(
    service: IngestService, store: LogStore, clock: HeldClock
) -> None:
    await send(service, decoded(TIMED), KEY)
    clock.unix_nano += 1_000_000_000
    again = await send(service, decoded([*TIMED, {"message": "new", "timestamp": NOON_UNIX_NANO + 9}]), KEY)
    assert (again.stored, again.duplicates_skipped) == (1, 3)
    assert len(await messages(store, ORGANIZATION)) == 4


async def test_both_are_stored_when_two_requests_say_the_same_without_a_time(
    service: IngestService, store: LogStore
) -> None:
    one_after_the_other = [await send(service, decoded([TICK]), KEY) for _ in range(2)]
    at_once = await asyncio.gather(*(send(service, decoded([TICK]), KEY) for _ in range(5)))
    assert [outcome.stored for outcome in [*one_after_the_other, *at_once]] == [1] * 7
    assert await messages(store, ORGANIZATION) == ["tick"] * 7


async def test_request_without_times_is_recognised_when_it_has_the_same_idempotency_key(
    service: IngestService, store: LogStore, clock: HeldClock
) -> None:
    first = await send(service, decoded([TICK, TICK]), KEY, idempotency_key="k")
    clock.unix_nano += 7_000_000_000
    again = await send(service, decoded([TICK, TICK]), KEY, idempotency_key="k")
    other = await send(service, decoded([TICK, TICK]), KEY, idempotency_key="other")
    assert [outcome.stored for outcome in (first, again, other)] == [2, 0, 2]
    logs = await scanned(store, selection(ORGANIZATION))
    assert {log.timestamp_unix_nano for log in logs} == {NOON_UNIX_NANO, NOON_UNIX_NANO + 7_000_000_000}


async def test_request_is_stored_once_when_it_comes_several_times_at_once(
    service: IngestService, store: LogStore
) -> None:
    outcomes = await asyncio.gather(*(send(service, decoded([TICK]), KEY, idempotency_key="k") for _ in range(4)))
    assert sum(outcome.stored for outcome in outcomes) == 1
    assert await messages(store, ORGANIZATION) == ["tick"]


async def test_idempotency_key_is_forgotten_after_its_lifetime(
    store: LogStore, repository: IngestRepository, usage: UsageMeter, services: Services, clock: HeldClock
) -> None:
    stored = []
    for _ in range(2):
        # A service forgets only now and then; a new one does at once.
        service = IngestService(store, repository, usage, services, clock=clock, max_pending_bytes=MAX_PENDING_BYTES)
        stored.append((await send(service, decoded([TICK]), KEY, idempotency_key="k")).stored)
        await service.close()
        clock.unix_nano += IDEMPOTENCY_KEY_LIFETIME_SECONDS * 1_000_000_000 + 1
    assert stored == [1, 1]


@pytest.mark.parametrize("key", ["", "k" * (MAX_IDEMPOTENCY_KEY_CHARACTERS + 1)])
async def test_request_is_refused_when_its_idempotency_key_has_no_usable_length(
    service: IngestService, store: LogStore, key: str
) -> None:
    with pytest.raises(InvalidRequest, match="Idempotency-Key"):
        await send(service, decoded([TICK]), KEY, idempotency_key=key)
    assert await messages(store, ORGANIZATION) == []


async def test_longest_idempotency_key_is_taken(service: IngestService) -> None:
    assert (await send(service, decoded([TICK]), KEY, idempotency_key="k" * MAX_IDEMPOTENCY_KEY_CHARACTERS)).stored == 1


def test_request_is_refused_when_there_is_no_room(service: IngestService) -> None:
    refused = _sample("tocsin_ingest_refused_requests_total")
    with service.admit(600), service.admit(400):
        with pytest.raises(TooManyRequests) as error, service.admit(1):
            pytest.fail("there is no room")
        assert error.value.retry_after_seconds == 1
    assert _sample("tocsin_ingest_refused_requests_total") == refused + 1
    with service.admit(1_000):
        pass


def test_large_request_is_admitted_when_it_is_alone(service: IngestService) -> None:
    with service.admit(10 * MAX_PENDING_BYTES):
        assert _sample("tocsin_ingest_pending_bytes") == 10 * MAX_PENDING_BYTES
    assert _sample("tocsin_ingest_pending_bytes") == 0


def test_a_request_that_grows_is_refused_when_others_fill_the_room(service: IngestService) -> None:
    with service.admit(100), service.admit(MAX_PENDING_BYTES, held_bytes=100):
        assert _sample("tocsin_ingest_pending_bytes") == 100 + MAX_PENDING_BYTES
    with service.admit(1), service.admit(100):
        with pytest.raises(TooManyRequests), service.admit(MAX_PENDING_BYTES, held_bytes=100):
            pytest.fail("there is no room")
        with service.admit(MAX_PENDING_BYTES - 101, held_bytes=100):
            pass
    assert _sample("tocsin_ingest_pending_bytes") == 0


def test_room_is_given_back_when_a_request_fails(service: IngestService) -> None:
    with pytest.raises(ZeroDivisionError), service.admit(MAX_PENDING_BYTES):
        raise ZeroDivisionError
    with service.admit(MAX_PENDING_BYTES):
        pass


async def test_metrics_count_what_became_of_the_records(service: IngestService) -> None:
    def counted() -> list[float]:
        return [
            _sample("logs_ingested_total"),
            _sample("tocsin_ingest_duplicates_total"),
            _sample("tocsin_ingest_dead_letters_total", reason="malformed_json"),
            _sample("ingestion_latency_ms_count"),
        ]

    before = counted()
    for _ in range(2):
        await send(service, decoded(TIMED, [CUT]), KEY)
    assert [new - old for new, old in zip(counted(), before, strict=True)] == [3, 3, 2, 2]


def _sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0
