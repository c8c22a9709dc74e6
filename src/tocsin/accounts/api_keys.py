"""API keys: issued, listed, revoked, and recognised on every request."""

import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import structlog

from tocsin.accounts import repository
from tocsin.accounts.contracts import ApiKeySummary, IssuedKey, KeyIdentity
from tocsin.accounts.key_cache import KeyCache, KnownKey, Lookup
from tocsin.accounts.key_secrets import SECRET_FORM, keyed_hash, new_secret, prefix_of
from tocsin.accounts.tables import ApiKeyRow
from tocsin.database.service import Database
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import InvalidRequest, NotFound, ServiceUnavailable, Unauthenticated

#: ``last_used_at`` is right to this; it bounds the writes that the use of a key causes.
LAST_USED_GRANULARITY = timedelta(minutes=1)
_LAST_USED_NANOSECONDS = int(LAST_USED_GRANULARITY.total_seconds()) * 1_000_000_000

log = structlog.get_logger(__name__)


class ApiKeys:
    """The API keys of every organization."""

    def __init__(self, database: Database, *, signing_key: bytes, clock: Clock) -> None:
        self._database = database
        self._signing_key = signing_key
        self._clock = clock
        self._cache = KeyCache()

    async def authenticate(self, secret: str) -> KeyIdentity:
        """As ``AccountsService.authenticate_key``."""
        refused = Unauthenticated("the API key is not valid")
        prefix = prefix_of(secret)
        if prefix is None:
            raise refused
        now_unix_nano = self._clock.now_unix_nano()
        lookup = self._cache.get(prefix, now_unix_nano=now_unix_nano)
        if lookup is None:
            lookup = await self._look_up(prefix, now_unix_nano=now_unix_nano)
        key = lookup.key
        if key is None or not hmac.compare_digest(key.keyed_hash, keyed_hash(secret, signing_key=self._signing_key)):
            raise refused
        if key.expires_unix_nano is not None and now_unix_nano >= key.expires_unix_nano:
            raise Unauthenticated("the API key has expired")
        if key.last_used_unix_nano is None or now_unix_nano - key.last_used_unix_nano >= _LAST_USED_NANOSECONDS:
            # Remembered first, so that of the requests that come at once one writes.
            self._cache.put(prefix, replace(lookup, key=replace(key, last_used_unix_nano=now_unix_nano)))
            await self._record_use(key.identity.key_id)
        return key.identity

    async def create(
        self,
        organization_id: UUID,
        *,
        name: str,
        default_service: str,
        allows_other_services: bool,
        expires_at: datetime | None,
    ) -> IssuedKey:
        """As ``AccountsService.create_key``."""
        now = utc_now(self._clock)
        if expires_at is not None and expires_at <= now:
            raise InvalidRequest("expires_at is in the past")
        secret = new_secret()
        row = self.row(
            secret,
            organization_id=organization_id,
            name=name,
            default_service=default_service,
            allows_other_services=allows_other_services,
            expires_at=expires_at,
        )
        async with self._database.session() as session:
            session.add(row)
        self._cache.forget(row.prefix)
        log.info("accounts.key_created", key_id=str(row.id), organization_id=str(organization_id))
        return IssuedKey(key=repository.summary_of(row), secret=secret)

    def row(
        self,
        secret: str,
        *,
        organization_id: UUID,
        name: str,
        default_service: str,
        allows_other_services: bool,
        expires_at: datetime | None = None,
    ) -> ApiKeyRow:
        """A key for this secret, not yet in any session.

        Raises:
            ValueError: the secret has not the form of one.
        """
        prefix = prefix_of(secret)
        if prefix is None:
            raise ValueError(f"the secret of an API key looks like {SECRET_FORM}")
        return ApiKeyRow(
            id=uuid4(),
            organization_id=organization_id,
            name=name,
            prefix=prefix,
            keyed_hash=keyed_hash(secret, signing_key=self._signing_key),
            default_service=default_service,
            allows_other_services=allows_other_services,
            created_at=utc_now(self._clock),
            last_used_at=None,
            revoked_at=None,
            expires_at=expires_at,
        )

    async def list(self, organization_id: UUID) -> tuple[ApiKeySummary, ...]:
        """As ``AccountsService.list_keys``."""
        async with self._database.read_session() as session:
            return tuple(await repository.keys_of(session, organization_id))

    async def revoke(self, organization_id: UUID, key_id: UUID) -> None:
        """As ``AccountsService.revoke_key``."""
        async with self._database.session() as session:
            prefix = await repository.revoke_key(session, organization_id, key_id, now=utc_now(self._clock))
        if prefix is None:
            raise NotFound("there is no such API key")
        self._cache.forget(prefix)
        log.info("accounts.key_revoked", key_id=str(key_id), organization_id=str(organization_id))

    async def _look_up(self, prefix: str, *, now_unix_nano: int) -> Lookup:
        async with self._database.read_session() as session:
            found = await repository.valid_key(session, prefix)
        lookup = Lookup(key=None if found is None else _known_key(*found), read_unix_nano=now_unix_nano)
        self._cache.put(prefix, lookup)
        return lookup

    async def _record_use(self, key_id: UUID) -> None:
        try:
            async with self._database.session() as session:
                await repository.record_key_use(
                    session, key_id, now=utc_now(self._clock), granularity=LAST_USED_GRANULARITY
                )
        except ServiceUnavailable as error:
            # A busy database must not cost the sender its request.
            log.warning("accounts.key_use_not_recorded", key_id=str(key_id), reason=error.detail)


def _known_key(row: ApiKeyRow, content_hash_seed: int) -> KnownKey:
    return KnownKey(
        identity=KeyIdentity(
            key_id=row.id,
            organization_id=row.organization_id,
            default_service=row.default_service,
            allows_other_services=row.allows_other_services,
            content_hash_seed=content_hash_seed,
        ),
        keyed_hash=row.keyed_hash,
        last_used_unix_nano=_unix_nano(row.last_used_at),
        expires_unix_nano=_unix_nano(row.expires_at),
    )


def _unix_nano(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000
