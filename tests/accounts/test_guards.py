"""Who is asking, over HTTP: the guard finds an endpoint's rule, and holds the caller against it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.testing import AsyncTestClient

from tests.accounts.conftest import Installation
from tests.support.access import access_guard
from tocsin.accounts.access import Rule, Traffic, admin, anyone, developer, oneself, reader, sender
from tocsin.accounts.contracts import KeyIdentity, KeyScope, Principal, Role, Scope
from tocsin.accounts.guards import ACCOUNTS_STATE, provide_key_identity, provide_principal
from tocsin.api.access_rules import Endpoint
from tocsin.kit.errors import TocsinError

Client = AsyncTestClient[Litestar]


@get("/person", dependencies={"principal": Provide(provide_principal)})
async def person(principal: NamedDependency[Principal]) -> str:
    return principal.email


@get("/sender", dependencies={"sender": Provide(provide_key_identity)})
async def sending(sender: NamedDependency[KeyIdentity]) -> str:
    return sender.default_service


@get(["/changes", "/administers", "/oneself", "/anyone", "/nobody"])
async def nothing() -> None:
    return None


RULES: dict[Endpoint, Rule] = {
    ("GET", "/person"): reader(Scope.LOGS_READ),
    ("GET", "/sender"): sender(),
    ("GET", "/changes"): developer(Scope.SEARCHES_WRITE),
    ("GET", "/administers"): admin(Scope.USERS_WRITE),
    ("GET", "/oneself"): oneself(Traffic.READ),
    ("GET", "/anyone"): anyone(Traffic.OPERATIONS),
}


def answer(_request: Request[Any, Any, Any], error: TocsinError) -> Response[str]:
    return Response(error.detail, status_code=error.status)


@pytest.fixture
async def client(installation: Installation) -> AsyncIterator[Client]:
    app = Litestar(
        route_handlers=[person, sending, nothing],
        state=State({ACCOUNTS_STATE: installation.accounts}),
        guards=[access_guard(RULES)],
        exception_handlers={TocsinError: answer},
    )
    async with AsyncTestClient(app) as client:
        yield client


def bearer(installation: Installation, role: Role, *, password_change_required: bool = False) -> dict[str, str]:
    principal = Principal(
        uuid4(), installation.first_start.organization_id, role, "someone@example.com", password_change_required
    )
    return {"Authorization": f"Bearer {installation.token_of(principal)}"}


async def test_principal_is_the_bearer_when_the_token_is_valid(client: Client, installation: Installation) -> None:
    answer = await client.get("/person", headers=bearer(installation, Role.VIEWER))
    assert (answer.status_code, answer.text) == (200, "someone@example.com")


async def test_principal_is_refused_when_the_token_has_expired(client: Client, installation: Installation) -> None:
    headers = bearer(installation, Role.VIEWER)
    installation.clock.move(seconds=900)
    assert (await client.get("/person", headers=headers)).status_code == 401


async def test_principal_may_look_and_not_change_when_they_must_change_their_password(
    client: Client, installation: Installation
) -> None:
    headers = bearer(installation, Role.ADMIN, password_change_required=True)
    answers = [await client.get(path, headers=headers) for path in ("/person", "/changes", "/administers", "/oneself")]
    assert [answer.status_code for answer in answers] == [200, 403, 403, 403]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/person", set(Role)),
        ("/changes", {Role.ADMIN, Role.DEVELOPER}),
        ("/administers", {Role.ADMIN}),
        ("/oneself", set(Role)),
    ],
)
async def test_guard_lets_pass_who_has_one_of_the_roles(
    client: Client, installation: Installation, path: str, allowed: set[Role]
) -> None:
    answers = {role: (await client.get(path, headers=bearer(installation, role))).status_code for role in Role}
    assert answers == {role: 200 if role in allowed else 403 for role in Role}
    assert (await client.get(path)).status_code == 401


async def test_guard_lets_anybody_pass_where_the_rule_says_so(client: Client) -> None:
    assert (await client.get("/anyone")).status_code == 200


async def test_guard_lets_nobody_pass_where_no_rule_says_who_may(client: Client, installation: Installation) -> None:
    assert (await client.get("/nobody", headers=bearer(installation, Role.ADMIN))).status_code == 403


async def test_a_ticket_opens_no_request(client: Client, installation: Installation) -> None:
    somebody = Principal(uuid4(), installation.first_start.organization_id, Role.ADMIN, "someone@example.com")
    ticket = installation.accounts.tickets.issue(somebody).ticket
    for headers in ({}, {"Authorization": f"Bearer {ticket}"}):
        assert (await client.get(f"/person?ticket={ticket}", headers=headers)).status_code == 401


async def test_sender_is_known_when_the_key_is_valid(client: Client, installation: Installation) -> None:
    answer = await client.get("/sender", headers={"x-api-key": installation.first_start.api_key})
    assert (answer.status_code, answer.text) == (200, "default")


async def test_sender_may_show_the_key_as_a_bearer_token(client: Client, installation: Installation) -> None:
    key = installation.first_start.api_key
    answer = await client.get("/sender", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.text) == (200, "default")
    # The header of its own is what counts.
    both = {"Authorization": f"Bearer {key}", "X-API-Key": "svc_zzzzzzzz_" + "z" * 43}
    assert (await client.get("/sender", headers=both)).status_code == 401
    assert (await client.get("/sender", headers={"Authorization": f"Basic {key}"})).status_code == 401


async def test_a_key_does_what_it_is_for(client: Client, installation: Installation) -> None:
    organization_id = installation.first_start.organization_id
    keys = installation.accounts.keys
    for scope in KeyScope:
        issued = await keys.create(organization_id, name="n", default_service="s", scopes=[scope])
        answer = await client.get("/sender", headers={"X-API-Key": issued.secret})
        assert answer.status_code == (200 if scope is KeyScope.LOGS_WRITE else 403)
        rotated = await keys.rotate(organization_id, issued.key.id, overlap=timedelta(0))
        assert rotated.key.scopes == issued.key.scopes == (scope,)
    usual = await keys.create(organization_id, name="n", default_service="s")
    assert usual.key.scopes == (KeyScope.LOGS_WRITE,)
    first = await keys.authenticate(installation.first_start.api_key)
    assert first.scopes == frozenset(KeyScope)


async def test_sender_is_refused_when_the_key_is_missing_or_unknown(client: Client, installation: Installation) -> None:
    headers: list[dict[str, str]] = [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "svc_zzzzzzzz_" + "z" * 43},
        bearer(installation, Role.ADMIN),
    ]
    answers = [await client.get("/sender", headers=each) for each in headers]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401]


@pytest.mark.parametrize(
    ("header", "prefix", "advice"),
    [
        ("X-API-Key", "", "opens nothing for people; this takes the header Authorization with a bearer token"),
        ("Authorization", "Bearer ", "this is an API key: it sends logs, alerts and deploys"),
    ],
)
async def test_a_key_opens_nothing_for_people(
    client: Client, installation: Installation, header: str, prefix: str, advice: str
) -> None:
    answer = await client.get("/person", headers={header: prefix + installation.first_start.api_key})
    assert answer.status_code == 401
    assert advice in answer.text
