"""How often a caller may ask: who counts as whom, and what they are told."""

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.api.callers import DESK, Callers, make_callers, sender
from tests.api.conftest import PASSWORD
from tests.support.serving import served
from tocsin.accounts.api_keys import ApiKeys
from tocsin.accounts.contracts import Role, Scope
from tocsin.api.application import create_app
from tocsin.database.scopes import Scope as SessionScope
from tocsin.database.service import Database
from tocsin.kit.rates import Rate
from tocsin.kit.setting_sections import LimitSettings
from tocsin.wiring import Components

A_DAY = 86_400
LIMITS = LimitSettings(
    sign_in=Rate(2, A_DAY), read=Rate(3, A_DAY), write=Rate(2, A_DAY), ingest=Rate(4, A_DAY), strangers=Rate(2, A_DAY)
)
LOG = {"message": "hello"}


@pytest.fixture
async def callers(components: Components) -> Callers:
    return await make_callers(components)


@pytest.fixture
async def calling(components: Components) -> AsyncIterator[httpx.AsyncClient]:
    limited = replace(components, settings=replace(components.settings, limits=LIMITS))
    transport = httpx.ASGITransport(app=create_app(limited), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def statuses(
    client: httpx.AsyncClient, times: int, method: str, path: str, headers: dict[str, str], body: object = None
) -> list[int]:
    return [(await client.request(method, path, headers=headers, json=body)).status_code for _ in range(times)]


async def test_a_person_is_refused_when_they_ask_too_often_and_told_when_to_come_back(
    calling: httpx.AsyncClient, callers: Callers
) -> None:
    headers = callers.of(Role.VIEWER)
    answers = [await calling.get("/v1/auth/me", headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Limit"] for answer in answers] == ["3"] * 4
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert 0 < int(answers[0].headers["RateLimit-Reset"]) <= A_DAY / 3
    problem, after = answers[3].json(), int(answers[3].headers["Retry-After"])
    assert problem["type"] == "/problems/too-many-requests"
    assert problem["retry_after_seconds"] == after
    assert A_DAY / 3 - 60 < after <= A_DAY / 3


async def test_people_are_counted_apart_and_all_sessions_of_one_together(
    calling: httpx.AsyncClient, callers: Callers
) -> None:
    assert await statuses(calling, 2, "GET", "/v1/auth/me", callers.of(Role.VIEWER)) == [200, 200]
    assert await statuses(calling, 2, "GET", "/v1/logs/count", callers.of(Role.VIEWER)) == [200, 429]
    assert await statuses(calling, 3, "GET", "/v1/auth/me", callers.of(Role.DEVELOPER)) == [200] * 3


async def test_a_program_is_counted_apart_from_its_owner(calling: httpx.AsyncClient, callers: Callers) -> None:
    program = await callers.with_personal_token(Scope.LOGS_READ)
    assert await statuses(calling, 4, "GET", "/v1/logs/count", program) == [200, 200, 200, 429]
    assert await statuses(calling, 1, "GET", "/v1/logs/count", callers.of(Role.ADMIN)) == [200]


async def test_reading_and_writing_are_counted_apart(calling: httpx.AsyncClient, callers: Callers) -> None:
    headers = callers.of(Role.DEVELOPER)
    assert await statuses(calling, 4, "GET", "/v1/saved-searches", headers) == [200, 200, 200, 429]
    assert await statuses(calling, 3, "POST", "/v1/saved-searches", headers) == [400, 400, 429]


async def test_a_key_is_refused_when_it_sends_too_often(calling: httpx.AsyncClient, callers: Callers) -> None:
    created = await calling.post(
        "/v1/keys", headers=callers.of(Role.ADMIN), json={"name": "other", "default_service": "other"}
    )
    assert await statuses(calling, 5, "POST", "/v1/ingest", sender(), LOG) == [200] * 4 + [429]
    other = {"X-API-Key": created.json()["secret"]}
    assert await statuses(calling, 1, "POST", "/v1/ingest", other, LOG) == [200]


async def test_an_address_is_refused_when_it_shows_what_is_not_valid_too_often(
    calling: httpx.AsyncClient, callers: Callers
) -> None:
    unknown = {"X-API-Key": "svc_abcdefgh_" + "x" * 43}
    assert await statuses(calling, 1, "POST", "/v1/ingest", sender(), LOG) == [200]
    assert await statuses(calling, 1, "POST", "/v1/ingest", unknown, LOG) == [401]
    assert await statuses(calling, 1, "GET", "/v1/logs", {}) == [401]
    assert await statuses(calling, 2, "GET", "/v1/logs", {"Authorization": "Bearer x"}) == [429, 429]
    # A sender from there that is known is not held to blame.
    assert await statuses(calling, 1, "POST", "/v1/ingest", sender(), LOG) == [200]


async def test_an_address_is_refused_when_it_signs_in_too_often(calling: httpx.AsyncClient) -> None:
    nobody = {"email": "nobody@example.com", "password": "wrong"}
    assert await statuses(calling, 3, "POST", "/v1/auth/login", {}, nobody) == [401, 401, 429]
    reset = {"token": "x", "new_password": "a password of twelve"}
    assert await statuses(calling, 1, "POST", "/v1/auth/reset-password", {}, reset) == [429]


async def test_what_looks_after_tocsin_is_not_limited(calling: httpx.AsyncClient) -> None:
    answers = [await calling.get("/healthz") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit-Limit" not in answers[0].headers


async def test_guessed_keys_are_read_for_no_longer_when_an_address_has_shown_too_many(
    calling: httpx.AsyncClient, components: Components, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[object] = []
    read_session = Database.read_session

    def counted(database: Database, scope: SessionScope) -> Any:
        # What works by itself reads meanwhile, too.
        if sys._getframe(1).f_globals["__name__"] == ApiKeys.__module__:
            reads.append(scope)
        return read_session(database, scope)

    monkeypatch.setattr(Database, "read_session", counted)
    for number in range(10):
        guess = {"X-API-Key": f"svc_guess{number:03}_" + "x" * 43}
        assert (await calling.post("/v1/ingest", headers=guess, json=LOG)).status_code in {401, 429}
    assert len(reads) == LIMITS.strangers.count  # type: ignore[union-attr]


async def test_sessions_go_on_when_somebody_at_their_address_guesses_passwords(
    calling: httpx.AsyncClient, components: Components
) -> None:
    signed_in = await components.accounts.login("admin@localhost", PASSWORD, DESK)
    nobody = {"email": "nobody@example.com", "password": "wrong"}
    assert await statuses(calling, 3, "POST", "/v1/auth/login", {}, nobody) == [401, 401, 429]
    refresh = {"refresh_token": signed_in.refresh_token}
    assert await statuses(calling, 1, "POST", "/v1/auth/refresh", {}, refresh) == [200]


async def test_a_live_tail_is_told_to_come_back_when_it_was_opened_too_often(
    components: Components, callers: Callers
) -> None:
    limited = replace(components, settings=replace(components.settings, limits=LIMITS))
    headers = callers.of(Role.VIEWER)
    async with served(create_app(limited)) as port:
        for expected in ("started", "started", "started", "problem"):
            async with connect(f"ws://127.0.0.1:{port}/live/logs", additional_headers=headers) as socket:
                if expected == "started":
                    await socket.send('{"type": "start"}')
                message = json.loads(await socket.recv())
                assert message["type"] == expected
        assert message["problem"]["status"] == 429
