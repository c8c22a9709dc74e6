import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.ingest.conftest import KEY, ORGANIZATION, HeldClock, columns_of
from tests.support.logs import NOON_UNIX_NANO
from tocsin.accounts.fresh_reads import FRESH_SECONDS
from tocsin.accounts.services import ServiceDraft, Services
from tocsin.database.service import Database
from tocsin.ingest.contracts import Decoded, IngestOutcome, RejectReason
from tocsin.ingest.repository import IngestRepository
from tocsin.ingest.service import IngestService
from tocsin.ingest.usage import UsageMeter
from tocsin.kit.errors import ServiceUnavailable
from tocsin.logstore.backends.memory.store import MemoryLogStore


@pytest.fixture
async def service(
    repository: IngestRepository, usage: UsageMeter, services: Services, clock: HeldClock
) -> AsyncIterator[IngestService]:
    service = IngestService(MemoryLogStore(), repository, usage, services, clock=clock, max_pending_bytes=10_000)
    yield service
    await service.close()


async def send(service: IngestService, *names: str | None) -> IngestOutcome:
    records: list[dict[str, Any]] = [
        {"message": f"from {name}", "service": name, "timestamp": NOON_UNIX_NANO} for name in names
    ]
    decoded = Decoded(columns_of(records), [], lambda: [json.dumps(record).encode() for record in records])
    return await service.ingest(lambda: decoded, KEY, size_bytes=100)


async def registered(services: Services, *names: str) -> list[str]:
    """The names of the services once these are among them."""
    async with asyncio.timeout(10):
        while True:
            found = [each.name for each in await services.all_of(ORGANIZATION)]
            if set(names) <= set(found):
                return found
            await asyncio.sleep(0.01)


async def test_services_are_registered_when_their_first_logs_were_stored(
    service: IngestService, services: Services
) -> None:
    await send(service, "payment", None, "cart", "payment")
    assert await registered(services, "payment", "cart", "checkout") == ["cart", "checkout", "payment"]
    await send(service, "search")
    await registered(services, "search")


async def test_a_service_is_not_registered_when_its_log_was_not_stored(
    service: IngestService, services: Services
) -> None:
    outcome = await send(service, "payment", "bad\x00name")
    assert outcome.rejected == {RejectReason.BAD_SERVICE: 1}
    assert await registered(services, "payment") == ["payment"]


async def test_logs_of_an_inactive_service_are_kept_as_dead_letters(
    service: IngestService, services: Services, clock: HeldClock
) -> None:
    payment = await services.create(ORGANIZATION, "payment", ServiceDraft(active=False))
    outcome = await send(service, "payment", "cart")
    assert (outcome.stored, outcome.rejected) == (1, {RejectReason.SERVICE_INACTIVE: 1})
    [letter] = await service.dead_letters(ORGANIZATION, limit=10)
    assert "inactive" in letter.detail
    assert letter.service == "payment"
    await services.change(ORGANIZATION, payment.id, lambda now: ServiceDraft(active=True))
    assert (await send(service, "payment")).stored == 1


async def test_a_service_takes_no_more_logs_within_seconds_when_another_process_made_it_inactive(
    service: IngestService, services: Services, clock: HeldClock, sqlite: Database
) -> None:
    assert (await send(service, "payment")).stored == 1
    await registered(services, "payment")
    elsewhere = Services(sqlite, clock=clock)
    [payment] = await elsewhere.all_of(ORGANIZATION)
    await elsewhere.change(ORGANIZATION, payment.id, lambda now: ServiceDraft(active=False))
    clock.unix_nano += FRESH_SECONDS * 1_000_000_000
    assert (await send(service, "payment")).rejected == {RejectReason.SERVICE_INACTIVE: 1}


async def test_logs_are_stored_when_services_can_not_be_registered(
    service: IngestService, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*_: object) -> None:
        raise ServiceUnavailable("the database is not available right now")

    with monkeypatch.context() as broken:
        broken.setattr(services, "register", unavailable)
        assert (await send(service, "payment")).stored == 1
    await send(service, "payment")
    await registered(services, "payment")
