from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.testing import AsyncTestClient

from tests.accounts.conftest import Installation
from tests.support.access import access_guard
from tocsin.accounts.access import Caller
from tocsin.accounts.contracts import Principal, Role
from tocsin.accounts.endpoints import ROUTE_HANDLERS
from tocsin.accounts.guards import ACCOUNTS_STATE
from tocsin.accounts.links import LINK_BASE_STATE, LinkBase
from tocsin.api.access_rules import RULES
from tocsin.kit.errors import TocsinError

CHOSEN_PASSWORD = "correct horse battery"

Client = AsyncTestClient[Litestar]


def answer(_request: Request[Any, Any, Any], error: TocsinError) -> Response[dict[str, Any]]:
    return Response({"slug": error.slug, "detail": error.detail}, status_code=error.status)


@pytest.fixture
async def client(installation: Installation) -> AsyncIterator[Client]:
    app = Litestar(
        route_handlers=ROUTE_HANDLERS,
        state=State({ACCOUNTS_STATE: installation.accounts, LINK_BASE_STATE: LinkBase("https://tocsin.example")}),
        guards=[access_guard()],
        exception_handlers={TocsinError: answer},
    )
    async with AsyncTestClient(app) as client:
        yield client


def bearer(installation: Installation, role: Role, *, organization_id: UUID | None = None) -> dict[str, str]:
    principal = Principal(
        uuid4(), organization_id or installation.first_start.organization_id, role, f"{role.lower()}@example.com"
    )
    return {"Authorization": f"Bearer {installation.token_of(principal)}"}


async def one_time_login(client: Client, installation: Installation) -> dict[str, Any]:
    first = installation.first_start
    answer = await client.post("/v1/auth/login", json={"email": first.admin_email, "password": first.admin_password})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def test_login_answers_a_token_that_says_who_one_is(client: Client, installation: Installation) -> None:
    body = await one_time_login(client, installation)
    token, refresh_token = body.pop("access_token"), body.pop("refresh_token")
    assert body == {
        "token_type": "Bearer",
        "expires_in_seconds": 900,
        "password_change_required": True,
        "refresh_expires_in_seconds": 7 * 24 * 3600,
    }
    refreshed = await client.post("/v1/auth/refresh", json={"refresh_token": refresh_token})
    assert (refreshed.status_code, sorted(refreshed.json())) == (200, sorted([*body, "access_token", "refresh_token"]))
    me = await client.get("/v1/auth/me", headers={"Authorization": f"bearer {token}"})
    assert me.status_code == 200
    user_id = me.json().pop("user_id")
    assert UUID(user_id)
    assert me.json() == {
        "user_id": user_id,
        "organization_id": str(installation.first_start.organization_id),
        "email": "admin@localhost",
        "role": "ADMIN",
        "password_change_required": True,
        "scopes": None,
    }


async def test_login_is_refused_when_the_password_is_wrong(client: Client) -> None:
    answer = await client.post("/v1/auth/login", json={"email": "admin@localhost", "password": "wrong"})
    assert (answer.status_code, answer.json()["slug"]) == (401, "unauthenticated")


async def test_login_is_a_bad_request_when_the_body_is_no_login(client: Client) -> None:
    bodies: list[Any] = [{}, {"email": "a"}, {"email": "a", "password": 1}, {"email": "a", "password": ""}, []]
    answers = [await client.post("/v1/auth/login", json=body) for body in bodies]
    assert [answer.status_code for answer in answers] == [400] * len(bodies)


async def test_answers_with_secrets_are_not_to_be_stored(client: Client, installation: Installation) -> None:
    first = installation.first_start
    login = await client.post("/v1/auth/login", json={"email": first.admin_email, "password": first.admin_password})
    created = await client.post(
        "/v1/keys", json={"name": "n", "default_service": "s"}, headers=bearer(installation, Role.ADMIN)
    )
    assert [each.headers["cache-control"] for each in (login, created)] == ["no-store", "no-store"]


async def test_endpoints_are_closed_when_there_is_no_valid_token(client: Client) -> None:
    endpoints = [
        ("GET", "/v1/auth/me"),
        ("GET", "/v1/keys"),
        ("POST", "/v1/keys"),
        ("DELETE", f"/v1/keys/{UUID(int=1)}"),
    ]
    for method, path in endpoints:
        for credentials in (None, "", "Bearer", "Bearer x", "Basic x"):
            headers = {} if credentials is None else {"Authorization": credentials}
            body = {"name": "n", "default_service": "s"} if method == "POST" else None
            answer = await client.request(method, path, headers=headers, json=body)
            assert answer.status_code == 401, (method, path, credentials)


async def test_a_one_time_password_opens_nothing_until_it_is_changed(
    client: Client, installation: Installation
) -> None:
    headers = {"Authorization": f"Bearer {(await one_time_login(client, installation))['access_token']}"}
    refused = await client.get("/v1/keys", headers=headers)
    assert refused.status_code == 403
    assert "/v1/auth/password" in refused.json()["detail"]
    changed = await client.post(
        "/v1/auth/password",
        headers=headers,
        json={"old_password": installation.first_start.admin_password, "new_password": CHOSEN_PASSWORD},
    )
    assert changed.status_code == 200
    assert changed.json()["password_change_required"] is False
    headers = {"Authorization": f"Bearer {changed.json()['access_token']}"}
    assert (await client.get("/v1/keys", headers=headers)).status_code == 200
    again = await client.post("/v1/auth/login", json={"email": "admin@localhost", "password": CHOSEN_PASSWORD})
    assert again.status_code == 200


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
async def test_keys_are_closed_when_the_caller_is_no_administrator(
    client: Client, installation: Installation, role: Role
) -> None:
    headers = bearer(installation, role)
    body = {"name": "n", "default_service": "s"}
    answers = [
        await client.get("/v1/keys", headers=headers),
        await client.post("/v1/keys", headers=headers, json=body),
        await client.delete(f"/v1/keys/{uuid4()}", headers=headers),
    ]
    assert [(each.status_code, each.json()["slug"]) for each in answers] == [(403, "forbidden")] * 3


async def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(
    client: Client, installation: Installation
) -> None:
    headers = bearer(installation, Role.ADMIN)
    installation.clock.move(seconds=1)
    wanted = {"name": "ci", "default_service": "checkout", "expires_at": "2099-01-01T00:00:00Z"}
    created = await client.post("/v1/keys", headers=headers, json=wanted)
    assert created.status_code == 201
    key, secret = created.json()["key"], created.json()["secret"]
    assert secret.startswith(f"svc_{key['prefix']}_")
    assert {name: key[name] for name in wanted} == wanted
    assert key["scopes"] == ["logs:write"]
    assert (key["allows_other_services"], key["revoked_at"], key["last_used_at"]) == (False, None, None)
    identity = await installation.accounts.keys.authenticate(secret)
    assert str(identity.key_id) == key["id"]

    listed = await client.get("/v1/keys", headers=headers)
    assert [each["name"] for each in listed.json()["keys"]] == ["ci", "first key"]
    assert secret not in listed.text
    assert datetime.fromisoformat(listed.json()["keys"][0]["last_used_at"]).tzinfo == UTC

    revoked = await client.delete(f"/v1/keys/{key['id']}", headers=headers)
    assert (revoked.status_code, revoked.content) == (204, b"")
    listed = await client.get("/v1/keys", headers=headers)
    assert [each["revoked_at"] is not None for each in listed.json()["keys"]] == [True, False]


async def test_keys_of_another_organization_are_not_found(client: Client, installation: Installation) -> None:
    headers = bearer(installation, Role.ADMIN, organization_id=uuid4())
    key_id = (await installation.accounts.keys.authenticate(installation.first_start.api_key)).key_id
    assert (await client.get("/v1/keys", headers=headers)).json() == {"keys": []}
    assert (await client.delete(f"/v1/keys/{key_id}", headers=headers)).status_code == 404


async def test_a_key_is_not_created_when_the_request_is_wrong(client: Client, installation: Installation) -> None:
    changes = [
        {"name": ""},
        {"name": "n" * 201},
        {"default_service": ""},
        {"expires_at": "2099-01-01T00:00:00"},
        {"role": "x"},
    ]
    for change in changes:
        body = {"name": "n", "default_service": "s"} | change
        answer = await client.post("/v1/keys", headers=bearer(installation, Role.ADMIN), json=body)
        assert answer.status_code == 400, change
    assert len(await installation.accounts.keys.list(installation.first_start.organization_id)) == 1


async def test_every_endpoint_declares_its_errors_as_problems(client: Client) -> None:
    description = client.app.openapi_schema.to_schema()
    for (method, path), rule in RULES.items():
        operation = description["paths"].get(path, {}).get(method.lower())
        if operation is None:
            continue
        declared = {status for status in operation["responses"] if int(status) >= 400}
        if rule.caller is Caller.PERSON:
            assert {"401", "503"} <= declared, (method, path)
        if rule.needs_session or rule.roles != frozenset(Role):
            assert rule.caller is Caller.ANYONE or "403" in declared, (method, path)
        if "{" in path:
            assert {"400", "404"} <= declared, (method, path)
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"], (method, path, status)
