from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.search.conftest import given
from tocsin.accounts.contracts import KeyIdentity
from tocsin.api.problems import EXCEPTION_HANDLERS
from tocsin.incidents.contracts import Deploy, Incident, Signal
from tocsin.kit.clock import Clock
from tocsin.kit.errors import ServiceUnavailable
from tocsin.kit.moments import unix_nano
from tocsin.notifications.incoming.endpoints import WebhooksController, note_deploy
from tocsin.notifications.incoming.service import IncomingEvents

OURS, NOON = UUID(int=1), datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = KeyIdentity(UUID(int=5), OURS, "default", allows_other_services=True, content_hash_seed=1)

Client = AsyncTestClient[Litestar]


class TakenByIncidents:
    """Keeps what incidents would be given."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []
        self.deploys: list[Deploy] = []
        self.is_away = False
        self.most_at_once = 0

    async def take_signals(self, organization_id: UUID, signals: Sequence[Signal]) -> list[Incident]:
        if self.is_away:
            raise ServiceUnavailable("the database can't be reached")
        assert organization_id == OURS
        self.most_at_once = max(self.most_at_once, len(signals))
        self.signals += signals
        return []

    async def deployed(self, organization_id: UUID, deploy: Deploy) -> None:
        assert organization_id == OURS
        self.deploys.append(deploy)


class Noon(Clock):
    """It is twelve o'clock."""

    def now_unix_nano(self) -> int:
        return unix_nano(NOON)


@pytest.fixture
def clock() -> Clock:
    return Noon()


@pytest.fixture
def taken() -> TakenByIncidents:
    return TakenByIncidents()


@pytest.fixture
def calling_with(taken: TakenByIncidents, clock: Clock) -> Callable[[KeyIdentity], Client]:
    def make(key: KeyIdentity) -> Client:
        application = Litestar(
            [WebhooksController, note_deploy],
            dependencies={"key": given(key), "incoming": given(IncomingEvents(taken, clock=clock))},
            exception_handlers=EXCEPTION_HANDLERS,
            logging_config=None,
        )
        return AsyncTestClient(application, raise_server_exceptions=False)

    return make


@pytest.fixture
async def client(calling_with: Callable[[KeyIdentity], Client]) -> AsyncIterator[Client]:
    async with calling_with(KEY) as client:
        yield client


@pytest.fixture
async def client_of_checkout(calling_with: Callable[[KeyIdentity], Client]) -> AsyncIterator[Client]:
    """Calls with a key for one service."""
    async with calling_with(replace(KEY, default_service="checkout", allows_other_services=False)) as client:
        yield client
