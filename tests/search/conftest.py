from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from tests.support.logs import NOON_UNIX_NANO
from tests.support.questions import questions_by
from tocsin.accounts.contracts import Principal, Role
from tocsin.kit.errors import TocsinError
from tocsin.logstore.ports import LogStore
from tocsin.search.context import ContextService
from tocsin.search.endpoints import LogsController
from tocsin.search.exploration import ExplorationService
from tocsin.search.exploring_endpoints import ExploringController
from tocsin.search.export import ExportService
from tocsin.search.export_endpoints import ExportController
from tocsin.search.limits import QueryLimits
from tocsin.search.questions import Questions
from tocsin.search.service import SearchService

ORGANIZATION = UUID("00000000-0000-8000-8000-0000000000aa")
PRINCIPAL = Principal(UUID(int=1), ORGANIZATION, Role.VIEWER, "reader@example.com")


class HeldClock:
    """A clock that stands still until it is moved."""

    def __init__(self, unix_nano: int) -> None:
        self.unix_nano = unix_nano

    def now_unix_nano(self) -> int:
        return self.unix_nano


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(NOON_UNIX_NANO)


@pytest.fixture
def store(empty_log_store: LogStore) -> LogStore:
    return empty_log_store


@pytest.fixture
async def limits() -> QueryLimits:
    return QueryLimits(max_concurrent=2, timeout_seconds=5)


@pytest.fixture
async def questions(clock: HeldClock) -> Questions:
    return questions_by(clock)


@pytest.fixture
async def service(store: LogStore, questions: Questions, limits: QueryLimits) -> SearchService:
    return SearchService(store, questions, limits=limits)


@pytest.fixture
async def exploration(store: LogStore, questions: Questions, limits: QueryLimits) -> ExplorationService:
    return ExplorationService(store, questions, limits=limits)


def problem(_request: Request[Any, Any, Any], error: TocsinError) -> Response[dict[str, object]]:
    return Response({"type": error.slug, "detail": error.detail} | error.members(), status_code=error.status)


def given(service: object) -> Provide:
    """A dependency that is there already."""

    def provide() -> object:
        return service

    return Provide(provide, sync_to_thread=False)


@pytest.fixture
async def client(
    service: SearchService,
    exploration: ExplorationService,
    store: LogStore,
    limits: QueryLimits,
    questions: Questions,
) -> AsyncIterator[AsyncTestClient[Litestar]]:
    app = Litestar(
        [LogsController, ExploringController, ExportController],
        dependencies={
            "principal": given(PRINCIPAL),
            "search_service": given(service),
            "exploration_service": given(exploration),
            "context_service": given(ContextService(store, service, limits=limits)),
            "export_service": given(ExportService(store, questions, limits=limits)),
        },
        exception_handlers={TocsinError: problem},
    )
    async with AsyncTestClient(app) as client:
        yield client
