"""Tickets: what opens a WebSocket from a browser, which can send no header with one."""

from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from tocsin.accounts.contracts import Principal, Role, Scope, Ticket
from tocsin.accounts.signed_tokens import SignedTokens
from tocsin.accounts.signing_keys import SigningKeys
from tocsin.accounts.tables import SpentTicketRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Unauthenticated

#: A ticket stands in a URL, which ends up in logs: by then it is worth nothing.
TICKET_SECONDS = 30


class Tickets:
    """Makes tickets, and takes each once, whichever process it comes back to."""

    def __init__(self, database: Database, *, keys: SigningKeys, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._signed = SignedTokens(keys, clock, purpose="tocsin.ticket", called="the ticket")

    def issue(self, principal: Principal) -> Ticket:
        """A ticket that lets its bearer be the principal, on one WebSocket, until the principal's token ends."""
        claims = {
            "jti": str(uuid4()),
            "sub": str(principal.user_id),
            "org": str(principal.organization_id),
            "role": principal.role.value,
            "email": principal.email,
            "pwd": principal.password_change_required,
            "sid": _text(principal.session_id),
            "pat": _text(principal.personal_token_id),
            "scopes": None if principal.scopes is None else sorted(principal.scopes),
            "from": principal.issued_unix_nano,
            "until": principal.expires_unix_nano,
        }
        return Ticket(self._signed.sign(claims, lifetime_seconds=TICKET_SECONDS), TICKET_SECONDS)

    async def take(self, ticket: str) -> Principal:
        """Who the ticket's bearer is; it is spent with that.

        Raises:
            Unauthenticated: it is not valid, has expired, or was spent before.
            ServiceUnavailable: the database can't be reached.
        """
        claims = self._signed.read(ticket)
        await self._spend(UUID(claims["jti"]))
        scopes = claims["scopes"]
        return Principal(
            user_id=UUID(claims["sub"]),
            organization_id=UUID(claims["org"]),
            role=Role(claims["role"]),
            email=claims["email"],
            password_change_required=claims["pwd"],
            session_id=_id(claims["sid"]),
            scopes=None if scopes is None else frozenset(map(Scope, scopes)),
            issued_unix_nano=claims["from"],
            expires_unix_nano=claims["until"],
            personal_token_id=_id(claims["pat"]),
        )

    async def _spend(self, ticket_id: UUID) -> None:
        now = utc_now(self._clock)
        worthless = SpentTicketRow.spent_at < now - timedelta(seconds=2 * TICKET_SECONDS)
        try:
            async with self._database.session(ALL_ORGANIZATIONS) as session:
                await session.execute(delete(SpentTicketRow).where(worthless))
                await session.execute(insert(SpentTicketRow).values(id=ticket_id, spent_at=now))
        except IntegrityError as error:
            raise Unauthenticated("the ticket was used before: each opens one WebSocket") from error


def _text(identifier: UUID | None) -> str | None:
    return None if identifier is None else str(identifier)


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
