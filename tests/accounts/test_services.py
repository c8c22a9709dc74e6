import asyncio
from contextlib import AbstractAsyncContextManager
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from tests.accounts.conftest import Installation
from tests.accounts.people import add_organization, refused
from tocsin.accounts import services as services_module
from tocsin.accounts.contracts import Service
from tocsin.accounts.fresh_reads import FRESH_SECONDS
from tocsin.accounts.services import ServiceDraft, Services
from tocsin.database.scopes import Scope
from tocsin.kit.errors import Conflict, NotFound, ServiceUnavailable

DRAFT = ServiceDraft(
    owner="payments",
    labels={"tier": "1"},
    retention_class="long",
    repository_url="https://git.example.com/shop",
    active=False,
)


@pytest.fixture
async def theirs(installation: Installation) -> UUID:
    """An organization without services."""
    return await add_organization(installation)


@pytest.fixture
def services(installation: Installation) -> Services:
    return installation.accounts.services


async def names(services: Services, organization_id: UUID) -> list[str]:
    return [service.name for service in await services.all_of(organization_id)]


def said(service: Service) -> ServiceDraft:
    return ServiceDraft(
        owner=service.owner,
        labels=service.labels,
        retention_class=service.retention_class,
        repository_url=service.repository_url,
        active=service.active,
    )


async def test_a_service_is_kept_as_it_was_described(services: Services, theirs: UUID) -> None:
    made = await services.create(theirs, "shop", DRAFT)
    assert said(made) == DRAFT
    assert await services.get(theirs, made.id) == made
    assert await services.all_of(theirs) == [made]
    changed = await services.change(theirs, made.id, lambda now: ServiceDraft(owner=f"{now.owner} team"))
    assert said(changed) == ServiceDraft(owner="payments team")
    assert (changed.id, changed.name, changed.created_at) == (made.id, "shop", made.created_at)
    assert await services.get(theirs, made.id) == changed
    await services.delete(theirs, made.id)
    assert await services.all_of(theirs) == []


async def test_services_are_listed_by_name(services: Services, theirs: UUID) -> None:
    for name in ("b", "a", "B", "é"):
        await services.create(theirs, name, ServiceDraft())
    assert await names(services, theirs) == ["B", "a", "b", "é"]


async def test_a_name_is_unique_in_its_organization(
    installation: Installation, services: Services, theirs: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await services.create(theirs, "default", ServiceDraft())
    await refused(services.create(theirs, "default", DRAFT), Conflict)
    monkeypatch.setattr(services_module, "MAX_SERVICES", 1)
    await refused(services.create(theirs, "another", DRAFT), Conflict)
    assert await names(services, installation.first_start.organization_id) == ["default"]


async def test_a_service_of_another_organization_is_not_there(
    installation: Installation, services: Services, theirs: UUID
) -> None:
    made = await services.create(theirs, "shop", DRAFT)
    ours = installation.first_start.organization_id
    for organization_id, service_id in ((ours, made.id), (theirs, uuid4())):
        await refused(services.get(organization_id, service_id), NotFound)
        await refused(services.change(organization_id, service_id, lambda _: ServiceDraft()), NotFound)
        await refused(services.delete(organization_id, service_id), NotFound)
    assert await services.get(theirs, made.id) == made


async def test_first_logs_register_their_services_once(services: Services, theirs: UUID) -> None:
    made = await services.create(theirs, "b", DRAFT)
    await services.register(theirs, [])
    await services.register(theirs, ["c", "b", "a", "c"])
    await services.register(theirs, {"c", "a"})
    assert await names(services, theirs) == ["a", "b", "c"]
    assert await services.get(theirs, made.id) == made
    assert said((await services.all_of(theirs))[0]) == ServiceDraft()


async def test_services_are_registered_by_several_processes_at_once(
    installation: Installation, services: Services, theirs: UUID
) -> None:
    processes = [services, *(installation.another_process().services for _ in range(3))]
    await asyncio.gather(*(each.register(theirs, ["a", "b", "c"]) for each in processes))
    assert await names(services, theirs) == ["a", "b", "c"]


async def test_services_are_registered_by_the_thousand(services: Services, theirs: UUID) -> None:
    await services.register(theirs, [f"service {number:05}" for number in range(6_000)])
    assert len(await services.all_of(theirs)) == 6_000


async def test_no_more_services_are_registered_than_there_is_room_for(
    services: Services, theirs: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services_module, "MAX_SERVICES", 3)
    await services.register(theirs, ["b"])
    with capture_logs() as logs:
        await services.register(theirs, ["d", "a", "b", "c"])
    assert "accounts.service_not_registered" in [each["event"] for each in logs]
    assert await names(services, theirs) == ["a", "b", "c"]
    assert (await services.known(theirs)).is_full
    await services.register(theirs, ["e"])
    assert await names(services, theirs) == ["a", "b", "c"]


async def test_an_inactive_service_is_known_everywhere_within_five_seconds(
    installation: Installation, services: Services, theirs: UUID
) -> None:
    elsewhere = installation.another_process().services
    await services.register(theirs, ["a", "b"])
    for each in (services, elsewhere):
        assert (await each.known(theirs)).active == {"a", "b"}
    first, _ = await services.all_of(theirs)
    await services.change(theirs, first.id, lambda _: ServiceDraft(active=False))
    for each, seconds in ((services, 0), (elsewhere, FRESH_SECONDS)):
        installation.clock.move(seconds=seconds)
        known = await each.known(theirs)
        assert [known.active, known.inactive, known.unknown(["a", "b", "c"])] == [{"b"}, {"a"}, {"c"}]
        assert not known.is_full


async def test_services_are_read_once_when_many_ask_at_once(
    installation: Installation, services: Services, theirs: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Scope] = []
    read_session = installation.database.read_session

    def counted(scope: Scope) -> AbstractAsyncContextManager[AsyncSession]:
        reads.append(scope)
        return read_session(scope)

    monkeypatch.setattr(installation.database, "read_session", counted)
    for expected in ([theirs], [theirs, theirs]):
        await asyncio.gather(*(services.known(theirs) for _ in range(50)))
        assert reads == expected
        installation.clock.move(seconds=FRESH_SECONDS)


async def test_the_last_known_services_stay_when_the_database_is_away(
    installation: Installation, services: Services, theirs: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await services.create(theirs, "shop", DRAFT)
    before = await services.known(theirs)

    def away(*_: object) -> None:
        raise ServiceUnavailable("the database is away")

    monkeypatch.setattr(installation.database, "read_session", away)
    installation.clock.move(seconds=FRESH_SECONDS)
    known = await services.known(theirs)
    assert [known.active, known.inactive] == [before.active, before.inactive] == [frozenset(), frozenset({"shop"})]
    assert (await services.known(uuid4())).active == frozenset()
