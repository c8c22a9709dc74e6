"""API keys: issued, listed, rotated, revoked, and recognised on every request."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from sqlalchemy import ColumnElement, func, select, update

from tocsin.accounts import repository
from tocsin.accounts.contracts import LOGS_ONLY, ApiKeySummary, IssuedKey, KeyIdentity, KeyScope
from tocsin.accounts.key_secrets import API_KEY
from tocsin.accounts.recognition import KnownKey, Recognition, Rehash
from tocsin.accounts.signing_keys import SigningKeys
from tocsin.accounts.tables import ApiKeyRow, OrganizationRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Conflict, InvalidRequest, NotFound
from tocsin.kit.moments import unix_nano

#: How long a key and its successor may both work.
MAX_OVERLAP = timedelta(days=90)

log = structlog.get_logger(__name__)


class ApiKeys:
    """The API keys of every organization."""

    def __init__(self, database: Database, *, keys: SigningKeys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._recognition: Recognition[KeyIdentity] = Recognition(
            API_KEY, called="the API key", keys=keys, clock=clock, find=self._find, record_use=self._record_use
        )

    async def authenticate(self, secret: str) -> KeyIdentity:
        """Who may send with this key. Reads the database at most once in 5 s, and notes the use once a minute.

        Raises:
            Unauthenticated: it is nobody's, or it has expired, or it was revoked more than 5 s ago.
            ServiceUnavailable: it is not in memory, and the database can't be reached.
        """
        return await self._recognition.recognize(secret)

    async def close(self) -> None:
        """Give up the reads that are under way."""
        await self._recognition.close()

    def forget_all(self) -> None:
        """Read what stands behind every key anew: something that they stand for has changed."""
        self._recognition.forget_all()

    def is_known(self, secret: str) -> bool:
        """Whether recognising a secret waits for no read."""
        return self._recognition.is_known(secret)

    async def create(
        self,
        organization_id: UUID,
        *,
        name: str,
        default_service: str,
        allows_other_services: bool = False,
        scopes: Collection[KeyScope] = LOGS_ONLY,
        expires_at: datetime | None = None,
    ) -> IssuedKey:
        """Issue a key. Its secret is in the answer and nowhere else.

        Raises:
            InvalidRequest: the end is in the past.
        """
        if expires_at is not None and expires_at <= utc_now(self._clock):
            raise InvalidRequest("expires_at is in the past")
        secret = API_KEY.new()
        row = self.row(
            secret,
            organization_id=organization_id,
            name=name,
            default_service=default_service,
            allows_other_services=allows_other_services,
            scopes=scopes,
            expires_at=expires_at,
        )
        async with self._database.session(organization_id) as session:
            session.add(row)
        self._recognition.forget(row.prefix)
        log.info("accounts.key_created", key_id=str(row.id), organization_id=str(organization_id))
        return IssuedKey(key=_summary(row), secret=secret)

    def row(
        self,
        secret: str,
        *,
        organization_id: UUID,
        name: str,
        default_service: str,
        allows_other_services: bool,
        scopes: Collection[KeyScope],
        expires_at: datetime | None = None,
    ) -> ApiKeyRow:
        """A key for this secret, not yet in any session.

        Raises:
            ValueError: the secret has not the form of one.
        """
        prefix = API_KEY.prefix_of(secret)
        if prefix is None:
            raise ValueError(f"the secret of an API key looks like {API_KEY.form}")
        return ApiKeyRow(
            id=uuid4(),
            organization_id=organization_id,
            name=name,
            prefix=prefix,
            keyed_hash=API_KEY.keyed_hash(secret, self._keys.current),
            signing_key_id=self._keys.current.id,
            default_service=default_service,
            allows_other_services=allows_other_services,
            scopes=sorted(scopes),
            created_at=utc_now(self._clock),
            last_used_at=None,
            revoked_at=None,
            expires_at=expires_at,
            replaced_by=None,
        )

    async def rotate(self, organization_id: UUID, key_id: UUID, *, overlap: timedelta) -> IssuedKey:
        """Issue a key in the place of another, which works on for the overlap, and no longer than it would have.

        The new key is like the old one, and lives as long as that was given to live.

        Raises:
            InvalidRequest: the overlap is negative, or longer than ``MAX_OVERLAP``.
            NotFound: the organization has no such key.
            Conflict: it has been rotated already, is revoked, or has expired.
        """
        if not timedelta(0) <= overlap <= MAX_OVERLAP:
            raise InvalidRequest(f"a key and its successor both work for at most {MAX_OVERLAP.days} days")
        now = utc_now(self._clock)
        secret = API_KEY.new()
        async with self._database.session(organization_id) as session:
            old = (
                await session.scalars(select(ApiKeyRow).where(*_is(organization_id, key_id)).with_for_update())
            ).one_or_none()
            if old is None:
                raise NotFound("there is no such API key")
            _check_rotatable(old, now)
            new = self.row(
                secret,
                organization_id=organization_id,
                name=old.name,
                default_service=old.default_service,
                allows_other_services=old.allows_other_services,
                scopes=_scopes(old),
                expires_at=_renewed(old, now),
            )
            session.add(new)
            end = now + overlap
            old.replaced_by = new.id
            old.expires_at = end if old.expires_at is None else min(end, old.expires_at)
            prefix = old.prefix
        self._recognition.forget(prefix)
        self._recognition.forget(new.prefix)
        log.info("accounts.key_rotated", key_id=str(key_id), new_key_id=str(new.id))
        return IssuedKey(key=_summary(new), secret=secret)

    async def list(self, organization_id: UUID) -> tuple[ApiKeySummary, ...]:
        """Every key of an organization, newest first, revoked ones too."""
        keys = (
            select(ApiKeyRow)
            .where(ApiKeyRow.organization_id == organization_id)
            .order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.id)
        )
        async with self._database.read_session(organization_id) as session:
            return tuple(_summary(row) for row in await session.scalars(keys))

    async def revoke(self, organization_id: UUID, key_id: UUID) -> None:
        """Make a key invalid for good, in every process within 5 s. Again does nothing.

        Raises:
            NotFound: the organization has no such key.
        """
        revoked = (
            update(ApiKeyRow)
            .where(*_is(organization_id, key_id))
            .values(revoked_at=func.coalesce(ApiKeyRow.revoked_at, utc_now(self._clock)))
            .returning(ApiKeyRow.prefix)
        )
        async with self._database.session(organization_id) as session:
            prefix = (await session.scalars(revoked)).one_or_none()
        if prefix is None:
            raise NotFound("there is no such API key")
        self._recognition.forget(prefix)
        log.info("accounts.key_revoked", key_id=str(key_id), organization_id=str(organization_id))

    async def _find(self, prefix: str) -> KnownKey[KeyIdentity] | None:
        key = (
            select(ApiKeyRow, OrganizationRow)
            .join(OrganizationRow, OrganizationRow.id == ApiKeyRow.organization_id)
            .where(ApiKeyRow.prefix == prefix, ApiKeyRow.revoked_at.is_(None))
        )
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            found = (await session.execute(key)).one_or_none()
        return None if found is None else _known(*found)

    async def _record_use(self, key_id: UUID, rehash: Rehash | None) -> None:
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await repository.record_use(session, ApiKeyRow, key_id, now=utc_now(self._clock), rehash=rehash)


def _is(organization_id: UUID, key_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (ApiKeyRow.id == key_id, ApiKeyRow.organization_id == organization_id)


def _check_rotatable(row: ApiKeyRow, now: datetime) -> None:
    if row.revoked_at is not None:
        raise Conflict("the key is revoked: create another")
    if row.replaced_by is not None:
        raise Conflict(f"the key has been replaced already, by {row.replaced_by}: rotate that one")
    if row.expires_at is not None and row.expires_at <= now:
        raise Conflict("the key has expired: create another")


def _renewed(row: ApiKeyRow, now: datetime) -> datetime | None:
    """When the successor expires: it lives as long as the key was given to live."""
    return None if row.expires_at is None else now + (row.expires_at - row.created_at)


def _known(row: ApiKeyRow, organization: OrganizationRow) -> KnownKey[KeyIdentity]:
    return KnownKey(
        id=row.id,
        identity=KeyIdentity(
            key_id=row.id,
            organization_id=row.organization_id,
            default_service=row.default_service,
            allows_other_services=row.allows_other_services,
            content_hash_seed=organization.content_hash_seed,
            daily_quota_bytes=organization.daily_quota_bytes,
            scopes=_scopes(row),
        ),
        keyed_hash=row.keyed_hash,
        signing_key_id=row.signing_key_id,
        last_used_unix_nano=None if row.last_used_at is None else unix_nano(row.last_used_at),
        expires_unix_nano=None if row.expires_at is None else unix_nano(row.expires_at),
    )


def _scopes(row: ApiKeyRow) -> frozenset[KeyScope]:
    return LOGS_ONLY if row.scopes is None else frozenset(map(KeyScope, row.scopes))


def _summary(row: ApiKeyRow) -> ApiKeySummary:
    return ApiKeySummary(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        default_service=row.default_service,
        allows_other_services=row.allows_other_services,
        scopes=tuple(sorted(_scopes(row))),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        replaced_by=row.replaced_by,
    )
