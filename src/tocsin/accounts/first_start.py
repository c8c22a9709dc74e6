"""The first start: an organization, its administrator and an API key, made once."""

import secrets
from uuid import UUID, uuid4

import structlog
from sqlalchemy.exc import IntegrityError

from tocsin.accounts import repository
from tocsin.accounts.api_keys import ApiKeys
from tocsin.accounts.contracts import FirstStart, KeyScope, Role
from tocsin.accounts.key_secrets import API_KEY
from tocsin.accounts.organizations import new_organization
from tocsin.accounts.passwords import MAXIMUM_CHARACTERS, MINIMUM_CHARACTERS, Passwords
from tocsin.accounts.services import new_service
from tocsin.accounts.tables import MembershipRow, UserRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import InvalidSettings

FIRST_ORGANIZATION_SLUG = "default"
FIRST_ADMIN_EMAIL = "admin@localhost"
FIRST_KEY_NAME = "first key"
FIRST_SERVICE = "default"

_ONE_TIME_PASSWORD_BYTES = 18

log = structlog.get_logger(__name__)


class FirstStarter:
    """Makes what the first start hands out."""

    def __init__(
        self,
        database: Database,
        *,
        passwords: Passwords,
        keys: ApiKeys,
        clock: Clock,
        bootstrap_password: str | None,
        bootstrap_api_key: str | None,
    ) -> None:
        """Take what the first start should hand out, where it should not make that up.

        Raises:
            InvalidSettings: what is given would not work.
        """
        if bootstrap_password is not None and not MINIMUM_CHARACTERS <= len(bootstrap_password) <= MAXIMUM_CHARACTERS:
            raise InvalidSettings(
                f"the bootstrap password must have {MINIMUM_CHARACTERS} to {MAXIMUM_CHARACTERS:,} characters"
            )
        if bootstrap_api_key is not None and API_KEY.prefix_of(bootstrap_api_key) is None:
            raise InvalidSettings(f"the bootstrap API key must look like {API_KEY.form}")
        self._database = database
        self._passwords = passwords
        self._keys = keys
        self._clock = clock
        self._bootstrap_password = bootstrap_password
        self._bootstrap_api_key = bootstrap_api_key

    async def run(self) -> FirstStart | None:
        """As ``AccountsService.first_start``."""
        if await self.first_organization_id() is not None:
            return None
        password = self._bootstrap_password or secrets.token_urlsafe(_ONE_TIME_PASSWORD_BYTES)
        secret = self._bootstrap_api_key or API_KEY.new()
        password_hash = await self._passwords.hash(password)
        try:
            organization_id = await self._found_organization(password_hash, secret)
        except IntegrityError:
            # Another process has taken the slug meanwhile, unless it is something else.
            if await self.first_organization_id() is None:
                raise
            return None
        log.info("accounts.first_start", organization_id=str(organization_id))
        return FirstStart(
            admin_email=FIRST_ADMIN_EMAIL,
            admin_password=password,
            api_key=secret,
            organization_id=organization_id,
            password_is_given=self._bootstrap_password is not None,
            api_key_is_given=self._bootstrap_api_key is not None,
        )

    async def first_organization_id(self) -> UUID | None:
        """The oldest organization, if there is one."""
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            return await repository.first_organization_id(session)

    async def _found_organization(self, password_hash: str, secret: str) -> UUID:
        now = utc_now(self._clock)
        organization = new_organization("Default", FIRST_ORGANIZATION_SLUG, now=now)
        user = UserRow(
            id=uuid4(),
            email=FIRST_ADMIN_EMAIL,
            password_hash=password_hash,
            must_change_password=self._bootstrap_password is None,
            created_at=now,
        )
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            session.add_all([organization, user])
            # The tables know each other by their keys alone, which does not order the inserts of one flush.
            await session.flush()
            key = self._keys.row(
                secret,
                organization_id=organization.id,
                name=FIRST_KEY_NAME,
                default_service=FIRST_SERVICE,
                allows_other_services=True,
                scopes=frozenset(KeyScope),
            )
            member = MembershipRow(user_id=user.id, organization_id=organization.id, role=Role.ADMIN)
            session.add_all([member, key, new_service(organization.id, FIRST_SERVICE, now=now)])
        return organization.id
