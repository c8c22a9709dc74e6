"""Saved searches over HTTP, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.testing import AsyncTestClient
from sqlalchemy import insert

from tests.search.conftest import given, problem
from tests.support.logs import SEED
from tocsin.accounts.access_tokens import AccessTokens
from tocsin.accounts.contracts import Principal, Role
from tocsin.accounts.guards import ACCOUNTS_STATE, provide_principal
from tocsin.accounts.service import AccountsService
from tocsin.accounts.signing_keys import SigningKeys
from tocsin.accounts.tables import OrganizationRow
from tocsin.api.access import AccessGuard
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.kit.errors import TocsinError
from tocsin.search import saved_searches as saved_searches_module
from tocsin.search.saved_search_endpoints import SavedSearchesController
from tocsin.search.saved_searches import SavedSearchesService

PATH = "/v1/saved-searches"
SIGNING_KEYS = SigningKeys.of(bytes(range(64)))
OURS, THEIRS = UUID(int=1), UUID(int=2)
DECLINED: dict[str, Any] = {"name": "declined cards", "query": 'level:>=ERROR "card declined"', "from": "now-2h"}


@dataclass(frozen=True)
class Caller:
    """Somebody of an organization."""

    client: AsyncTestClient[Litestar]
    principal: Principal

    async def __call__(self, method: str, path: str = "", json: object = None) -> tuple[int, Any]:
        token = AccessTokens(SIGNING_KEYS, SystemClock()).mint(self.principal).token
        headers = {"Authorization": f"Bearer {token}"}
        response = await self.client.request(method, f"{PATH}{path}", json=json, headers=headers)
        return response.status_code, response.json() if response.content else None


@pytest.fixture
async def client(database: Database) -> AsyncIterator[AsyncTestClient[Litestar]]:
    clock = SystemClock()
    async with database.session(ALL_ORGANIZATIONS) as session:
        for organization_id in (OURS, THEIRS):
            values = {"id": organization_id, "name": "o", "slug": str(organization_id), "content_hash_seed": SEED}
            await session.execute(insert(OrganizationRow).values(created_at=utc_now(clock), **values))
    app = Litestar(
        [SavedSearchesController],
        state=State({ACCOUNTS_STATE: AccountsService(database, signing_keys=SIGNING_KEYS, clock=clock)}),
        dependencies={
            "principal": Provide(provide_principal),
            "saved_searches": given(SavedSearchesService(database, clock=clock)),
        },
        guards=[AccessGuard()],
        exception_handlers={TocsinError: problem},
    )
    async with AsyncTestClient(app) as client:
        yield client


@pytest.fixture
def developer(client: AsyncTestClient[Litestar]) -> Caller:
    return Caller(client, Principal(uuid4(), OURS, Role.DEVELOPER, "d@example.com"))


@pytest.fixture
def stranger(client: AsyncTestClient[Litestar]) -> Caller:
    return Caller(client, Principal(uuid4(), THEIRS, Role.ADMIN, "s@example.com"))


async def _save(caller: Caller, **members: Any) -> dict[str, Any]:
    status, saved = await caller("POST", json=DECLINED | members)
    assert status == 201, saved
    return dict(saved)


async def test_a_search_is_kept_as_it_was_written(developer: Caller) -> None:
    saved = await _save(developer)
    assert {name: saved[name] for name in ("name", "query", "from", "to")} == {**DECLINED, "to": None}
    assert saved["created_by"] == str(developer.principal.user_id)
    assert saved["created_at"] == saved["updated_at"]
    assert await developer("GET", f"/{saved['id']}") == (200, saved)
    assert await developer("GET") == (200, {"saved_searches": [saved]})


async def test_searches_are_listed_by_name(developer: Caller) -> None:
    for name in ("b", "a", "B", "é"):
        await _save(developer, name=name)
    _, listed = await developer("GET")
    assert [each["name"] for each in listed["saved_searches"]] == ["B", "a", "b", "é"]


async def test_a_search_is_changed_and_forgotten(developer: Caller) -> None:
    saved = await _save(developer)
    status, changed = await developer("PUT", f"/{saved['id']}", {"name": "all", "query": ""})
    assert (status, changed["name"], changed["query"], changed["from"]) == (200, "all", "", None)
    assert changed["created_at"] == saved["created_at"]
    assert changed["updated_at"] > saved["updated_at"]
    assert await developer("DELETE", f"/{saved['id']}") == (204, None)
    for method in ("GET", "DELETE"):
        assert (await developer(method, f"/{saved['id']}"))[0] == 404
    assert (await developer("PUT", f"/{saved['id']}", DECLINED))[0] == 404


async def test_a_name_is_unique_in_its_organization(developer: Caller, stranger: Caller) -> None:
    await _save(developer)
    status, refused = await developer("POST", json=DECLINED)
    assert (status, refused["type"]) == (409, "conflict")
    other = await _save(developer, name="other")
    assert (await developer("PUT", f"/{other['id']}", DECLINED))[0] == 409
    assert (await developer("PUT", f"/{other['id']}", DECLINED | {"name": "other"}))[0] == 200
    await _save(stranger)


async def test_searches_of_another_organization_are_not_there(developer: Caller, stranger: Caller) -> None:
    saved = await _save(developer)
    assert await stranger("GET") == (200, {"saved_searches": []})
    assert (await stranger("GET", f"/{saved['id']}"))[0] == 404
    assert (await stranger("PUT", f"/{saved['id']}", DECLINED))[0] == 404
    assert (await stranger("DELETE", f"/{saved['id']}"))[0] == 404
    assert await developer("GET", f"/{saved['id']}") == (200, saved)


async def test_viewers_look_and_change_nothing(developer: Caller) -> None:
    saved = await _save(developer)
    viewer = Caller(developer.client, Principal(uuid4(), OURS, Role.VIEWER, "v@example.com"))
    assert (await viewer("GET"))[0] == 200
    assert (await viewer("POST", json=DECLINED | {"name": "mine"}))[0] == 403
    assert (await viewer("PUT", f"/{saved['id']}", DECLINED))[0] == 403
    assert (await viewer("DELETE", f"/{saved['id']}"))[0] == 403


@pytest.mark.parametrize(
    "members",
    [
        {"query": "level:ERORR"},
        {"query": "a ("},
        {"query": "x" * 4_097},
        {"from": "yesterday"},
        {"from": "now", "to": "now-1h"},
        {"to": ""},
        {"name": ""},
        {"name": " "},
        {"name": "a\x00b"},
        {"name": "x" * 201},
        {"unknown": 1},
    ],
)
async def test_a_question_that_can_not_be_asked_is_not_kept(developer: Caller, members: dict[str, Any]) -> None:
    status, _ = await developer("POST", json=DECLINED | members)
    assert status == 400
    assert await developer("GET") == (200, {"saved_searches": []})


async def test_a_bad_query_says_where_it_is_bad(developer: Caller) -> None:
    _, refused = await developer("POST", json=DECLINED | {"query": "level:ERORR"})
    assert (refused["type"], refused["start"], refused["suggestion"]) == ("invalid-query", 6, "level:ERROR")


async def test_there_are_not_more_than_can_be_listed(developer: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_searches_module, "MAX_SAVED_SEARCHES", 2)
    for name in ("a", "b"):
        await _save(developer, name=name)
    assert (await developer("POST", json=DECLINED))[0] == 409
