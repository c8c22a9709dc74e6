"""Secrets are handed out once, and no table holds one."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from tests.accounts.conftest import DESK, Installation
from tests.accounts.people import NEW_PASSWORD, PASSWORD, add_person, principal
from tocsin.accounts.contracts import LOCAL_OPERATOR_ID, Role, Scope
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.database.tables import Table
from tocsin.kit.clock import utc_now


async def every_value(database: Database) -> list[bytes]:
    """What every column of every row of every table holds."""
    values: list[bytes] = []
    async with database.read_session(ALL_ORGANIZATIONS) as session:
        for table in Table.metadata.sorted_tables:
            for row in await session.execute(select(table)):
                values += [each if isinstance(each, bytes) else str(each).encode() for each in row]
    return values


async def test_no_table_holds_a_secret_that_was_handed_out(installation: Installation) -> None:
    accounts, first = installation.accounts, installation.first_start
    await add_person(installation, "ada", Role.ADMIN)
    ada = await principal(installation, "ada")
    signed_in = await accounts.login("ada@example.com", PASSWORD, DESK)
    installation.clock.move(seconds=1)
    refreshed = await accounts.sessions.refresh(signed_in.refresh_token, DESK)
    end = utc_now(installation.clock) + timedelta(days=1)
    personal = await accounts.personal_tokens.create(ada, name="n", scopes=list(Scope), expires_at=end)
    key = await accounts.keys.create(first.organization_id, name="n", default_service="s")
    rotated = await accounts.keys.rotate(first.organization_id, key.key.id, overlap=timedelta(0))
    _, invitation = await accounts.invitations.invite(ada, email="new@example.com", role=Role.VIEWER)
    _, accepted = await accounts.invitations.invite(ada, email="newer@example.com", role=Role.VIEWER)
    entered = await accounts.invitations.accept(accepted.token, NEW_PASSWORD, DESK)
    reset = await accounts.users.reset_link(replace(ada, user_id=LOCAL_OPERATOR_ID), ada.user_id)
    ticket = accounts.tickets.issue(ada)
    await accounts.tickets.take(ticket.ticket)
    await accounts.principal_of(personal.secret)
    await accounts.keys.authenticate(rotated.secret)
    secrets = [first.admin_password, first.api_key, PASSWORD, NEW_PASSWORD]
    for pair in (signed_in, refreshed, entered):
        secrets += [pair.access.token, pair.refresh_token]
    secrets += [personal.secret, key.secret, rotated.secret, ticket.ticket]
    secrets += [invitation.token, accepted.token, reset.token]

    values = await every_value(installation.database)
    assert any(value.startswith(b"$argon2id$") for value in values)
    # The part behind the last separator is what is secret of a key or a signature.
    for secret in secrets:
        has_prefix = secret.startswith(("svc_", "pat_"))
        hidden = secret.rpartition(".")[2] if secret.count(".") == 2 else secret[13:] if has_prefix else secret
        assert len(hidden) > 12
        assert not [value for value in values if hidden.encode() in value]
    listed = f"{await accounts.keys.list(first.organization_id)} {await accounts.personal_tokens.all_of(ada)}"
    assert not [secret for secret in secrets if secret in listed]
