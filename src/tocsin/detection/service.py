"""``DetectionService``: follows what is stored, has it looked at, and tells of what is found.

One process at a time follows an organization: it holds a lease on what is known of it, the *state*, which is kept with
the position up to which logs were taken in. After a crash, another process or the next one reads on from there.
Findings are told before the position is kept, so none is lost. One may be told again: it has the same id, so that does
no harm.

An organization is followed from where its logs end when it is first seen. What was stored before opens nothing, and
neither does imported history, whose logs are left out for their age.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from uuid import uuid4

import pyarrow as pa
import structlog
from prometheus_client import Counter
from sqlalchemy.exc import IntegrityError

from tocsin.detection.contracts import Finding
from tocsin.detection.exemplars import Exemplars
from tocsin.detection.ports import DetectionState, FindingsListener, StateFactory
from tocsin.detection.repository import DetectionRepository, SavedState
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import TocsinError
from tocsin.logstore.ports import RECENT_COUNTS_SCHEMA, LogStore, OrganizationId, Selection, TimeRange
from tocsin.patterns.contracts import PatternCatalogue
from tocsin.patterns.service import PatternsService
from tocsin.query.tree import Everything

LOOK_SECONDS = 2.0
"""How often organizations are looked at after writes: something is noticed so much later than its log."""

POLL_SECONDS = 5.0
"""How often they are without a write of this process: silence is noticed so, and what other processes store."""

SAVE_SECONDS = 30.0
"""How often a state is kept in which nothing was found: after a crash so much is read again."""

LEASE_SECONDS = 20.0
"""How long after the death of a process, and one poll more, its organizations are followed by another. The clocks of
processes must agree within this."""

INTERVAL_NANO = 10 * 10**9
"""Logs are counted in intervals of this length: what happens within one has no order."""

MAX_AGE_NANO = 15 * 60 * 10**9
"""Logs that were older than this when they came do not count: they tell nothing of now."""

HISTORY_SECONDS = 30.0
"""How often a state that knows little is taught from what is stored."""

HISTORY_TIMEOUT_SECONDS = 30.0

MINUTE_NANO = 60 * 10**9

log = structlog.get_logger(__name__)

_findings = Counter("tocsin_detection_findings_total", "Findings that were told, also again.", ["kind"])
_failures = Counter("tocsin_detection_failed_looks_total", "Looks at an organization that failed.")


@dataclass(slots=True)
class _Held:
    """What is known of an organization that this process has leased."""

    state: DetectionState
    position: int
    #: All in monotonic seconds.
    leased_until: float
    saved_at: float
    taught_at: float = float("-inf")


@dataclass(slots=True)
class _Followed:
    """One organization."""

    #: Held while it is looked at.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: None while this process does not follow it, or has to load what is kept.
    held: _Held | None = None
    is_woken: bool = False
    looked_at: float = float("-inf")


class DetectionService:
    """Detection for every organization; one a process, on its event loop."""

    def __init__(
        self,
        store: LogStore,
        patterns: PatternsService,
        repository: DetectionRepository,
        new_state: StateFactory,
        exemplars: Exemplars | None = None,
        *,
        clock: Clock,
        look_seconds: float = LOOK_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        save_seconds: float = SAVE_SECONDS,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._store = store
        self._patterns = patterns
        self._repository = repository
        self._new_state = new_state
        self._clock = clock
        self._exemplars = exemplars
        self._look_seconds = look_seconds
        self._poll_seconds = poll_seconds
        self._save_seconds = save_seconds
        self._lease = timedelta(seconds=lease_seconds)
        self._worker = uuid4()
        self._followed: dict[OrganizationId, _Followed] = {}
        self._listeners: list[FindingsListener] = []
        self._tasks: list[asyncio.Task[None]] = []

    def on_findings(self, listener: FindingsListener) -> None:
        """Call this with what is found, on the event loop, and go on when it returns.

        Where it raises, the same logs are taken in again, and what is found in them is told to every listener again.
        """
        self._listeners.append(listener)

    def wake(self, organization_id: OrganizationId) -> None:
        """Logs of this organization were stored. Waits for nothing."""
        self._followed.setdefault(organization_id, _Followed()).is_woken = True

    async def start(self) -> None:
        """Follow the organizations that were followed before, and those that are woken."""
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._keep_leases())]

    async def close(self) -> None:
        """Stop following, and leave the organizations to other processes."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        try:
            await self._repository.give_back(self._worker)
        except TocsinError as error:  # then others wait until the leases end
            log.warning("detection.not_given_back", reason=error.detail)

    async def look(self, organization_id: OrganizationId) -> bool:
        """Take in what is stored now; whether this process is the one that follows the organization.

        Raises:
            ServiceUnavailable: the database or the log store can't be reached.
            Exception: what a listener raises.
        """
        followed = self._followed.setdefault(organization_id, _Followed())
        async with followed.turn:
            followed.is_woken = False
            followed.looked_at = monotonic()
            is_kept = False
            try:
                is_kept = await self._look(organization_id, followed)
            finally:
                # A state that has taken in more than its position says would take it in twice: the kept one is loaded.
                if not is_kept:
                    followed.held = None
            return is_kept

    async def _follow(self) -> None:
        found_at = float("-inf")
        while True:
            if monotonic() - found_at >= self._poll_seconds:
                found_at = monotonic()
                await self._find()
            for organization_id, followed in list(self._followed.items()):
                if self._is_due(followed):
                    await self._look_if_possible(organization_id)
            await asyncio.sleep(self._look_seconds)

    def _is_due(self, followed: _Followed) -> bool:
        is_woken = followed.is_woken and followed.held is not None
        return is_woken or monotonic() - followed.looked_at >= self._poll_seconds

    async def _find(self) -> None:
        """Take note of organizations that nobody follows: of processes that have ended, or of the time before this."""
        try:
            for organization_id in await self._repository.free(now=utc_now(self._clock)):
                self._followed.setdefault(organization_id, _Followed())
        except TocsinError as error:
            log.warning("detection.organizations_not_found", reason=error.detail)
        except Exception:
            log.exception("detection.finding_organizations_failed")

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 4)
            try:
                await self._renew()
            except TocsinError as error:
                log.warning("detection.leases_not_renewed", reason=error.detail)
            except Exception:
                log.exception("detection.renewing_leases_failed")

    async def _renew(self) -> frozenset[OrganizationId]:
        """Lease all that this process has for longer; which organizations these are."""
        until = monotonic() + self._lease.total_seconds()
        ours = await self._repository.renew(self._worker, until=utc_now(self._clock) + self._lease)
        for organization_id in ours:
            followed = self._followed.get(organization_id)
            if followed is not None and followed.held is not None:
                followed.held.leased_until = until
        return ours

    async def _look_if_possible(self, organization_id: OrganizationId) -> None:
        try:
            await self.look(organization_id)
        except TocsinError as error:
            _failures.inc()
            log.warning("detection.not_looked", organization_id=str(organization_id), reason=error.detail)
        except Exception:
            _failures.inc()
            log.warning("detection.look_failed", organization_id=str(organization_id), exc_info=True)

    async def _look(self, organization_id: OrganizationId, followed: _Followed) -> bool:
        """Take in what is stored now; whether what is held then may be gone on from."""
        # Before the logs are read: of a later moment it is not known yet what there is.
        now_unix_nano = self._clock.now_unix_nano()
        up_to = await self._store.last_sequence(organization_id)
        if followed.held is None or monotonic() >= followed.held.leased_until:
            followed.held = await self._claim(organization_id, begin_at=up_to)
        held = followed.held
        if held is None:
            return False
        findings = await self._take(organization_id, held, up_to, now_unix_nano)
        if findings:
            # Another process may have taken over meanwhile, which finds the same.
            if organization_id not in await self._renew():
                return self._lost(organization_id)
            await self._tell(organization_id, findings)
        if findings or monotonic() - held.saved_at >= self._save_seconds:
            return await self._save(organization_id, held)
        return True

    async def _claim(self, organization_id: OrganizationId, *, begin_at: int) -> _Held | None:
        now, started_at = utc_now(self._clock), monotonic()
        try:
            saved = await self._repository.claim(
                organization_id, self._worker, begin_at=begin_at, now=now, until=now + self._lease
            )
        except IntegrityError:
            self._followed.pop(organization_id, None)
            log.info("detection.of_a_removed_organization", organization_id=str(organization_id))
            return None
        if saved is None:
            return None
        state = await asyncio.to_thread(self._new_state, saved.state)
        return _Held(state, saved.ingest_sequence, started_at + self._lease.total_seconds(), monotonic())

    async def _take(
        self, organization_id: OrganizationId, held: _Held, up_to: int, now_unix_nano: int
    ) -> list[Finding]:
        if up_to <= held.position:
            catalogue = await self._patterns.catalogue(organization_id)
            counts: pa.Table = RECENT_COUNTS_SCHEMA.empty_table()
        else:
            counts = await self._store.counts_after(
                organization_id,
                held.position,
                up_to=up_to,
                interval_nano=INTERVAL_NANO,
                max_age_nano=MAX_AGE_NANO,
            )
            catalogue = await self._patterns.look(organization_id)
        await self._learn_history(organization_id, held, catalogue)
        findings = await asyncio.to_thread(held.state.take, counts, catalogue, now_unix_nano)
        held.position = max(held.position, up_to)
        return findings

    async def _learn_history(self, organization_id: OrganizationId, held: _Held, catalogue: PatternCatalogue) -> None:
        """Let a young state learn from what is stored of the time before it, now and then: it may still be coming."""
        minutes = held.state.wanted_history()
        if minutes is None or monotonic() - held.taught_at < HISTORY_SECONDS:
            return
        held.taught_at = monotonic()
        selection = Selection(
            organization_id=organization_id,
            time_range=TimeRange(minutes.start * MINUTE_NANO, minutes.stop * MINUTE_NANO),
            query=Everything(),
            timeout_seconds=HISTORY_TIMEOUT_SECONDS,
        )
        try:
            counts = await self._store.shape_counts(selection, interval_nano=MINUTE_NANO)
        except TocsinError as error:
            log.warning("detection.no_history", organization_id=str(organization_id), reason=error.detail)
            return
        await asyncio.to_thread(held.state.learn_history, counts, minutes, catalogue)

    async def _tell(self, organization_id: OrganizationId, findings: list[Finding]) -> None:
        if self._exemplars is not None:
            findings = await self._exemplars.added(organization_id, findings)
        for listener in self._listeners:
            await listener(organization_id, findings)
        for finding in findings:
            _findings.labels(finding.kind.value).inc()

    async def _save(self, organization_id: OrganizationId, held: _Held) -> bool:
        saved = SavedState(held.position, await asyncio.to_thread(held.state.dump))
        if not await self._repository.save(organization_id, self._worker, saved, now=utc_now(self._clock)):
            return self._lost(organization_id)
        held.saved_at = monotonic()
        return True

    def _lost(self, organization_id: OrganizationId) -> bool:
        log.info("detection.followed_by_another_process", organization_id=str(organization_id))
        return False
