from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from tests.accounts.clock import HeldClock
from tests.notifications.doubles import FakeIncidents, FakeJobs
from tocsin.accounts.signing_keys import SIGNING_KEY_BYTES, SigningKeys
from tocsin.accounts.tables import OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.incidents.contracts import Change, Incident, IncidentChanged, Severity, Status
from tocsin.kit.clock import utc_now
from tocsin.limits.backends.memory import MemoryRateLimiter
from tocsin.notifications.administration import ChannelDraft, NotificationSettings, RuleDraft
from tocsin.notifications.contracts import Channel, ChannelKind, Delivery, Hours, Rule
from tocsin.notifications.repository import NotificationsRepository
from tocsin.notifications.sealing import Sealer
from tocsin.notifications.sending import HttpSender
from tocsin.notifications.service import NotificationsService

OURS, THEIRS, INCIDENT = UUID(int=1), UUID(int=2), UUID(int=7)
SECRET = "a secret of both sides"
KEYS = SigningKeys.of(b"k" * SIGNING_KEY_BYTES)


def event(clock: HeldClock, sequence: int, change: Change, **members: Any) -> IncidentChanged:
    now = utc_now(clock)
    known: dict[str, Any] = {
        "id": INCIDENT,
        "organization_id": OURS,
        "number": 12,
        "title": "checkout: <declined> cards",
        "status": Status.RESOLVED if change is Change.RESOLVED else Status.OPEN,
        "severity": Severity.HIGH,
        "service": "checkout",
        "affected_services": ("checkout", "cart"),
        "started_at": now,
        "opened_at": now,
    }
    incident = Incident(**(known | members))
    return IncidentChanged(sequence=sequence, change=change, incident=incident, at=now + timedelta(seconds=1))


@dataclass
class Desk:
    """Notifications with all that they need."""

    clock: HeldClock
    jobs: FakeJobs
    incidents: FakeIncidents
    settings: NotificationSettings
    service: NotificationsService

    async def channel(
        self, kind: ChannelKind, secret: str = SECRET, *, per_minute: int = 60, settings: dict[str, str] | None = None
    ) -> Channel:
        draft = ChannelDraft(name=kind, kind=kind, settings=settings or {}, secret=secret, per_minute=per_minute)
        return await self.settings.add_channel(OURS, draft)

    async def rule(self, channel: Channel) -> Rule:
        draft = RuleDraft(
            name="all", channel_id=channel.id, severities=frozenset(Severity), services=frozenset(), hours=Hours()
        )
        return await self.settings.add_rule(OURS, draft)

    async def happen(self, sequence: int, change: Change, **members: Any) -> None:
        self.incidents.happen(event(self.clock, sequence, change, **members))
        await self.service.follow(OURS)

    async def log(self) -> list[Delivery]:
        return sorted(await self.settings.deliveries(OURS, limit=100), key=lambda each: each.sequence)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    clock, jobs, incidents = HeldClock(), FakeJobs(), FakeIncidents()
    async with database.session(ALL_ORGANIZATIONS) as session:
        for organization_id in (OURS, THEIRS):
            values = {"id": organization_id, "name": "o", "slug": str(organization_id), "content_hash_seed": 1}
            await session.execute(insert(OrganizationRow).values(created_at=utc_now(clock), **values))
    repository = NotificationsRepository(database, Sealer(KEYS))
    service = NotificationsService(
        repository, jobs, incidents, MemoryRateLimiter(clock), HttpSender(timeout_seconds=2), clock=clock
    )
    yield Desk(clock, jobs, incidents, NotificationSettings(repository, clock=clock), service)
    await service.close()
