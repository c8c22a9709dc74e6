import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests.accounts.conftest import DESK, Installation
from tests.accounts.people import add_person, principal, refused, works
from tocsin.accounts.contracts import Principal, Role, Scope
from tocsin.accounts.tables import SpentTicketRow
from tocsin.accounts.tickets import TICKET_SECONDS
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.kit.clock import utc_now
from tocsin.kit.errors import Unauthenticated


@pytest.fixture
async def ada(installation: Installation) -> Principal:
    await add_person(installation, "ada", Role.VIEWER)
    return await principal(installation, "ada")


async def test_a_ticket_lets_its_bearer_be_who_asked_for_it(installation: Installation, ada: Principal) -> None:
    ticket = installation.accounts.tickets.issue(ada)
    assert ticket.expires_in_seconds == TICKET_SECONDS == 30
    assert await installation.another_process().tickets.take(ticket.ticket) == ada
    assert ticket.ticket not in repr(ticket)


async def test_a_ticket_is_taken_once_by_all_processes_together(installation: Installation, ada: Principal) -> None:
    ticket = installation.accounts.tickets.issue(ada).ticket
    processes = [installation.accounts, installation.another_process()]
    outcomes = await asyncio.gather(*(works(each.tickets.take(ticket)) for each in processes))
    assert sorted(outcomes) == [False, True]
    assert "used before" in await refused(processes[0].tickets.take(ticket), Unauthenticated)


async def test_a_ticket_is_good_for_thirty_seconds(installation: Installation, ada: Principal) -> None:
    tickets = installation.accounts.tickets
    in_time, late = tickets.issue(ada).ticket, tickets.issue(ada).ticket
    installation.clock.move(seconds=TICKET_SECONDS - 1)
    await tickets.take(in_time)
    installation.clock.move(seconds=1)
    assert "expired" in await refused(tickets.take(late), Unauthenticated)


async def test_a_ticket_carries_the_scopes_of_a_personal_token(installation: Installation, ada: Principal) -> None:
    accounts = installation.accounts
    end = utc_now(installation.clock) + timedelta(days=1)
    issued = await accounts.personal_tokens.create(ada, name="n", scopes=[Scope.LOGS_READ], expires_at=end)
    bearer = await accounts.principal_of(issued.secret)
    taken = await accounts.tickets.take(accounts.tickets.issue(bearer).ticket)
    assert taken == bearer
    assert taken.scopes == frozenset({Scope.LOGS_READ})
    await accounts.recheck(taken)
    await accounts.personal_tokens.revoke(ada, issued.token.id)
    await refused(accounts.recheck(taken), Unauthenticated)


async def test_what_a_ticket_opened_ends_with_its_token_and_its_session(
    installation: Installation, ada: Principal
) -> None:
    accounts = installation.accounts
    taken = await accounts.tickets.take(accounts.tickets.issue(ada).ticket)
    await accounts.recheck(taken)
    await accounts.sessions.end_own(ada)
    await refused(accounts.recheck(taken), Unauthenticated)
    other = await principal(installation, "ada")
    taken = await accounts.tickets.take(accounts.tickets.issue(other).ticket)
    await accounts.recheck(taken)
    installation.clock.move(seconds=900)
    assert "expired" in await refused(accounts.recheck(taken), Unauthenticated)


async def test_spent_tickets_are_forgotten_when_they_are_worthless(installation: Installation, ada: Principal) -> None:
    tickets = installation.accounts.tickets
    await tickets.take(tickets.issue(ada).ticket)
    installation.clock.move(seconds=2 * TICKET_SECONDS + 1)
    await tickets.take(tickets.issue(ada).ticket)
    async with installation.database.read_session(ALL_ORGANIZATIONS) as session:
        assert (await session.execute(select(func.count()).select_from(SpentTicketRow))).scalar_one() == 1


async def test_a_token_signed_for_one_purpose_serves_no_other(installation: Installation, ada: Principal) -> None:
    accounts = installation.accounts
    await add_person(installation, "root", Role.ADMIN)
    root = await principal(installation, "root")
    pair = await accounts.login("ada@example.com", "correct horse battery", DESK)
    _, invitation = await accounts.invitations.invite(root, email="new@example.com", role=Role.VIEWER)
    tokens = {
        "access": pair.access.token,
        "refresh": pair.refresh_token,
        "ticket": accounts.tickets.issue(ada).ticket,
        "reset": (await accounts.users.reset_link(root, ada.user_id)).token,
        "invitation": invitation.token,
    }
    uses: dict[str, Callable[[str], Awaitable[object]]] = {
        "access": accounts.principal_of,
        "refresh": lambda token: accounts.sessions.refresh(token, DESK),
        "ticket": accounts.tickets.take,
        "reset": lambda token: accounts.reset_password(token, "another battery staple"),
        "invitation": lambda token: accounts.invitations.accept(token, "another battery staple", DESK),
    }
    for purpose, token in tokens.items():
        taken_as = [use for use, attempt in uses.items() if use != purpose and await works(attempt(token))]
        assert taken_as == [], purpose
    for purpose in ("access", "refresh", "ticket", "invitation", "reset"):
        assert await works(uses[purpose](tokens[purpose])), purpose
