"""Accounts, for other rooms: first start, logins, access tokens and API keys."""

import secrets
from datetime import datetime
from uuid import UUID, uuid4

import structlog
from sqlalchemy.exc import IntegrityError

from tocsin.accounts import repository
from tocsin.accounts.access_tokens import AccessTokens
from tocsin.accounts.api_keys import ApiKeys
from tocsin.accounts.contracts import (
    AccessToken,
    ApiKeySummary,
    FirstStart,
    IssuedKey,
    KeyIdentity,
    Principal,
    Role,
)
from tocsin.accounts.key_secrets import SECRET_FORM, new_secret, prefix_of
from tocsin.accounts.passwords import MAXIMUM_CHARACTERS, MINIMUM_CHARACTERS, Passwords
from tocsin.accounts.tables import MembershipRow, OrganizationRow, UserRow
from tocsin.database.service import Database
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Conflict, Forbidden, InvalidRequest, InvalidSettings, NotFound, Unauthenticated
from tocsin.limits.ports import RateLimiter

FIRST_ORGANIZATION_SLUG = "default"
FIRST_ADMIN_EMAIL = "admin@localhost"
FIRST_KEY_NAME = "first key"
FIRST_SERVICE = "default"

#: The user of ``local_operator_token``: who holds the signing key needs no user of their own.
LOCAL_OPERATOR_ID = UUID(int=0)
LOCAL_OPERATOR_EMAIL = "operator@localhost"

#: Where attempts come from that come over no network.
THIS_MACHINE = "127.0.0.1"

_ONE_TIME_PASSWORD_BYTES = 18
_LARGEST_SEED = 2**63 - 1

log = structlog.get_logger(__name__)


class AccountsService:
    """Who may do what. Safe to share among tasks of one event loop.

    Every method that reads or writes the database raises ``ServiceUnavailable`` when that can't be reached.
    """

    def __init__(
        self,
        database: Database,
        *,
        signing_key: bytes,
        clock: Clock,
        limiter: RateLimiter,
        bootstrap_password: str | None = None,
        bootstrap_api_key: str | None = None,
    ) -> None:
        """Take what the first start should hand out, where it should not make that up.

        Raises:
            InvalidSettings: the password or the key is not one that Tocsin would take.
        """
        if bootstrap_password is not None and not MINIMUM_CHARACTERS <= len(bootstrap_password) <= MAXIMUM_CHARACTERS:
            raise InvalidSettings(
                f"the bootstrap password must have {MINIMUM_CHARACTERS} to {MAXIMUM_CHARACTERS:,} characters"
            )
        if bootstrap_api_key is not None and prefix_of(bootstrap_api_key) is None:
            raise InvalidSettings(f"the bootstrap API key must look like {SECRET_FORM}")
        self._database = database
        self._clock = clock
        self._bootstrap_password = bootstrap_password
        self._bootstrap_api_key = bootstrap_api_key
        self._passwords = Passwords(limiter)
        self._tokens = AccessTokens(signing_key, clock)
        self._keys = ApiKeys(database, signing_key=signing_key, clock=clock)

    async def first_start(self) -> FirstStart | None:
        """Make the first organization, its administrator and an API key, unless there is an organization.

        Of several processes that do so at once, one gets the secrets and the others None. A password that was made
        up must be changed; one that was given at construction need not be.
        """
        if await self._first_organization_id() is not None:
            return None
        password = self._bootstrap_password or secrets.token_urlsafe(_ONE_TIME_PASSWORD_BYTES)
        secret = self._bootstrap_api_key or new_secret()
        password_hash = await self._passwords.hash(password)
        try:
            organization_id = await self._found_organization(password_hash, secret)
        except IntegrityError:
            # Another process has taken the slug meanwhile, unless it is something else.
            if await self._first_organization_id() is None:
                raise
            return None
        log.info("accounts.first_start", organization_id=str(organization_id))
        return FirstStart(
            admin_email=FIRST_ADMIN_EMAIL, admin_password=password, api_key=secret, organization_id=organization_id
        )

    async def login(self, email: str, password: str, *, address: str = THIS_MACHINE) -> AccessToken:
        """Trade an e-mail address and a password for an access token.

        ``address`` is where the attempt comes from. The answer takes as long for an address that nobody has.

        Raises:
            Unauthenticated: the address or the password is wrong.
            TooManyRequests: too many attempts failed for this account or from there, or too many are waiting.
        """
        email = email.strip().lower()
        async with self._database.read_session() as session:
            member = await repository.member_by_email(session, email)
        stored_hash = None if member is None else member.password_hash
        matches = await self._passwords.check(password, email=email, address=address, stored_hash=stored_hash)
        if member is None or not matches:
            raise Unauthenticated("the e-mail address or the password is wrong")
        return self._tokens.mint(
            Principal(
                user_id=member.user_id,
                organization_id=member.organization_id,
                role=member.role,
                email=member.email,
                password_change_required=member.must_change_password,
            )
        )

    async def change_password(
        self, principal: Principal, old: str, new: str, *, address: str = THIS_MACHINE
    ) -> AccessToken:
        """Give a person a new password, and a token that says that they need not change it.

        Raises:
            Unauthenticated: the old password is wrong.
            TooManyRequests: too many attempts failed for this person.
            InvalidRequest: the new password is too short, too long, or the old one.
            Forbidden: the principal has no password: the local operator, or a user who was removed.
            Conflict: the password was changed at the same time.
        """
        async with self._database.read_session() as session:
            old_hash = await repository.password_hash(session, principal.user_id)
        if old_hash is None:
            raise Forbidden("you have no password that could be changed")
        if not await self._passwords.check(old, email=principal.email, address=address, stored_hash=old_hash):
            raise Unauthenticated("the old password is wrong")
        if old == new:
            raise InvalidRequest("the new password is the old one")
        new_hash = await self._passwords.hash(new)
        async with self._database.session() as session:
            if not await repository.replace_password(session, principal.user_id, old_hash=old_hash, new_hash=new_hash):
                raise Conflict("the password was changed meanwhile")
        log.info("accounts.password_changed", user_id=str(principal.user_id))
        return self._tokens.mint(
            Principal(principal.user_id, principal.organization_id, principal.role, principal.email)
        )

    def principal_of(self, token: str) -> Principal:
        """Who the token says that its bearer is. Reads no database.

        Raises:
            Unauthenticated: the token is not valid, or has expired.
        """
        return self._tokens.read(token)

    async def authenticate_key(self, secret: str) -> KeyIdentity:
        """Whose API key this is. Reads the database at most once in 5 s for each key.

        Raises:
            Unauthenticated: there is no such key, it has expired, or it was revoked more than 5 s ago.
        """
        return await self._keys.authenticate(secret)

    async def create_key(
        self,
        organization_id: UUID,
        *,
        name: str,
        default_service: str,
        allows_other_services: bool = False,
        expires_at: datetime | None = None,
    ) -> IssuedKey:
        """Issue an API key. Its secret is in the answer and nowhere else.

        Raises:
            InvalidRequest: ``expires_at`` is in the past.
        """
        return await self._keys.create(
            organization_id,
            name=name,
            default_service=default_service,
            allows_other_services=allows_other_services,
            expires_at=expires_at,
        )

    async def list_keys(self, organization_id: UUID) -> tuple[ApiKeySummary, ...]:
        """Every API key of the organization, newest first, revoked ones too."""
        return await self._keys.list(organization_id)

    async def revoke_key(self, organization_id: UUID, key_id: UUID) -> None:
        """Make a key invalid, in every process within 5 s. Again does nothing.

        Raises:
            NotFound: the organization has no such key.
        """
        await self._keys.revoke(organization_id, key_id)

    async def local_operator_token(self) -> AccessToken:
        """A token of an administrator of the first organization, for who can read the signing key anyway.

        Raises:
            NotFound: there is no organization yet.
        """
        organization_id = await self._first_organization_id()
        if organization_id is None:
            raise NotFound("there is no organization yet: start the server first")
        return self._tokens.mint(Principal(LOCAL_OPERATOR_ID, organization_id, Role.ADMIN, LOCAL_OPERATOR_EMAIL))

    async def content_hash_seed(self, organization_id: UUID) -> int:
        """The organization's key for the content hashes of its logs: positive, 63 bits, never changed.

        Raises:
            NotFound: there is no such organization.
        """
        async with self._database.read_session() as session:
            seed = await repository.content_hash_seed(session, organization_id)
        if seed is None:
            raise NotFound("there is no such organization")
        return seed

    async def _first_organization_id(self) -> UUID | None:
        async with self._database.read_session() as session:
            return await repository.first_organization_id(session)

    async def _found_organization(self, password_hash: str, secret: str) -> UUID:
        now = utc_now(self._clock)
        organization_id, user_id = uuid4(), uuid4()
        async with self._database.session() as session:
            session.add(
                OrganizationRow(
                    id=organization_id,
                    name="Default",
                    slug=FIRST_ORGANIZATION_SLUG,
                    content_hash_seed=1 + secrets.randbelow(_LARGEST_SEED),
                    created_at=now,
                )
            )
            session.add(
                UserRow(
                    id=user_id,
                    email=FIRST_ADMIN_EMAIL,
                    password_hash=password_hash,
                    must_change_password=self._bootstrap_password is None,
                    created_at=now,
                )
            )
            # The tables know each other by their keys alone, which does not order the inserts of one flush.
            await session.flush()
            session.add(MembershipRow(user_id=user_id, organization_id=organization_id, role=Role.ADMIN))
            session.add(
                self._keys.row(
                    secret,
                    organization_id=organization_id,
                    name=FIRST_KEY_NAME,
                    default_service=FIRST_SERVICE,
                    allows_other_services=True,
                )
            )
        return organization_id
