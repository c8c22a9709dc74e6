"""Accounts, for other rooms: who is asking, and the parts that administer people, organizations, services and keys."""

from uuid import UUID

import structlog

from tocsin.accounts import repository
from tocsin.accounts.access_tokens import AccessTokens
from tocsin.accounts.api_keys import ApiKeys
from tocsin.accounts.contracts import LOCAL_OPERATOR_ID, AccessToken, FirstStart, Origin, Principal, Role, SignIn
from tocsin.accounts.first_start import FirstStarter
from tocsin.accounts.invitations import Invitations
from tocsin.accounts.key_secrets import PERSONAL_TOKEN
from tocsin.accounts.organizations import Organizations
from tocsin.accounts.password_links import PasswordLinks, already_used, fingerprint
from tocsin.accounts.passwords import Passwords
from tocsin.accounts.personal_tokens import PersonalTokens
from tocsin.accounts.revocations import Revocations
from tocsin.accounts.services import Services
from tocsin.accounts.sessions import Sessions
from tocsin.accounts.signing_keys import SigningKeys
from tocsin.accounts.tables import ApiKeyRow, PersonalTokenRow
from tocsin.accounts.tickets import Tickets
from tocsin.accounts.users import Users, may_reset
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated
from tocsin.limits.ports import RateLimiter

LOCAL_OPERATOR_EMAIL = "operator@localhost"

log = structlog.get_logger(__name__)


class AccountsService:
    """Who may do what. Safe to share among tasks of one event loop.

    Every method that reads or writes the database raises ``ServiceUnavailable`` when that can't be reached.
    """

    def __init__(
        self,
        database: Database,
        *,
        signing_keys: SigningKeys,
        clock: Clock,
        limiter: RateLimiter,
        bootstrap_password: str | None = None,
        bootstrap_api_key: str | None = None,
    ) -> None:
        """Take what the first start should hand out, where it should not make that up.

        Raises:
            InvalidSettings: the bootstrap password or API key would not work.
        """
        self._database = database
        self._clock = clock
        self._passwords = Passwords(limiter)
        self._signing_keys = signing_keys
        self._access_tokens = AccessTokens(signing_keys, clock)
        self._revocations = Revocations(database, clock)
        self._links = PasswordLinks(signing_keys, clock)
        self.keys = ApiKeys(database, keys=signing_keys, clock=clock)
        self.personal_tokens = PersonalTokens(database, keys=signing_keys, clock=clock)
        self.tickets = Tickets(database, keys=signing_keys, clock=clock)
        self.services = Services(database, clock=clock)
        self.sessions = Sessions(
            database,
            keys=signing_keys,
            clock=clock,
            access_tokens=self._access_tokens,
            revocations=self._revocations,
        )
        self.organizations = Organizations(database, clock=clock, on_changed=self.keys.forget_all)
        self.invitations = Invitations(
            database, clock=clock, passwords=self._passwords, links=self._links, sessions=self.sessions
        )
        self.users = Users(
            database,
            links=self._links,
            sessions=self.sessions,
            invitations=self.invitations,
            revocations=self._revocations,
            on_rights_changed=self.personal_tokens.forget_all,
        )
        self._first_starter = FirstStarter(
            database,
            passwords=self._passwords,
            keys=self.keys,
            clock=clock,
            bootstrap_password=bootstrap_password,
            bootstrap_api_key=bootstrap_api_key,
        )

    async def first_start(self) -> FirstStart | None:
        """Make the first organization, its administrator and an API key, unless there is an organization.

        Of several processes that do so at once, one gets the secrets and the others None. A password that was made
        up must be changed; one that was given at construction need not be.
        """
        return await self._first_starter.run()

    async def login(self, email: str, password: str, origin: Origin, *, organization_id: UUID | None = None) -> SignIn:
        """Trade an e-mail address and a password for a session, in the person's oldest organization or a given one.

        The answer takes as long for an address that nobody has.

        Raises:
            Unauthenticated: the address or the password is wrong, or the person is in no such organization.
            TooManyRequests: too many attempts failed for this address or from this place, or too many are waiting.
        """
        email = email.strip().lower()
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            member = await repository.member_by_email(session, email, organization_id=organization_id)
        stored_hash = None if member is None else member.password_hash
        matches = await self._passwords.check(password, email=email, address=origin.address, stored_hash=stored_hash)
        if member is None or not matches:
            raise Unauthenticated("the e-mail address or the password is wrong")
        return await self.sessions.open(member, origin)

    async def change_password(self, principal: Principal, old: str, new: str, origin: Origin) -> SignIn:
        """Give a person a new password and a new session; every other session of theirs ends.

        Raises:
            Unauthenticated: the old password is wrong.
            TooManyRequests: too many attempts failed for this person or from this place.
            InvalidRequest: the new password is too short, too long, or the old one.
            Forbidden: the principal has no password: the local operator, or a user who was removed.
            Conflict: the password was changed at the same time.
        """
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            old_hash = await repository.password_hash(session, principal.user_id)
        if old_hash is None:
            raise Forbidden("you have no password that could be changed")
        if not await self._passwords.check(old, email=principal.email, address=origin.address, stored_hash=old_hash):
            raise Unauthenticated("the old password is wrong")
        if old == new:
            raise InvalidRequest("the new password is the old one")
        revoked_unix_nano = await self._replace_password(principal.user_id, old_hash=old_hash, new=new)
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            member = await repository.member(session, principal.user_id, principal.organization_id)
        if member is None:
            raise Forbidden("you are no longer in this organization: sign in again")
        return await self.sessions.open(member, origin, after_unix_nano=revoked_unix_nano)

    async def reset_password(self, token: str, new: str) -> None:
        """Put a new password in the place of one that was lost, by the link that an administrator gave.

        Every session and every personal access token of the person ends.

        Raises:
            Unauthenticated: the link is not valid, has expired, was used before, or who gave it may no longer.
            InvalidRequest: the new password is too short or too long.
            Conflict: the password was changed at the same time.
        """
        reset = self._links.read_reset(token)
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            old_hash = await repository.password_hash(session, reset.user_id)
            may_still = await may_reset(session, reset.user_id, by=reset.by)
        if old_hash is None or fingerprint(old_hash) != reset.replaces or not may_still:
            raise already_used()
        await self._replace_password(reset.user_id, old_hash=old_hash, new=new)
        # Whoever had the lost password may have made tokens with it.
        await self.personal_tokens.revoke_all(reset.user_id)

    async def principal_of(self, token: str) -> Principal:
        """Whose access token or personal access token this is. Reads the database at most once in 5 s.

        Raises:
            Unauthenticated: the token is not valid, has expired, or was called back more than 5 s ago.
        """
        if PERSONAL_TOKEN.is_one(token):
            return await self.personal_tokens.authenticate(token)
        principal = self._access_tokens.read(token)
        await self._revocations.check(principal)
        return principal

    async def recheck(self, principal: Principal) -> None:
        """Let a principal pass who was known earlier and whose token still counts: for what goes on for long.

        Raises:
            Unauthenticated: the token has expired, or was called back.
        """
        now_unix_nano = self._clock.now_unix_nano()
        if principal.expires_unix_nano is not None and now_unix_nano >= principal.expires_unix_nano:
            raise Unauthenticated("the access token has expired")
        if principal.personal_token_id is not None:
            await self.personal_tokens.check(principal)
        else:
            await self._revocations.check(principal)

    async def local_operator_token(self, slug: str | None = None) -> AccessToken:
        """A token of an administrator of an organization, for who can read the signing key anyway.

        Without a slug it is the oldest organization.

        Raises:
            NotFound: there is no such organization, or none yet.
        """
        slugs = await self.organizations.slugs()
        if not slugs:
            raise NotFound("there is no organization yet: start the server first")
        organization_id = slugs.get(slug or next(iter(slugs)))
        if organization_id is None:
            raise NotFound(f"there is no organization {slug!r}; there are: {', '.join(slugs)}")
        return self._access_tokens.mint(Principal(LOCAL_OPERATOR_ID, organization_id, Role.ADMIN, LOCAL_OPERATOR_EMAIL))

    async def close(self) -> None:
        """Give up the reads that go on behind requests; the database may be closed then."""
        for part in (self.keys, self.personal_tokens, self.services, self._revocations):
            await part.close()

    async def count_hashed_with_older_keys(self) -> int:
        """How many API keys and personal access tokens work only while an older signing key is kept.

        Each is hashed anew with the current one at its next use.
        """
        now, current = utc_now(self._clock), self._signing_keys.current.id
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            return sum(
                [
                    await repository.count_hashed_otherwise(session, table, signing_key_id=current, now=now)
                    for table in (ApiKeyRow, PersonalTokenRow)
                ]
            )

    async def _replace_password(self, user_id: UUID, *, old_hash: str, new: str) -> int:
        """Set the password, and sign the person out everywhere: their tokens count that are made after the answer."""
        new_hash = await self._passwords.hash(new)
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            if not await repository.replace_password(session, user_id, old_hash=old_hash, new_hash=new_hash):
                raise Conflict("the password was changed meanwhile")
            await self.sessions.end_all(session, user_id)
            revoked_unix_nano = await self._revocations.revoke(session, user_id)
        log.info("accounts.password_changed", user_id=str(user_id))
        return revoked_unix_nano
