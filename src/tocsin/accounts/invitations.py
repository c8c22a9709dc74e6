"""Invitations: how a person comes into an organization."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from tocsin.accounts import repository
from tocsin.accounts.contracts import Invitation, Origin, PasswordLink, Principal, Role, SignIn
from tocsin.accounts.password_links import INVITATION_SECONDS, PasswordLinks, already_used
from tocsin.accounts.passwords import Passwords
from tocsin.accounts.sessions import Sessions
from tocsin.accounts.tables import InvitationRow, MembershipRow, UserRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Conflict, NotFound, Unauthenticated

#: Of one organization that wait at a time: all of them are listed at once.
MAX_INVITATIONS = 1_000

log = structlog.get_logger(__name__)


class Invitations:
    """The invitations of every organization."""

    def __init__(
        self, database: Database, *, clock: Clock, passwords: Passwords, links: PasswordLinks, sessions: Sessions
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords
        self._links = links
        self._sessions = sessions

    async def invite(self, principal: Principal, *, email: str, role: Role) -> tuple[Invitation, PasswordLink]:
        """Invite a person into the principal's organization; the link is for whoever passes it on to them.

        Raises:
            Conflict: they are in it, or invited, already; or ``MAX_INVITATIONS`` wait.
        """
        email = email.strip().lower()
        now = utc_now(self._clock)
        organization_id = principal.organization_id
        row = InvitationRow(
            id=uuid4(),
            organization_id=organization_id,
            email=email,
            role=role,
            invited_by=principal.user_id,
            created_at=now,
            expires_at=now + timedelta(seconds=INVITATION_SECONDS),
            accepted_at=None,
            withdrawn_at=None,
        )
        async with self._database.session(organization_id) as session:
            await repository.lock_organization(session, organization_id)
            if await repository.member_by_email(session, email, organization_id=organization_id) is not None:
                raise Conflict(f"{email} is in the organization already")
            waiting = list(await session.scalars(select(InvitationRow.email).where(*self._waits(organization_id))))
            if email in waiting:
                raise Conflict(f"{email} is invited already; withdraw that invitation to make another")
            if len(waiting) >= MAX_INVITATIONS:
                raise Conflict(f"{MAX_INVITATIONS:,} invitations wait; withdraw some first")
            session.add(row)
        log.info("accounts.user_invited", invitation_id=str(row.id), organization_id=str(organization_id))
        return _invitation(row), PasswordLink(email, self._links.invitation(row.id), row.expires_at)

    async def all_of(self, organization_id: UUID) -> list[Invitation]:
        """The invitations that wait, newest first."""
        waiting = select(InvitationRow).where(*self._waits(organization_id))
        async with self._database.read_session(organization_id) as session:
            rows = await session.scalars(waiting.order_by(InvitationRow.created_at.desc(), InvitationRow.id))
            return [_invitation(row) for row in rows]

    async def withdraw(self, organization_id: UUID, invitation_id: UUID) -> None:
        """End an invitation that waits.

        Raises:
            NotFound: the organization has none with this id that waits.
        """
        withdrawn = (
            update(InvitationRow)
            .where(*self._waits(organization_id), InvitationRow.id == invitation_id)
            .values(withdrawn_at=utc_now(self._clock))
            .returning(InvitationRow.id)
        )
        async with self._database.session(organization_id) as session:
            if (await session.scalars(withdrawn)).one_or_none() is None:
                raise NotFound("there is no such invitation that waits")
        log.info("accounts.invitation_withdrawn", invitation_id=str(invitation_id))

    async def withdraw_all_by(self, session: AsyncSession, organization_id: UUID, user_id: UUID) -> None:
        """In the caller's transaction: end the invitations of somebody who may no longer invite."""
        theirs = update(InvitationRow).where(*self._waits(organization_id), InvitationRow.invited_by == user_id)
        await session.execute(theirs.values(withdrawn_at=utc_now(self._clock)))

    async def accept(self, token: str, password: str, origin: Origin) -> SignIn:
        """Come into an organization: with a new password, or with one's own where one has an account already.

        Raises:
            Unauthenticated: the invitation is not valid, has expired, was accepted or withdrawn; or the password is
                not that of the account.
            InvalidRequest: the new password is too short or too long.
            TooManyRequests: too many attempts failed.
        """
        invitation_id = self._links.read_invitation(token)
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            row = await self._waiting(session, invitation_id)
            user = await repository.user_by_email(session, row.email)
        if user is not None:
            matches = await self._passwords.check(
                password, email=user.email, address=origin.address, stored_hash=user.password_hash
            )
            if not matches:
                raise Unauthenticated("you have an account here: this takes its password")
        new_hash = None if user is not None else await self._passwords.hash(password)
        try:
            member = await self._enter(invitation_id, new_hash)
        except IntegrityError as error:
            # An account with this address was made, or its owner came in, at the same time.
            raise already_used() from error
        if user is not None:
            # As it was checked: a session opens only if it is still the one.
            member = replace(member, password_hash=user.password_hash)
        return await self._sessions.open(member, origin)

    async def _enter(self, invitation_id: UUID, new_hash: str | None) -> repository.MemberRecord:
        now = utc_now(self._clock)
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            row = await self._waiting(session, invitation_id, for_update=True)
            row.accepted_at = now
            user = await repository.user_by_email(session, row.email)
            if user is None:
                if new_hash is None:
                    raise already_used()
                user = UserRow(
                    id=uuid4(), email=row.email, password_hash=new_hash, must_change_password=False, created_at=now
                )
                session.add(user)
                await session.flush()
            elif new_hash is not None:
                raise already_used()
            session.add(MembershipRow(user_id=user.id, organization_id=row.organization_id, role=row.role))
            await session.flush()
            member = await repository.member(session, user.id, row.organization_id)
        if member is None:
            raise already_used()
        log.info("accounts.invitation_accepted", invitation_id=str(invitation_id), user_id=str(user.id))
        return member

    async def _waiting(self, session: AsyncSession, invitation_id: UUID, *, for_update: bool = False) -> InvitationRow:
        found = select(InvitationRow).where(InvitationRow.id == invitation_id, *self._is_open())
        row = (await session.scalars(found.with_for_update() if for_update else found)).one_or_none()
        if row is None:
            raise already_used()
        return row

    def _is_open(self) -> tuple[ColumnElement[bool], ...]:
        return (
            InvitationRow.accepted_at.is_(None),
            InvitationRow.withdrawn_at.is_(None),
            InvitationRow.expires_at > utc_now(self._clock),
        )

    def _waits(self, organization_id: UUID) -> tuple[ColumnElement[bool], ...]:
        return (InvitationRow.organization_id == organization_id, *self._is_open())


def _invitation(row: InvitationRow) -> Invitation:
    return Invitation(
        id=row.id,
        email=row.email,
        role=row.role,
        invited_by=row.invited_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
