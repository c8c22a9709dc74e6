"""``NotificationsService``: follows what happens to incidents, and has people told of it by jobs.

Each change and each rule that it concerns make one delivery and one job, whose ids follow from both: events that are
followed again after a crash make nothing new. A job says every change of its incident that waits by then in one
message. A job that dies between the receiver's answer and its own note sends its message again, with the same id.
"""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4, uuid5

import structlog

from tocsin.incidents.contracts import Change, Incident, IncidentChanged, Severity, Status
from tocsin.jobs.ports import Job, Jobs, RetryLater
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import NotFound, TocsinError
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.kit.rates import Rate
from tocsin.limits.ports import RateLimiter
from tocsin.notifications.channels.dispatch import send
from tocsin.notifications.contracts import Channel, DeliveryStatus, IncidentEvents, Notice, Rule
from tocsin.notifications.repository import NotificationsRepository
from tocsin.notifications.rules import concerns
from tocsin.notifications.sending import HttpSender, Refused

JOB_KIND = "notifications.send"

GROUP_SECONDS = 5.0
"""How long a change waits for others of its incident, to be one message with them."""

POLL_SECONDS = 10.0
"""How often events are looked for that other processes made."""

MAX_ATTEMPTS = 10
"""So often a message is sent at most; with the pauses between them, over about 50 minutes."""

MAX_RUNS = 2 * MAX_ATTEMPTS
"""So often a job is begun at most, also when the process dies each time before the message is sent or the database
fails; waiting for room in a channel is not counted."""

KEPT_DELIVERIES = timedelta(days=90)
"""How long the log of deliveries goes back; longer where people were not told yet that an incident is over."""

PRUNE_SECONDS = 3_600.0
"""How often older deliveries are looked for."""

_EVENTS_A_READ = 200

log = structlog.get_logger(__name__)


class NotificationsService:
    """Tells people; one a process, on its event loop."""

    def __init__(
        self,
        repository: NotificationsRepository,
        jobs: Jobs,
        events: IncidentEvents,
        limiter: RateLimiter,
        sender: HttpSender,
        *,
        clock: Clock,
        group_seconds: float = GROUP_SECONDS,
    ) -> None:
        """Before the jobs are started: they learn here who does them."""
        self._repository = repository
        self._jobs = jobs
        self._events = events
        self._limiter = limiter
        self._sender = sender
        self._clock = clock
        self._group_seconds = group_seconds
        self._woken = asyncio.Event()
        self._follower: asyncio.Task[None] | None = None
        self._pruned_unix_nano: int | None = None
        jobs.handle(JOB_KIND, self._do, max_attempts=MAX_RUNS)
        events.on_change(self._wake)

    async def start(self) -> None:
        """Begin to follow.

        Raises:
            ServiceUnavailable: the database can't be reached.
        """
        if resealed := await self._repository.reseal():
            log.info("notifications.secrets_resealed", channels=resealed)
        self._follower = asyncio.create_task(self._follow_all())

    async def close(self) -> None:
        """Stop; what was not followed is followed by the next process. Jobs are to be closed before."""
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
        await self._sender.close()

    async def follow(self, organization_id: UUID) -> None:
        """Make a delivery and a job of each event since the last time, for each rule that it concerns.

        Raises:
            ServiceUnavailable: the database can't be reached; what was done is not done twice.
        """
        rules = await self._repository.rules(organization_id)
        position = await self._repository.position(organization_id)
        while events := await self._events.events_after(organization_id, position, limit=_EVENTS_A_READ):
            for event in events:
                for rule in rules:
                    await self._consider(rule, event)
            position = events[-1].sequence
            await self._repository.move(organization_id, position)

    async def prune(self) -> None:
        """Forget deliveries of more than ``KEPT_DELIVERIES`` ago, unless that was done a short while ago.

        Raises:
            ServiceUnavailable: the database can't be reached.
        """
        now = self._clock.now_unix_nano()
        if self._pruned_unix_nano is not None and now - self._pruned_unix_nano < PRUNE_SECONDS * NANOSECONDS_A_SECOND:
            return
        forgotten = await self._repository.forget_deliveries(utc_now(self._clock) - KEPT_DELIVERIES)
        self._pruned_unix_nano = now
        if forgotten:
            log.info("notifications.deliveries_forgotten", deliveries=forgotten)

    async def test(self, organization_id: UUID, channel_id: UUID) -> tuple[bool, str]:
        """Send a test to a channel now, once; whether it was taken, and why not.

        Raises:
            NotFound: the organization has no such channel.
        """
        channel = await self._repository.channel(organization_id, channel_id)
        if channel is None:
            raise NotFound(f"there is no notification channel with the id {channel_id}")
        try:
            await send(self._sender, channel, self._test_notice(channel), attempt=1, clock=self._clock)
        except (Refused, RetryLater) as error:
            return False, str(error)
        return True, ""

    def _test_notice(self, channel: Channel) -> Notice:
        now = utc_now(self._clock)
        incident = Incident(
            id=uuid4(),
            organization_id=channel.organization_id,
            number=0,
            title="Test",
            status=Status.RESOLVED,
            severity=Severity.LOW,
            service=None,
            affected_services=(),
            started_at=now,
            opened_at=now,
        )
        event = IncidentChanged(sequence=0, change=Change.RESOLVED, incident=incident, at=now)
        return Notice(id=uuid4(), events=(event,), is_test=True)

    def _wake(self, _event: IncidentChanged) -> None:
        self._woken.set()

    async def _follow_all(self) -> None:
        while True:
            self._woken.clear()
            try:
                for organization_id in await self._repository.organizations():
                    await self._follow_or_log(organization_id)
                await self.prune()
            except TocsinError as error:
                log.warning("notifications.not_followed", reason=error.detail)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _follow_or_log(self, organization_id: UUID) -> None:
        try:
            await self.follow(organization_id)
        except TocsinError as error:
            log.warning("notifications.not_followed", reason=error.detail)
        except Exception:
            log.exception("notifications.not_followed")

    async def _consider(self, rule: Rule, event: IncidentChanged) -> None:
        told = await self._repository.was_told(rule.organization_id, rule.id, event.incident.id)
        delivery_id = uuid5(rule.id, str(event.sequence))
        if not concerns(rule, event, was_told=told):
            return
        now = utc_now(self._clock)
        await self._repository.add_delivery(delivery_id, rule, event, now=now)
        await self._jobs.add(
            rule.organization_id,
            JOB_KIND,
            {"delivery_id": str(delivery_id), "channel_id": str(rule.channel_id)},
            key=f"notifications:{delivery_id}",
            not_before=now + timedelta(seconds=self._group_seconds),
        )

    async def _do(self, job: Job) -> None:
        """Send a message, or note why not.

        Raises:
            RetryLater: not now.
        """
        organization_id, delivery_id = job.organization_id, UUID(job.payload["delivery_id"])
        if not await self._repository.is_pending(organization_id, delivery_id):
            return
        channel = await self._repository.channel(organization_id, UUID(job.payload["channel_id"]))
        if channel is not None:
            await self._wait_for_room(channel, delivery_id)
        claimed = await self._repository.claim(organization_id, delivery_id, now=utc_now(self._clock))
        if claimed is None:
            return
        delivery, events = claimed
        status, reason = DeliveryStatus.SENT, ""
        try:
            if channel is None:
                raise Refused("the channel was deleted")
            notice = Notice(id=delivery_id, events=events)
            await send(self._sender, channel, notice, attempt=delivery.attempts, clock=self._clock)
        except Refused as error:
            status, reason = DeliveryStatus.FAILED, str(error)
        except RetryLater as error:
            if delivery.attempts < MAX_ATTEMPTS:
                await self._repository.note(organization_id, delivery_id, str(error))
                raise
            status, reason = DeliveryStatus.FAILED, f"given up after {delivery.attempts} attempts: {error}"
        await self._repository.finish(organization_id, delivery_id, status, reason, now=utc_now(self._clock))

    async def _wait_for_room(self, channel: Channel, delivery_id: UUID) -> None:
        allowance = await self._limiter.take(f"notifications:{channel.id}", Rate(channel.per_minute, 60))
        if not allowance.allowed:
            reason = f"the channel takes {channel.per_minute} messages a minute"
            await self._repository.note(channel.organization_id, delivery_id, reason)
            raise RetryLater(reason, after_seconds=allowance.retry_after_seconds, is_attempt=False)
