"""Users: the people of an organization, and what each may do there."""

from collections.abc import Callable
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tocsin.accounts import repository
from tocsin.accounts.contracts import LOCAL_OPERATOR_ID, Member, PasswordLink, Principal, Role
from tocsin.accounts.invitations import Invitations
from tocsin.accounts.password_links import PasswordLinks
from tocsin.accounts.revocations import Revocations
from tocsin.accounts.sessions import Sessions
from tocsin.accounts.tables import MembershipRow, PersonalTokenRow, SessionRow, UserRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.errors import Conflict, Forbidden, NotFound

log = structlog.get_logger(__name__)


class Users:
    """The people of every organization."""

    def __init__(
        self,
        database: Database,
        *,
        links: PasswordLinks,
        sessions: Sessions,
        invitations: Invitations,
        revocations: Revocations,
        on_rights_changed: Callable[[], None],
    ) -> None:
        """Call ``on_rights_changed`` whenever what somebody may do has changed."""
        self._database = database
        self._links = links
        self._sessions = sessions
        self._invitations = invitations
        self._revocations = revocations
        self._on_rights_changed = on_rights_changed

    async def all_of(self, organization_id: UUID) -> list[Member]:
        """Everybody in an organization, by e-mail address."""
        last_seen = (
            select(SessionRow.user_id, func.max(SessionRow.used_at).label("at"))
            .where(SessionRow.organization_id == organization_id)
            .group_by(SessionRow.user_id)
            .subquery()
        )
        everybody = (
            select(UserRow, MembershipRow.role, last_seen.c.at)
            .join(MembershipRow, MembershipRow.user_id == UserRow.id)
            .join(last_seen, last_seen.c.user_id == UserRow.id, isouter=True)
            .where(MembershipRow.organization_id == organization_id)
        )
        async with self._database.read_session(organization_id) as session:
            rows = (await session.execute(everybody)).all()
        members = (
            Member(
                user_id=user.id,
                email=user.email,
                role=role,
                must_change_password=user.must_change_password,
                last_seen_at=at,
            )
            for user, role, at in rows
        )
        return sorted(members, key=lambda member: member.email)

    async def change_role(self, organization_id: UUID, user_id: UUID, role: Role) -> None:
        """Let a person do more or less; their tokens of before end, and their sessions go on with the new role.

        Raises:
            NotFound: the person is not in the organization.
            Conflict: nobody would be left to administer it.
        """
        async with self._database.session(organization_id) as session:
            await self._check_an_admin_remains(session, organization_id, user_id, role)
            changed = update(MembershipRow).where(*_is(organization_id, user_id)).values(role=role)
            if (await session.scalars(changed.returning(MembershipRow.user_id))).one_or_none() is None:
                raise _not_found()
            if role is not Role.ADMIN:
                await self._invitations.withdraw_all_by(session, organization_id, user_id)
            await self._revocations.revoke(session, user_id)
        self._on_rights_changed()
        log.info("accounts.role_changed", user_id=str(user_id), organization_id=str(organization_id), role=role.value)

    async def remove(self, organization_id: UUID, user_id: UUID) -> None:
        """Take a person out of an organization: their sessions and personal access tokens there end.

        Raises:
            NotFound: the person is not in the organization.
            Conflict: nobody would be left to administer it.
        """
        async with self._database.session(organization_id) as session:
            await self._check_an_admin_remains(session, organization_id, user_id, None)
            gone = delete(MembershipRow).where(*_is(organization_id, user_id)).returning(MembershipRow.user_id)
            if (await session.scalars(gone)).one_or_none() is None:
                raise _not_found()
            await session.execute(
                delete(PersonalTokenRow).where(
                    PersonalTokenRow.organization_id == organization_id, PersonalTokenRow.user_id == user_id
                )
            )
            await self._sessions.end_all(session, user_id, organization_id=organization_id)
            await self._invitations.withdraw_all_by(session, organization_id, user_id)
            await self._revocations.revoke(session, user_id)
        self._on_rights_changed()
        log.info("accounts.user_removed", user_id=str(user_id), organization_id=str(organization_id))

    async def sign_out(self, organization_id: UUID, user_id: UUID) -> None:
        """End a person's sessions in an organization.

        Raises:
            NotFound: the person is not in the organization.
        """
        async with self._database.session(organization_id) as session:
            if await repository.member(session, user_id, organization_id) is None:
                raise _not_found()
            await self._sessions.end_all(session, user_id, organization_id=organization_id)
        log.info("accounts.user_signed_out", user_id=str(user_id), organization_id=str(organization_id))

    async def reset_link(self, principal: Principal, user_id: UUID) -> PasswordLink:
        """A link by which a person can choose a new password; their old one is good until then.

        Who resets a password could sign in with it: so only who ``may_reset`` it, now and when the link is used.

        Raises:
            NotFound: the person is not in the principal's organization.
            Forbidden: the person is in an organization too that the principal does not administer, or the principal.
        """
        if user_id == principal.user_id:
            raise Forbidden("change your own password with the old one: POST /v1/auth/password")
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            member = await repository.member(session, user_id, principal.organization_id)
            if member is None:
                raise _not_found()
            if not await may_reset(session, user_id, by=principal.user_id):
                raise Forbidden(
                    "this person is in another organization too, which you do not administer: an administrator "
                    "of all of them can do it, or the operator with `tocsin users reset-password`"
                )
        token, expires_at = self._links.reset(user_id, member.password_hash, by=principal.user_id)
        log.info("accounts.password_reset_linked", user_id=str(user_id), by=str(principal.user_id))
        return PasswordLink(member.email, token, expires_at)

    async def _check_an_admin_remains(
        self, session: AsyncSession, organization_id: UUID, user_id: UUID, role: Role | None
    ) -> None:
        """The organization is held from here on: of two administrators who remove each other, one remains."""
        await repository.lock_organization(session, organization_id)
        if role is Role.ADMIN:
            return
        admins = select(MembershipRow.user_id).where(
            MembershipRow.organization_id == organization_id, MembershipRow.role == Role.ADMIN
        )
        if set(await session.scalars(admins)) == {user_id}:
            raise Conflict("this is the only administrator: make somebody else one first")


async def may_reset(session: AsyncSession, user_id: UUID, *, by: UUID) -> bool:
    """Whether one may reset another's password: as an administrator of all their organizations, or as the operator."""
    if by == LOCAL_OPERATOR_ID:
        return True
    theirs = set(await session.scalars(_organizations(MembershipRow.user_id == user_id)))
    administered = _organizations(MembershipRow.user_id == by, MembershipRow.role == Role.ADMIN)
    return bool(theirs) and theirs <= set(await session.scalars(administered))


def _organizations(*conditions: ColumnElement[bool]) -> Select[UUID]:
    return select(MembershipRow.organization_id).where(*conditions)


def _is(organization_id: UUID, user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (MembershipRow.organization_id == organization_id, MembershipRow.user_id == user_id)


def _not_found() -> NotFound:
    return NotFound("there is no such user in this organization")
