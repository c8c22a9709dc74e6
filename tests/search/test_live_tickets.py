"""``WS /live/logs?ticket=…``: how a browser shows who it is."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.search import test_live_endpoints
from tests.search.conftest import HeldClock
from tests.search.test_live_endpoints import SIGNING_KEYS, Client, _closed, _receive, _start
from tests.support.logs import SEED
from tocsin.accounts.access_tokens import AccessTokens
from tocsin.accounts.contracts import Principal, Role, Scope
from tocsin.accounts.service import AccountsService
from tocsin.accounts.tables import MembershipRow, OrganizationRow, UserRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import utc_now
from tocsin.kit.errors import ServiceUnavailable
from tocsin.search import live_endpoints

store, sqlite, accounts, app, client = (
    test_live_endpoints.store,
    test_live_endpoints.sqlite,
    test_live_endpoints.accounts,
    test_live_endpoints.app,
    test_live_endpoints.client,
)

TicketOf = Callable[..., str]
VIEWER = Principal(uuid4(), uuid4(), Role.VIEWER, "viewer@example.com")


@pytest.fixture
def viewer(clock: HeldClock, accounts: AccountsService) -> Principal:
    """Somebody who may look and change nothing, with a token of a quarter of an hour."""
    tokens = AccessTokens(SIGNING_KEYS, clock)
    return tokens.read(tokens.mint(VIEWER).token)


def _refused(client: Client, ticket: str) -> tuple[int, int]:
    """With which problem, and which code, a ticket's bearer is sent away."""
    with client.websocket_connect(f"/live/logs?ticket={ticket}") as socket:
        status = _receive(socket, "problem")["problem"]["status"]
        return status, _closed(socket)[0]


def test_a_viewers_ticket_opens_a_live_tail_once(client: Client, accounts: AccountsService, viewer: Principal) -> None:
    ticket = accounts.tickets.issue(viewer).ticket
    with client.websocket_connect(f"/live/logs?ticket={ticket}") as socket:
        _start(socket)
        assert _refused(client, ticket) == (401, live_endpoints.UNAUTHENTICATED)
        _start(socket)


@pytest.mark.parametrize("ticket", ["", "x", "a.b.c"])
def test_what_is_no_ticket_is_sent_away(client: Client, ticket: str) -> None:
    assert _refused(client, ticket) == (401, live_endpoints.UNAUTHENTICATED)


def test_a_ticket_is_sent_away_after_half_a_minute(
    client: Client, accounts: AccountsService, viewer: Principal, clock: HeldClock
) -> None:
    ticket = accounts.tickets.issue(viewer).ticket
    clock.unix_nano += 30 * 10**9
    assert _refused(client, ticket) == (401, live_endpoints.UNAUTHENTICATED)


def test_an_access_token_is_no_ticket(client: Client, clock: HeldClock) -> None:
    token = AccessTokens(SIGNING_KEYS, clock).mint(VIEWER).token
    assert _refused(client, token) == (401, live_endpoints.UNAUTHENTICATED)


def test_a_ticket_without_the_scope_for_logs_is_sent_away(
    client: Client, accounts: AccountsService, viewer: Principal
) -> None:
    narrow = dataclasses.replace(viewer, scopes=frozenset({Scope.KEYS_READ}))
    ticket = accounts.tickets.issue(narrow).ticket
    assert _refused(client, ticket) == (403, live_endpoints.FORBIDDEN)


def test_a_ticket_is_asked_to_try_again_when_the_database_is_away(
    client: Client, accounts: AccountsService, viewer: Principal, sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise ServiceUnavailable("the database is away")

    monkeypatch.setattr(sqlite, "session", away)
    ticket = accounts.tickets.issue(viewer).ticket
    assert _refused(client, ticket) == (503, live_endpoints.TRY_AGAIN_LATER)


def test_a_live_tail_of_a_ticket_ends_with_its_token(
    client: Client,
    accounts: AccountsService,
    viewer: Principal,
    clock: HeldClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_endpoints, "TOKEN_CHECK_SECONDS", 0.05)
    with client.websocket_connect(f"/live/logs?ticket={accounts.tickets.issue(viewer).ticket}") as socket:
        _start(socket)
        clock.unix_nano += 900 * 10**9
        assert _receive(socket, "problem")["problem"]["status"] == 401
        assert _closed(socket)[0] == live_endpoints.UNAUTHENTICATED


def test_a_live_tail_ends_when_its_person_or_personal_token_is_called_back(
    client: Client, accounts: AccountsService, sqlite: Database, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_endpoints, "TOKEN_CHECK_SECONDS", 0.05)
    call = client.blocking_portal.call
    call(_add, sqlite, clock)
    tokens = AccessTokens(SIGNING_KEYS, clock)
    person = tokens.read(tokens.mint(VIEWER).token)

    async def issue() -> tuple[Principal, str]:
        end = utc_now(clock) + timedelta(days=1)
        issued = await accounts.personal_tokens.create(person, name="n", scopes=[Scope.LOGS_READ], expires_at=end)
        return await accounts.principal_of(issued.secret), accounts.tickets.issue(person).ticket

    bearer, persons_ticket = call(issue)
    assert bearer.personal_token_id is not None
    tickets = [accounts.tickets.issue(bearer).ticket, persons_ticket]
    with (
        client.websocket_connect(f"/live/logs?ticket={tickets[0]}") as of_the_token,
        client.websocket_connect(f"/live/logs?ticket={tickets[1]}") as of_the_person,
    ):
        _start(of_the_token)
        _start(of_the_person)
        call(accounts.personal_tokens.revoke, person, bearer.personal_token_id)
        assert _receive(of_the_token, "problem")["problem"]["status"] == 401
        assert _closed(of_the_token)[0] == live_endpoints.UNAUTHENTICATED
        _start(of_the_person)
        call(accounts.users.change_role, person.organization_id, person.user_id, Role.DEVELOPER)
        assert _receive(of_the_person, "problem")["problem"]["status"] == 401
        assert _closed(of_the_person)[0] == live_endpoints.UNAUTHENTICATED


async def _add(sqlite: Database, clock: HeldClock) -> None:
    """The viewer, and an administrator beside them."""
    now, organization_id = utc_now(clock), VIEWER.organization_id
    async with sqlite.session(ALL_ORGANIZATIONS) as session:
        session.add(OrganizationRow(id=organization_id, name="o", slug="o", content_hash_seed=SEED, created_at=now))
        for user_id, role in ((VIEWER.user_id, Role.VIEWER), (uuid4(), Role.ADMIN)):
            session.add(
                UserRow(
                    id=user_id,
                    email=f"{role.lower()}@example.com",
                    password_hash="none",
                    must_change_password=False,
                    created_at=now,
                )
            )
            await session.flush()
            session.add(MembershipRow(user_id=user_id, organization_id=organization_id, role=role))
