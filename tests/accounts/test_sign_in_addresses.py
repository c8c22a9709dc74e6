"""Where an attempt to sign in comes from, as the endpoints take it."""

from typing import Any

import httpx
from litestar import Litestar
from litestar.datastructures import State

from tests.accounts.conftest import Installation
from tocsin.accounts.endpoints import ROUTE_HANDLERS
from tocsin.accounts.guards import ACCOUNTS_STATE
from tocsin.api.problems import EXCEPTION_HANDLERS

STRANGER, OWNER = "203.0.113.9", "192.0.2.1"


async def request(
    installation: Installation, address: str, path: str, body: dict[str, str], token: str | None = None
) -> httpx.Response:
    """One request that comes from an address."""
    application: Any = Litestar(
        ROUTE_HANDLERS,
        state=State({ACCOUNTS_STATE: installation.accounts}),
        exception_handlers=EXCEPTION_HANDLERS,
        logging_config=None,
    )
    transport = httpx.ASGITransport(app=application, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(path, json=body, headers={"Authorization": f"Bearer {token}"} if token else {})


async def sign_in(installation: Installation, address: str, password: str) -> httpx.Response:
    body = {"email": installation.first_start.admin_email, "password": password}
    return await request(installation, address, "/v1/auth/login", body)


async def test_owner_signs_in_when_a_stranger_is_refused_elsewhere(installation: Installation) -> None:
    guesses = [(await sign_in(installation, STRANGER, "wrong")).status_code for _ in range(11)]
    assert guesses == [401] * 10 + [429]
    refused = await sign_in(installation, STRANGER, installation.first_start.admin_password)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    assert (await sign_in(installation, OWNER, installation.first_start.admin_password)).status_code == 200


async def test_guesses_at_the_old_password_count_where_they_come_from(installation: Installation) -> None:
    token = (await sign_in(installation, OWNER, installation.first_start.admin_password)).json()["access_token"]
    body = {"old_password": "wrong", "new_password": "correct horse battery"}
    for expected in [401] * 10 + [429]:
        answer = await request(installation, STRANGER, "/v1/auth/password", body, token)
        assert answer.status_code == expected
    assert (await request(installation, OWNER, "/v1/auth/password", body, token)).status_code == 401
