"""Where people are signed in: refresh tokens that are used once, and end their session when used again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID, uuid4

import structlog
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tocsin.accounts import repository
from tocsin.accounts.access_tokens import AccessTokens
from tocsin.accounts.contracts import Origin, Principal, SessionSummary, SignIn
from tocsin.accounts.revocations import Revocations
from tocsin.accounts.signed_tokens import SignedTokens
from tocsin.accounts.signing_keys import SigningKeys
from tocsin.accounts.tables import SessionRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Forbidden, NotFound, Unauthenticated

#: A session that is not used for so long ends.
REFRESH_TOKEN_SECONDS = 7 * 24 * 3600

#: However often it is used, a session ends after so long: then the password is asked for.
SESSION_SECONDS = 90 * 24 * 3600

#: As much of a browser's name as is kept.
MAX_USER_AGENT_CHARACTERS = 200

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Refresh:
    """What a refresh token says."""

    session_id: UUID
    generation: int


class Sessions:
    """The sessions of everybody.

    A refresh token is a signed statement of its session and of its number in it. Using it makes the number grow, so
    one that is shown with a smaller number was used before: somebody has a copy, and the session ends for both.

    Source: RFC 9700, section 4.14.2 (refresh token rotation).
    """

    def __init__(
        self,
        database: Database,
        *,
        keys: SigningKeys,
        clock: Clock,
        access_tokens: AccessTokens,
        revocations: Revocations,
    ) -> None:
        self._database = database
        self._clock = clock
        self._access_tokens = access_tokens
        self._revocations = revocations
        self._signed = SignedTokens(keys, clock, purpose="tocsin.refresh", called="the refresh token")

    async def open(self, user: repository.MemberRecord, origin: Origin, *, after_unix_nano: int = 0) -> SignIn:
        """Sign a person in who has shown that they have the password of this record.

        Their access token is of a moment after the given one, at which others of theirs were called back.

        Raises:
            Unauthenticated: the password has changed since, or they are no longer in the organization.
        """
        now = utc_now(self._clock)
        issued_unix_nano = max(self._clock.now_unix_nano(), after_unix_nano + 1)
        row = SessionRow(
            id=uuid4(),
            user_id=user.user_id,
            organization_id=user.organization_id,
            generation=0,
            created_at=now,
            used_at=now,
            expires_at=_end(now, created_at=now),
            ended_at=None,
            address=origin.address,
            user_agent=origin.user_agent[:MAX_USER_AGENT_CHARACTERS],
        )
        async with self._database.session(user.organization_id) as session:
            held = await repository.held_member(session, user.user_id, user.organization_id)
            if held is None or held.password_hash != user.password_hash:
                raise Unauthenticated("the password or the rights were changed meanwhile: sign in again")
            session.add(row)
            await repository.forget_ended_sessions(session, before=now - timedelta(seconds=REFRESH_TOKEN_SECONDS))
        return self._sign_in(held, row, issued_unix_nano)

    async def refresh(self, token: str, origin: Origin) -> SignIn:
        """Trade a refresh token for a new pair of tokens; rights are read anew.

        Raises:
            Unauthenticated: the token is not valid, has expired, or was used before; the latter ends its session.
        """
        refresh = self._read(token)
        # Taken first: rights that change after they are read here end the token that they are stated in.
        issued_unix_nano = self._clock.now_unix_nano()
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            found = await session.get(SessionRow, refresh.session_id)
            user = (
                None if found is None else await repository.held_member(session, found.user_id, found.organization_id)
            )
            row = None if found is None else await self._advanced(session, refresh, found.created_at, origin)
        if row is None:
            await self._refuse(refresh)
        if user is None:
            raise Unauthenticated("you are no longer in this organization: sign in again")
        return self._sign_in(user, row, issued_unix_nano)

    async def switch(self, principal: Principal, organization_id: UUID) -> SignIn:
        """Go on in another organization; the session's tokens for the one before end.

        Raises:
            Unauthenticated: the session has ended.
            Forbidden: the principal has no session.
            NotFound: the person is in no such organization.
        """
        session_id = _session_of(principal)
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            user = await repository.held_member(session, principal.user_id, organization_id)
            if user is None:
                raise NotFound("you are in no such organization")
            moved = (
                update(SessionRow)
                .where(*_is_alive(session_id, utc_now(self._clock)))
                .values(organization_id=organization_id, generation=SessionRow.generation + 1)
                .returning(SessionRow)
            )
            row = (await session.scalars(moved)).one_or_none()
            if row is None:
                raise Unauthenticated("the session has ended: sign in again")
            revoked_unix_nano = await self._revocations.revoke(session, session_id)
        return self._sign_in(user, row, revoked_unix_nano + 1)

    async def all_of(self, principal: Principal) -> list[SessionSummary]:
        """Where the person is signed in, the newest use first."""
        now = utc_now(self._clock)
        alive = select(SessionRow).where(
            SessionRow.user_id == principal.user_id, SessionRow.ended_at.is_(None), SessionRow.expires_at > now
        )
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            rows = await session.scalars(alive.order_by(SessionRow.used_at.desc(), SessionRow.id))
            return [_summary(row) for row in rows]

    async def end(self, principal: Principal, session_id: UUID) -> None:
        """Sign the person out at one place.

        Raises:
            NotFound: they are not signed in there.
        """
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            ended = await self._end(session, SessionRow.id == session_id, SessionRow.user_id == principal.user_id)
        if not ended:
            raise NotFound("there is no such session")

    async def end_own(self, principal: Principal) -> None:
        """Sign the person out where they are. Again does nothing.

        Raises:
            Forbidden: the principal has no session.
        """
        session_id = _session_of(principal)
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await self._end(session, SessionRow.id == session_id)

    async def end_all(self, session: AsyncSession, user_id: UUID, *, organization_id: UUID | None = None) -> None:
        """In the caller's transaction: sign a person out everywhere, or in one organization."""
        which = [SessionRow.user_id == user_id]
        if organization_id is not None:
            which.append(SessionRow.organization_id == organization_id)
        await self._end(session, *which)

    async def end_everywhere(self, principal: Principal) -> None:
        """Sign the person out everywhere, here too."""
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await self.end_all(session, principal.user_id)

    def _sign_in(self, user: repository.MemberRecord, row: SessionRow, issued_unix_nano: int) -> SignIn:
        claims = {"sid": str(row.id), "gen": row.generation}
        lifetime_seconds = int((row.expires_at - utc_now(self._clock)).total_seconds())
        return SignIn(
            access=self._access_tokens.mint(user.principal(session_id=row.id), issued_unix_nano=issued_unix_nano),
            refresh_token=self._signed.sign(claims, lifetime_seconds=lifetime_seconds),
            refresh_expires_in_seconds=lifetime_seconds,
        )

    def _read(self, token: str) -> _Refresh:
        claims = self._signed.read(token)
        return _Refresh(UUID(claims["sid"]), int(claims["gen"]))

    async def _advanced(
        self, session: AsyncSession, refresh: _Refresh, created_at: datetime, origin: Origin
    ) -> SessionRow | None:
        now = utc_now(self._clock)
        advanced = (
            update(SessionRow)
            .where(*_is_alive(refresh.session_id, now), SessionRow.generation == refresh.generation)
            .values(
                generation=SessionRow.generation + 1,
                used_at=now,
                expires_at=_end(now, created_at=created_at),
                address=origin.address,
                user_agent=origin.user_agent[:MAX_USER_AGENT_CHARACTERS],
            )
            .returning(SessionRow)
            # The session holds the row as it was found.
            .execution_options(populate_existing=True)
        )
        return (await session.scalars(advanced)).one_or_none()

    async def _refuse(self, refresh: _Refresh) -> NoReturn:
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            used_before = await self._end(
                session, SessionRow.id == refresh.session_id, SessionRow.generation > refresh.generation
            )
        if used_before:
            log.warning("accounts.refresh_token_replayed", session_id=str(refresh.session_id))
            raise Unauthenticated("the refresh token was used before: its session has ended, sign in again")
        raise Unauthenticated("the session has ended: sign in again")

    async def _end(self, session: AsyncSession, *which: ColumnElement[bool]) -> bool:
        ended = (
            update(SessionRow)
            .where(SessionRow.ended_at.is_(None), *which)
            .values(ended_at=utc_now(self._clock))
            .returning(SessionRow.id)
        )
        session_ids = list(await session.scalars(ended))
        await self._revocations.revoke(session, *session_ids)
        return bool(session_ids)


def _session_of(principal: Principal) -> UUID:
    if principal.session_id is None:
        raise Forbidden("this takes a session: sign in with a password")
    return principal.session_id


def _end(used_at: datetime, *, created_at: datetime) -> datetime:
    return min(used_at + timedelta(seconds=REFRESH_TOKEN_SECONDS), created_at + timedelta(seconds=SESSION_SECONDS))


def _is_alive(session_id: UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (SessionRow.id == session_id, SessionRow.ended_at.is_(None), SessionRow.expires_at > now)


def _summary(row: SessionRow) -> SessionSummary:
    return SessionSummary(
        id=row.id,
        organization_id=row.organization_id,
        created_at=row.created_at,
        used_at=row.used_at,
        expires_at=row.expires_at,
        address=row.address,
        user_agent=row.user_agent,
    )
