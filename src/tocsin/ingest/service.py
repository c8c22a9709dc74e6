"""Intake: decoded records become stored logs and dead letters, or nothing at all does."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from uuid import UUID

from tocsin.accounts.contracts import KeyIdentity
from tocsin.ingest import metrics
from tocsin.ingest.contracts import Decode, IngestOutcome, ServiceRegistry
from tocsin.ingest.pipeline import Pipeline
from tocsin.ingest.quota import DailyQuota
from tocsin.ingest.registration import ServiceRegistration
from tocsin.ingest.repository import DeadLetter, IngestRepository
from tocsin.ingest.usage import UsageMeter
from tocsin.ingest.usage_repository import KeyDay, Usage
from tocsin.kit.clock import Clock
from tocsin.kit.errors import InvalidRequest, InvalidTimeRange, TooManyRequests
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logstore.ports import IngestTotals, LogStore

MAX_IDEMPOTENCY_KEY_CHARACTERS = 256
IDEMPOTENCY_KEY_LIFETIME_SECONDS = 24 * 3600
"""A request that is sent again later than this is taken for a new one, as far as its logs have no timestamps."""

_FORGET_EVERY_SECONDS = 600

DEFAULT_USAGE_DAYS = 30
MAX_USAGE_DAYS = 400
"""Bounds the rows of one answer: a day has one for each key."""


class IngestService:
    """Stores what was received, and accounts for every record of it."""

    def __init__(
        self,
        store: LogStore,
        repository: IngestRepository,
        usage: UsageMeter,
        services: ServiceRegistry,
        *,
        clock: Clock,
        max_pending_bytes: int,
        daily_quota_bytes: int | None = None,
        on_stored: Callable[[UUID], None] = lambda _organization_id: None,
    ) -> None:
        """Take in at most ``max_pending_bytes`` of request bodies at a time; more are refused.

        So are those of an organization that has sent ``daily_quota_bytes`` in a day, where that is given. ``usage``
        is closed with the service; ``services`` says which services take logs, and hears of new ones.

        ``on_stored`` is called with the organization whenever logs were stored, to wake those who follow them.
        """
        self._store = store
        self._repository = repository
        self._clock = clock
        self._max_pending_bytes = max_pending_bytes
        self._on_stored = on_stored
        self._pending_bytes = 0
        self._forgot_at: float | None = None
        self._usage = usage
        self._quota = DailyQuota(usage, clock=clock, ceiling_bytes=daily_quota_bytes)
        self._registration = ServiceRegistration(services)
        self._pipeline = Pipeline(
            store, repository, clock=clock, on_written=usage.add, on_services=self._registration.note
        )

    def admit(self, size_bytes: int, *, held_bytes: int = 0) -> AbstractContextManager[None]:
        """Hold room for a request's body while it is being processed; for one that holds ``held_bytes``, more room.

        A request that is alone is taken in whatever its size.

        Raises:
            TooManyRequests: the bodies being processed fill the room already.
        """
        if self._pending_bytes > held_bytes and self._pending_bytes + size_bytes > self._max_pending_bytes:
            metrics.REFUSED.inc()
            raise TooManyRequests(
                f"{self._pending_bytes:,} bytes are being processed already; send this again in a moment",
                retry_after_seconds=1,
            )
        return self._held(size_bytes)

    @contextmanager
    def _held(self, size_bytes: int) -> Iterator[None]:
        self._pending_bytes += size_bytes
        metrics.PENDING_BYTES.set(self._pending_bytes)
        try:
            yield
        finally:
            self._pending_bytes -= size_bytes
            metrics.PENDING_BYTES.set(self._pending_bytes)

    async def ingest(
        self, decode: Decode, key: KeyIdentity, *, size_bytes: int, idempotency_key: str | None = None
    ) -> IngestOutcome:
        """Store the records that can be stored, keep the others as dead letters; both are durable on return.

        ``decode`` runs in a thread, with other requests' before and after it; the body has ``size_bytes``.

        Sending the same records again stores nothing new. Records without a timestamp are recognised only under the
        same ``idempotency_key``, for a day.

        Raises:
            QuotaExceeded: the organization has sent all that it may today.
            StoreUnavailable: nothing was acknowledged; send the request again.
            InvalidRequest: the idempotency key is empty or too long.
            MalformedBody, PayloadTooLarge: as ``decode`` does.
        """
        started = time.monotonic()
        await self._quota.check(key)
        first_received = None if idempotency_key is None else await self._first_received(key, idempotency_key)
        outcome = await self._pipeline.submit(
            decode,
            key,
            size_bytes=size_bytes,
            first_received_unix_nano=first_received,
            inactive_services=await self._registration.inactive(key.organization_id),
        )
        if outcome.stored:
            self._on_stored(key.organization_id)
        _count(outcome)
        metrics.INGESTION_LATENCY.observe((time.monotonic() - started) * 1000)
        return outcome

    async def _first_received(self, key: KeyIdentity, idempotency_key: str) -> int:
        """When the first request with this idempotency key came."""
        if not 0 < len(idempotency_key) <= MAX_IDEMPOTENCY_KEY_CHARACTERS:
            raise InvalidRequest(f"an Idempotency-Key has 1 to {MAX_IDEMPOTENCY_KEY_CHARACTERS} characters")
        now = self._clock.now_unix_nano()
        if self._forgot_at is None or time.monotonic() - self._forgot_at > _FORGET_EVERY_SECONDS:
            self._forgot_at = time.monotonic()
            lifetime = IDEMPOTENCY_KEY_LIFETIME_SECONDS * NANOSECONDS_A_SECOND
            await self._repository.forget_idempotency_keys(before_unix_nano=now - lifetime)
        return await self._repository.first_received(key.organization_id, idempotency_key, now_unix_nano=now)

    async def totals(self, organization_id: UUID) -> IngestTotals:
        """The organization's ledger: ``received == stored + duplicates + dead_letters``."""
        return await self._store.totals(organization_id)

    async def usage(
        self, organization_id: UUID, first_day: date | None, last_day: date | None, *, key_id: UUID | None = None
    ) -> dict[KeyDay, Usage]:
        """What came in from one day to another (UTC, both included), by key and day; of one key where it is named.

        Without a last day it is today, without a first one there are ``DEFAULT_USAGE_DAYS``.

        Raises:
            InvalidTimeRange: the first day is after the last one, or there are more than ``MAX_USAGE_DAYS``.
            ServiceUnavailable: the database can't be reached.
        """
        last_day = last_day or self._usage.today()
        if first_day is None:
            first_day = date.fromordinal(max(1, last_day.toordinal() - DEFAULT_USAGE_DAYS + 1))
        days = (last_day - first_day).days + 1
        if days < 1:
            raise InvalidTimeRange(f"the first day, {first_day}, is after the last one, {last_day}")
        if days > MAX_USAGE_DAYS:
            raise InvalidTimeRange(
                f"from {first_day} to {last_day} are {days:,} days; ask for at most {MAX_USAGE_DAYS}"
            )
        return await self._usage.between(organization_id, first_day, last_day, key_id=key_id)

    async def dead_letters(self, organization_id: UUID, *, limit: int) -> list[DeadLetter]:
        """The newest dead letters of the organization."""
        return await self._repository.dead_letters(organization_id, limit=limit)

    async def close(self) -> None:
        """Finish what was submitted, let go of the thread, and write the usage."""
        await self._pipeline.close()
        await self._registration.close()
        await self._usage.close()


def _count(outcome: IngestOutcome) -> None:
    metrics.LOGS_INGESTED.inc(outcome.stored)
    metrics.DUPLICATES.inc(outcome.duplicates_skipped)
    for reason, count in outcome.rejected.items():
        metrics.DEAD_LETTERS.labels(reason.value).inc(count)
