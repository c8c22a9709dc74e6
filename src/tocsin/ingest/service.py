"""Intake: decoded records become stored logs and dead letters, or nothing at all does."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

import structlog

from tocsin.accounts.contracts import KeyIdentity
from tocsin.ingest import metrics
from tocsin.ingest.contracts import Decoded, IngestOutcome, RejectReason
from tocsin.ingest.normalise import Normalised, Stamp, normalise
from tocsin.ingest.repository import DeadLetter, IngestRepository
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import InvalidRequest, TooManyRequests
from tocsin.logstore.ports import IngestTotals, LogStore, Receipt

log = structlog.get_logger(__name__)

MAX_IDEMPOTENCY_KEY_CHARACTERS = 256
IDEMPOTENCY_KEY_LIFETIME_SECONDS = 24 * 3600
"""A request that is sent again later than this is taken for a new one, as far as its logs have no timestamps."""

_FORGET_EVERY_SECONDS = 600


class IngestService:
    """Stores what was received, and accounts for every record of it."""

    def __init__(self, store: LogStore, repository: IngestRepository, *, clock: Clock, max_pending_bytes: int) -> None:
        """Take in at most ``max_pending_bytes`` of request bodies at a time; more are refused."""
        self._store = store
        self._repository = repository
        self._clock = clock
        self._max_pending_bytes = max_pending_bytes
        self._pending_bytes = 0
        self._forgot_at = 0.0
        # One thread: the work is native code that takes all of a core, and the other one is for the network.
        self._normaliser = ThreadPoolExecutor(1, thread_name_prefix="tocsin-normalise")

    def admit(self, size_bytes: int) -> AbstractContextManager[None]:
        """Hold room for a request's body while it is being processed.

        Raises:
            TooManyRequests: the bodies being processed fill the room already.
        """
        if self._pending_bytes and self._pending_bytes + size_bytes > self._max_pending_bytes:
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

    async def ingest(self, decoded: Decoded, key: KeyIdentity, *, idempotency_key: str | None = None) -> IngestOutcome:
        """Store the records that can be stored, keep the others as dead letters; both are durable on return.

        Sending the same records again stores nothing new. Records without a timestamp are recognised only under the
        same ``idempotency_key``, for a day.

        Raises:
            StoreUnavailable: nothing was acknowledged; send the request again.
            InvalidRequest: the idempotency key is too long.
        """
        started = time.monotonic()
        stamp = await self._stamp(key, idempotency_key)
        loop = asyncio.get_running_loop()
        normalised = await loop.run_in_executor(self._normaliser, normalise, decoded.records, stamp)
        outcome = await self._store_all(decoded, normalised, key)
        metrics.LOGS_INGESTED.inc(outcome.stored)
        metrics.DUPLICATES.inc(outcome.duplicates_skipped)
        for reason, count in outcome.rejected.items():
            metrics.DEAD_LETTERS.labels(reason.value).inc(count)
        metrics.INGESTION_LATENCY.observe((time.monotonic() - started) * 1000)
        return outcome

    async def _store_all(self, decoded: Decoded, normalised: Normalised, key: KeyIdentity) -> IngestOutcome:
        rejects = [*decoded.rejects, *normalised.rejects]
        if rejects:
            # Before the logs: were it the other way round, a crash in between would lose them.
            await self._repository.add_dead_letters(
                key.organization_id, key.default_service, rejects, received_at=utc_now(self._clock)
            )
        receipt = Receipt(received=decoded.received, dead_letters=len(rejects))
        written = await self._store.write(key.organization_id, normalised.batch, receipt)
        return IngestOutcome(
            received=decoded.received,
            stored=written.stored,
            duplicates_skipped=written.duplicates,
            rejected=Counter[RejectReason](reject.reason for reject in rejects),
        )

    async def _stamp(self, key: KeyIdentity, idempotency_key: str | None) -> Stamp:
        now = self._clock.now_unix_nano()
        first_received = now
        if idempotency_key is not None:
            if not 0 < len(idempotency_key) <= MAX_IDEMPOTENCY_KEY_CHARACTERS:
                limit = MAX_IDEMPOTENCY_KEY_CHARACTERS
                raise InvalidRequest(f"an Idempotency-Key has 1 to {limit} characters")
            await self._forget_old_keys(now)
            first_received = await self._repository.first_received(
                key.organization_id, key.key_id, idempotency_key, now_unix_nano=now
            )
        return Stamp(
            received_unix_nano=now,
            default_timestamp_unix_nano=first_received,
            default_service=key.default_service,
            allows_other_services=key.allows_other_services,
            content_hash_seed=key.content_hash_seed,
        )

    async def _forget_old_keys(self, now_unix_nano: int) -> None:
        if time.monotonic() - self._forgot_at > _FORGET_EVERY_SECONDS or not self._forgot_at:
            self._forgot_at = time.monotonic()
            lifetime = IDEMPOTENCY_KEY_LIFETIME_SECONDS * 1_000_000_000
            await self._repository.forget_idempotency_keys(before_unix_nano=now_unix_nano - lifetime)

    async def totals(self, organization_id: UUID) -> IngestTotals:
        """The organization's ledger: ``received == stored + duplicates + dead_letters``."""
        return await self._store.totals(organization_id)

    async def dead_letters(self, organization_id: UUID, *, limit: int) -> list[DeadLetter]:
        """The newest dead letters of the organization."""
        return await self._repository.dead_letters(organization_id, limit=limit)

    def close(self) -> None:
        """Let go of the thread; requests must have ended."""
        self._normaliser.shutdown(wait=True)
