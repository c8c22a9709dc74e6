from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import Litestar, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.testing import AsyncTestClient

from tests.accounts.conftest import Installation
from tocsin.accounts.contracts import KeyIdentity, Principal, Role
from tocsin.accounts.guards import ACCOUNTS_STATE, provide_key_identity, provide_principal, requires_role
from tocsin.kit.errors import TocsinError

Client = AsyncTestClient[Litestar]


@get("/person", dependencies={"principal": Provide(provide_principal)})
async def person(principal: NamedDependency[Principal]) -> str:
    return principal.email


@get("/readers", guards=[requires_role(Role.DEVELOPER, Role.VIEWER)])
async def readers() -> None:
    return None


@get("/sender", dependencies={"sender": Provide(provide_key_identity)})
async def sender(sender: NamedDependency[KeyIdentity]) -> str:
    return sender.default_service


def answer(_request: Request[Any, Any, Any], error: TocsinError) -> Response[str]:
    return Response(error.detail, status_code=error.status)


@pytest.fixture
async def client(installation: Installation) -> AsyncIterator[Client]:
    app = Litestar(
        route_handlers=[person, readers, sender],
        state=State({ACCOUNTS_STATE: installation.accounts}),
        exception_handlers={TocsinError: answer},
    )
    async with AsyncTestClient(app) as client:
        yield client


def bearer(installation: Installation, role: Role, *, password_change_required: bool = False) -> dict[str, str]:
    principal = Principal(
        installation.first_start.organization_id,
        installation.first_start.organization_id,
        role,
        "someone@example.com",
        password_change_required,
    )
    return {"Authorization": f"Bearer {installation.token_of(principal)}"}


async def test_principal_is_the_bearer_when_the_token_is_valid(client: Client, installation: Installation) -> None:
    answer = await client.get("/person", headers=bearer(installation, Role.VIEWER))
    assert (answer.status_code, answer.text) == (200, "someone@example.com")


async def test_principal_is_refused_when_the_token_has_expired(client: Client, installation: Installation) -> None:
    headers = bearer(installation, Role.VIEWER)
    installation.clock.move(seconds=900)
    assert (await client.get("/person", headers=headers)).status_code == 401


async def test_principal_may_look_and_not_administer_when_they_must_change_their_password(
    client: Client, installation: Installation
) -> None:
    headers = bearer(installation, Role.VIEWER, password_change_required=True)
    answers = [await client.get(path, headers=headers) for path in ("/person", "/readers")]
    assert [answer.status_code for answer in answers] == [200, 403]


async def test_guard_lets_pass_who_has_one_of_the_roles(client: Client, installation: Installation) -> None:
    answers = [await client.get("/readers", headers=bearer(installation, role)) for role in Role]
    assert dict(zip(Role, [answer.status_code for answer in answers], strict=True)) == {
        Role.ADMIN: 403,
        Role.DEVELOPER: 200,
        Role.VIEWER: 200,
    }


async def test_sender_is_known_when_the_key_is_valid(client: Client, installation: Installation) -> None:
    answer = await client.get("/sender", headers={"x-api-key": installation.first_start.api_key})
    assert (answer.status_code, answer.text) == (200, "default")


async def test_sender_is_refused_when_the_key_is_missing_or_unknown(client: Client) -> None:
    headers: list[dict[str, str]] = [{}, {"X-API-Key": ""}, {"X-API-Key": "svc_zzzzzzzz_" + "z" * 43}]
    answers = [await client.get("/sender", headers=each) for each in headers]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
