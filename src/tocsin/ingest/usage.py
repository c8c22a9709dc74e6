"""Usage by API key and day: counted in memory on a request's path, added to the database behind it.

``kill -9`` loses the last seconds of this breakdown, never a count of the ledger, which is written with each commit.
"""

import asyncio
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.exc import IntegrityError

from tocsin.accounts.contracts import KeyIdentity
from tocsin.ingest.contracts import IngestOutcome
from tocsin.ingest.usage_repository import KeyDay, Usage, UsageRepository
from tocsin.kit.clock import Clock
from tocsin.kit.errors import ServiceUnavailable
from tocsin.kit.moments import NANOSECONDS_A_DAY, NANOSECONDS_A_SECOND

FLUSH_SECONDS = 5.0
"""How much of the breakdown a killed process loses, and how old the other processes' share of a quota may be."""

IDLE_SECONDS = 60
"""An organization whose total was not asked for in so long is asked of the database anew when it comes back."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Tally:
    """One organization's counts in this process."""

    #: Held while the database is asked, so that what is in it and what is not yet are told together.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: What the database does not have yet.
    usage: dict[KeyDay, Usage] = field(default_factory=dict)
    #: The day that the two below are of.
    day: date = date.min
    unflushed_bytes: int = 0
    #: Of all processes, as last read; None where nobody has asked for it.
    flushed_bytes: int | None = None
    asked_unix_nano: int = 0

    def turn_to(self, day: date) -> None:
        """Count the bytes of another day; what the database has of it the flusher reads, and nobody waits for that."""
        self.day = day
        self.flushed_bytes = None if self.flushed_bytes is None else 0
        self.count_unflushed_bytes()

    def count_unflushed_bytes(self) -> None:
        """Count them anew."""
        self.unflushed_bytes = sum(usage.bytes for each, usage in self.usage.items() if each.day == self.day)


class UsageMeter:
    """Counts what was acknowledged; one a process, on its event loop."""

    def __init__(self, repository: UsageRepository, *, clock: Clock, flush_seconds: float = FLUSH_SECONDS) -> None:
        self._repository = repository
        self._clock = clock
        self._flush_seconds = flush_seconds
        self._tallies: dict[UUID, _Tally] = {}
        self._flusher: asyncio.Task[None] | None = None
        self._database_is_away = False
        self._day_number = 0
        self._day = _EPOCH

    def today(self) -> date:
        """The day by the clock (UTC)."""
        number = self._clock.now_unix_nano() // NANOSECONDS_A_DAY
        if number != self._day_number:
            self._day_number, self._day = number, _EPOCH + timedelta(days=number)
        return self._day

    def add(self, key: KeyIdentity, outcome: IngestOutcome, size_bytes: int) -> None:
        """Count one request of ``size_bytes``. Waits for nothing."""
        tally, day = self._tally(key.organization_id), self.today()
        if tally.day != day:
            tally.turn_to(day)
        tally.unflushed_bytes += size_bytes
        key_day = KeyDay(day, key.key_id)
        usage = tally.usage.get(key_day)
        if usage is None:
            usage = tally.usage[key_day] = Usage()
        usage.received += outcome.received
        usage.stored += outcome.stored
        usage.duplicates += outcome.duplicates_skipped
        usage.dead_letters += outcome.dead_letters
        usage.bytes += size_bytes

    async def bytes_of_today(self, organization_id: UUID) -> int:
        """What the organization has sent today: other processes' share as of ``FLUSH_SECONDS`` ago, ours as of now.

        Reads the database only for an organization that was not asked for lately. While that is away, what it has
        counts as nothing: nobody's logs are refused for it.
        """
        tally, day = self._tally(organization_id), self.today()
        if tally.day != day:
            tally.turn_to(day)
        tally.asked_unix_nano = self._clock.now_unix_nano()
        if tally.flushed_bytes is None:
            await self._read_total(organization_id, tally)
        return (tally.flushed_bytes or 0) + tally.unflushed_bytes

    async def between(
        self, organization_id: UUID, first_day: date, last_day: date, *, key_id: UUID | None
    ) -> dict[KeyDay, Usage]:
        """The organization's usage from one day to another, both included, with what is not in the database yet.

        Raises:
            ServiceUnavailable: the database can't be reached.
        """
        tally = self._tally(organization_id)
        async with tally.turn:
            found = await self._repository.between(organization_id, first_day, last_day, key_id=key_id)
            for key_day, usage in tally.usage.items():
                if first_day <= key_day.day <= last_day and key_id in (None, key_day.key_id):
                    found.setdefault(key_day, Usage()).add(usage)
        return found

    async def flush(self) -> None:
        """Bring the database and what is known of it up to date; what can't be written now is kept for later."""
        self._drop_idle_ones()
        try:
            for organization_id, tally in list(self._tallies.items()):
                await self._flush_one(organization_id, tally)
        except ServiceUnavailable as error:
            if not self._database_is_away:
                log.warning("ingest.usage_waits_for_the_database", reason=error.detail)
            self._database_is_away = True
        else:
            if self._database_is_away:
                log.info("ingest.usage_written_again")
            self._database_is_away = False

    async def close(self) -> None:
        """Write what is not in the database yet."""
        if self._flusher is not None:
            self._flusher.cancel()
            await asyncio.wait([self._flusher])
        await self.flush()
        left = sum(usage.received for tally in self._tallies.values() for usage in tally.usage.values())
        if left:
            log.warning("ingest.usage_lost", logs=left)

    def _tally(self, organization_id: UUID) -> _Tally:
        tally = self._tallies.get(organization_id)
        if tally is None:
            tally = self._tallies[organization_id] = _Tally()
            if self._flusher is None or self._flusher.done():
                self._flusher = asyncio.create_task(self._flush_now_and_then())
        return tally

    async def _flush_now_and_then(self) -> None:
        """Until there is nothing to flush and nobody asks."""
        while self._tallies:
            await asyncio.sleep(self._flush_seconds)
            try:
                await self.flush()
            except Exception:
                log.exception("ingest.usage_not_flushed")

    async def _flush_one(self, organization_id: UUID, tally: _Tally) -> None:
        async with tally.turn:
            day = self.today()
            if tally.day != day:
                tally.turn_to(day)
            asked = tally.flushed_bytes is not None and self._was_asked_lately(tally)
            # Counted on while they are written: what was taken is subtracted when it is durable.
            taken = {key_day: copy(usage) for key_day, usage in tally.usage.items()}
            total = None
            if taken:
                total = await self._written(organization_id, taken, total_of=day if asked else None)
            elif asked:
                total = await self._repository.bytes_of(organization_id, day)
            self._settle(tally, taken, day=day, total=total)

    def _drop_idle_ones(self) -> None:
        for organization_id, tally in list(self._tallies.items()):
            if not tally.usage and not tally.turn.locked() and not self._was_asked_lately(tally):
                del self._tallies[organization_id]

    async def _written(self, organization_id: UUID, taken: dict[KeyDay, Usage], *, total_of: date | None) -> int | None:
        try:
            return await self._repository.add(organization_id, taken, total_of=total_of)
        except IntegrityError:
            log.info("ingest.usage_of_a_removed_organization", organization_id=str(organization_id))
            return None

    def _settle(self, tally: _Tally, taken: dict[KeyDay, Usage], *, day: date, total: int | None) -> None:
        """Count no longer what the database has."""
        for key_day, usage in taken.items():
            left = tally.usage[key_day]
            left.subtract(usage)
            if left == Usage():
                del tally.usage[key_day]
        tally.count_unflushed_bytes()
        if tally.day == day:
            tally.flushed_bytes = total

    def _was_asked_lately(self, tally: _Tally) -> bool:
        return self._clock.now_unix_nano() - tally.asked_unix_nano < IDLE_SECONDS * NANOSECONDS_A_SECOND

    async def _read_total(self, organization_id: UUID, tally: _Tally) -> None:
        async with tally.turn:
            if tally.flushed_bytes is not None:
                return
            day = tally.day
            try:
                total = await self._repository.bytes_of(organization_id, day)
            except ServiceUnavailable as error:
                # The flusher asks again.
                log.warning("ingest.quota_total_not_read", reason=error.detail)
                total = 0
            if tally.day == day:
                tally.flushed_bytes = total
