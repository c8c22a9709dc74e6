from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import structlog
from prometheus_client import REGISTRY

from tests.ingest.conftest import KEY, OTHER_ORGANIZATION, HeldClock, add_organizations, columns_of
from tests.support.logs import NOON_UNIX_NANO
from tests.support.reading import messages
from tocsin.accounts.contracts import KeyIdentity
from tocsin.accounts.services import Services
from tocsin.database.service import Database
from tocsin.ingest.contracts import Decoded, IngestOutcome
from tocsin.ingest.quota import DailyQuota
from tocsin.ingest.repository import IngestRepository
from tocsin.ingest.service import IngestService
from tocsin.ingest.usage import UsageMeter
from tocsin.ingest.usage_repository import UsageRepository
from tocsin.kit.errors import MalformedBody, QuotaExceeded
from tocsin.logstore.backends.memory.store import MemoryLogStore

QUOTA_BYTES = 1_000
OUTCOME = IngestOutcome(received=1, stored=1, duplicates_skipped=0, rejected=Counter())
STRANGERS_KEY = replace(KEY, organization_id=OTHER_ORGANIZATION)


def meter_over(database: Database, clock: HeldClock) -> UsageMeter:
    return UsageMeter(UsageRepository(database), clock=clock)


@pytest.fixture
async def quota(usage: UsageMeter, services: Services, clock: HeldClock) -> AsyncIterator[DailyQuota]:
    yield DailyQuota(usage, clock=clock, ceiling_bytes=QUOTA_BYTES)
    await usage.close()


async def is_refused(quota: DailyQuota, key: KeyIdentity = KEY) -> bool:
    try:
        await quota.check(key)
    except QuotaExceeded:
        return True
    return False


async def test_check_lets_requests_pass_until_the_quota_is_used(quota: DailyQuota, usage: UsageMeter) -> None:
    assert not await is_refused(quota)
    usage.add(KEY, OUTCOME, QUOTA_BYTES - 1)
    assert not await is_refused(quota)
    usage.add(replace(KEY, default_service="other"), OUTCOME, 1)
    assert await is_refused(quota)
    assert not await is_refused(quota, STRANGERS_KEY)


async def test_refusal_says_how_much_of_how_much_and_until_when(
    quota: DailyQuota, usage: UsageMeter, services: Services, clock: HeldClock
) -> None:
    usage.add(KEY, OUTCOME, 12_345)
    refused = REGISTRY.get_sample_value("tocsin_ingest_quota_refused_total") or 0
    clock.unix_nano += 500_000_000
    with pytest.raises(QuotaExceeded, match=r"12,345 bytes today .* 1,000 bytes a day") as refusal:
        await quota.check(KEY)
    assert refusal.value.retry_after_seconds == 900
    clock.unix_nano += (12 * 3_600 - 1) * 1_000_000_000
    with pytest.raises(QuotaExceeded) as refusal:
        await quota.check(KEY)
    assert refusal.value.retry_after_seconds == 1
    assert REGISTRY.get_sample_value("tocsin_ingest_quota_refused_total") == refused + 2
    clock.unix_nano += 500_000_000
    assert not await is_refused(quota)


@pytest.mark.parametrize(
    ("ceiling_bytes", "own_bytes", "holds"),
    [(1_000, None, 1_000), (1_000, 300, 300), (1_000, 5_000, 1_000), (None, 300, 300), (1_000, 0, 0)],
)
async def test_lower_quota_counts_when_there_are_two(
    usage: UsageMeter,
    services: Services,
    clock: HeldClock,
    ceiling_bytes: int | None,
    own_bytes: int | None,
    holds: int,
) -> None:
    quota = DailyQuota(usage, clock=clock, ceiling_bytes=ceiling_bytes)
    key = replace(KEY, daily_quota_bytes=own_bytes)
    if holds:
        usage.add(key, OUTCOME, holds - 1)
        assert not await is_refused(quota, key)
        usage.add(key, OUTCOME, 1)
    assert await is_refused(quota, key)
    await usage.close()


async def test_everything_passes_and_nothing_is_read_when_there_is_no_quota(clock: HeldClock) -> None:
    # No such server: asking it would fail.
    usage = meter_over(Database("postgresql://nobody@127.0.0.1:1/none"), clock)
    quota = DailyQuota(usage, clock=clock, ceiling_bytes=None)
    with structlog.testing.capture_logs() as logs:
        assert not await is_refused(quota)
    assert logs == []


async def test_other_processes_share_counts_when_they_have_written_it(database: Database, clock: HeldClock) -> None:
    await add_organizations(database)
    here, there = meter_over(database, clock), meter_over(database, clock)
    quota = DailyQuota(here, clock=clock, ceiling_bytes=QUOTA_BYTES)
    here.add(KEY, OUTCOME, 400)
    there.add(KEY, OUTCOME, 600)
    assert not await is_refused(quota)
    await there.flush()
    await here.flush()
    assert await is_refused(quota)
    newcomer = DailyQuota(meter_over(database, clock), clock=clock, ceiling_bytes=QUOTA_BYTES)
    assert await is_refused(newcomer)
    for meter in (here, there):
        await meter.close()


async def test_log_says_once_a_day_that_the_quota_is_nearly_used(
    quota: DailyQuota, usage: UsageMeter, services: Services, clock: HeldClock
) -> None:
    async def warnings(*, add_bytes: int, key: KeyIdentity = KEY) -> list[int]:
        usage.add(key, OUTCOME, add_bytes)
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                await is_refused(quota, key)
        return [entry["used_bytes"] for entry in logs if entry["event"] == "ingest.quota_nearly_used"]

    assert await warnings(add_bytes=799) == []
    assert await warnings(add_bytes=1) == [800]
    assert await warnings(add_bytes=500) == []
    assert await warnings(add_bytes=900, key=STRANGERS_KEY) == [900]
    clock.unix_nano += 86_400 * 1_000_000_000
    assert await warnings(add_bytes=850) == [850]


async def test_service_counts_what_it_took_in_and_refuses_before_it_decodes(
    repository: IngestRepository, usage: UsageMeter, services: Services, clock: HeldClock
) -> None:
    store = MemoryLogStore()
    service = IngestService(
        store, repository, usage, services, clock=clock, max_pending_bytes=10_000, daily_quota_bytes=QUOTA_BYTES
    )

    def whole(message: str) -> Decoded:
        return Decoded(columns_of([{"message": message, "timestamp": NOON_UNIX_NANO}]), [], list)

    def broken() -> Decoded:
        raise MalformedBody("not what it says")

    for _ in range(3):
        with pytest.raises(MalformedBody):
            await service.ingest(broken, KEY, size_bytes=QUOTA_BYTES)
    await service.ingest(lambda: whole("first"), KEY, size_bytes=QUOTA_BYTES - 1)
    await service.ingest(lambda: whole("second"), KEY, size_bytes=QUOTA_BYTES)
    with pytest.raises(QuotaExceeded):
        await service.ingest(broken, KEY, size_bytes=1)
    await service.ingest(lambda: whole("a stranger's"), STRANGERS_KEY, size_bytes=1)
    assert await usage.bytes_of_today(KEY.organization_id) == 2 * QUOTA_BYTES - 1
    assert sorted(await messages(store, KEY.organization_id)) == ["first", "second"]
    await service.close()
