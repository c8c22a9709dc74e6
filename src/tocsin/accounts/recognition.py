"""Recognises a secret on every request: whose it is, or why it is refused."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Generic, TypeVar
from uuid import UUID

import structlog

from tocsin.accounts.fresh_reads import FreshReads
from tocsin.accounts.key_secrets import SecretKind
from tocsin.accounts.signing_keys import SigningKey, SigningKeys
from tocsin.kit.clock import Clock
from tocsin.kit.errors import ServiceUnavailable, Unauthenticated
from tocsin.kit.moments import NANOSECONDS_A_SECOND

#: ``last_used_at`` is right to this; it bounds the writes that the use of a secret causes.
LAST_USED_GRANULARITY = timedelta(minutes=1)
_LAST_USED_NANOSECONDS = int(LAST_USED_GRANULARITY.total_seconds()) * NANOSECONDS_A_SECOND

Identity = TypeVar("Identity")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KnownKey(Generic[Identity]):
    """A secret that is not revoked, as it was read from the database."""

    id: UUID
    identity: Identity
    keyed_hash: bytes = field(repr=False)
    #: The signing key of the hash; None for one from before signing keys were changed.
    signing_key_id: str | None
    last_used_unix_nano: int | None
    expires_unix_nano: int | None


@dataclass(frozen=True, slots=True)
class Rehash:
    """The hash of a known secret with the current signing key, in place of one with an older."""

    keyed_hash: bytes
    signing_key_id: str


class Recognition(Generic[Identity]):
    """Recognises secrets of one kind, in memory for the most part (``FreshReads``)."""

    def __init__(
        self,
        kind: SecretKind,
        *,
        called: str,
        keys: SigningKeys,
        clock: Clock,
        find: Callable[[str], Awaitable[KnownKey[Identity] | None]],
        record_use: Callable[[UUID, Rehash | None], Awaitable[None]],
    ) -> None:
        """Take how errors call such a secret (``the API key``), how one is found by its prefix, and where uses go."""
        self._kind = kind
        self._called = called
        self._keys = keys
        self._clock = clock
        self._record_use = record_use
        self._reads: FreshReads[str, KnownKey[Identity] | None] = FreshReads(find, clock)

    async def recognize(self, secret: str) -> Identity:
        """Whose secret this is.

        Raises:
            Unauthenticated: nobody's, or it has expired, or it was revoked more than 5 s ago.
            ServiceUnavailable: it is not in memory, and the database can't be reached.
        """
        prefix = self._kind.prefix_of(secret)
        if prefix is None:
            raise self._refused()
        key = await self._reads.get(prefix)
        if key is None:
            raise self._refused()
        signing_key = self._matching(secret, key)
        now_unix_nano = self._clock.now_unix_nano()
        if key.expires_unix_nano is not None and now_unix_nano >= key.expires_unix_nano:
            raise Unauthenticated(f"{self._called} has expired")
        await self._note_use(prefix, secret, signing_key, now_unix_nano)
        return key.identity

    def is_known(self, secret: str) -> bool:
        """Whether what stands behind a secret's prefix is remembered: then recognising it waits for no read."""
        prefix = self._kind.prefix_of(secret)
        return prefix is not None and self._reads.last(prefix) is not None

    def forget(self, prefix: str) -> None:
        """Read what stands behind a prefix anew the next time."""
        self._reads.forget(prefix)

    def forget_all(self) -> None:
        """Read everything anew the next time."""
        self._reads.forget_all()

    async def close(self) -> None:
        """Give up the reads that are under way."""
        await self._reads.close()

    def _refused(self) -> Unauthenticated:
        return Unauthenticated(f"{self._called} is not valid")

    def _matching(self, secret: str, key: KnownKey[Identity]) -> SigningKey:
        """The signing key under which the secret is the known one."""
        if key.signing_key_id is not None:
            named = self._keys.get(key.signing_key_id)
            candidates = [] if named is None else [named]
        else:
            candidates = list(self._keys)
        for candidate in candidates:
            if self._kind.matches(secret, key.keyed_hash, candidate):
                return candidate
        raise self._refused()

    async def _note_use(self, prefix: str, secret: str, signing_key: SigningKey, now_unix_nano: int) -> None:
        """Write the use down, unless one less than a minute ago is."""
        # As it is remembered now: of the requests that waited for one read, the first has noted the use.
        key = self._reads.last(prefix)
        if key is None:
            return
        if key.last_used_unix_nano is not None and now_unix_nano - key.last_used_unix_nano < _LAST_USED_NANOSECONDS:
            return
        # Remembered first, so that of the requests that come at once one writes.
        self._reads.amend(prefix, replace(key, last_used_unix_nano=now_unix_nano))
        current = self._keys.current
        rehash = None
        if key.signing_key_id != current.id:
            rehash = Rehash(self._kind.keyed_hash(secret, current), current.id)
        try:
            await self._record_use(key.id, rehash)
        except ServiceUnavailable as error:
            # A busy database must not cost the caller their request.
            log.warning("accounts.key_use_not_recorded", key_id=str(key.id), reason=error.detail)
