"""Recognises a secret on every request: whose it is, or why it is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Generic
from uuid import UUID

import structlog

from tocsin.accounts.key_cache import Identity, KeyCache, KnownKey, Lookup
from tocsin.accounts.key_secrets import SecretKind
from tocsin.accounts.signing_keys import SigningKey, SigningKeys
from tocsin.kit.clock import Clock
from tocsin.kit.errors import ServiceUnavailable, Unauthenticated

#: ``last_used_at`` is right to this; it bounds the writes that the use of a secret causes.
LAST_USED_GRANULARITY = timedelta(minutes=1)
_LAST_USED_NANOSECONDS = int(LAST_USED_GRANULARITY.total_seconds()) * 1_000_000_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rehash:
    """The hash of a known secret with the current signing key, in place of one with an older."""

    keyed_hash: bytes
    signing_key_id: str


class Recognition(Generic[Identity]):
    """Recognises secrets of one kind, in memory for the most part: at most one database read in 5 s for each."""

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
        self._find = find
        self._record_use = record_use
        self._cache: KeyCache[Identity] = KeyCache()
        self._reading: dict[str, asyncio.Task[Lookup[Identity]]] = {}

    async def recognize(self, secret: str) -> Identity:
        """Whose secret this is.

        Raises:
            Unauthenticated: nobody's, or it has expired, or it was revoked more than 5 s ago.
            ServiceUnavailable: it is not in memory, and the database can't be reached.
        """
        prefix = self._kind.prefix_of(secret)
        if prefix is None:
            raise self._refused()
        now_unix_nano = self._clock.now_unix_nano()
        lookup = self._cache.get(prefix, now_unix_nano=now_unix_nano)
        if lookup is None:
            read = await self._look_up(prefix)
            # Of the requests that waited for one read, the first may have noted the use meanwhile.
            lookup = self._cache.get(prefix, now_unix_nano=self._clock.now_unix_nano()) or read
        key = lookup.key
        if key is None:
            raise self._refused()
        signing_key = self._matching(secret, key)
        if key.expires_unix_nano is not None and now_unix_nano >= key.expires_unix_nano:
            raise Unauthenticated(f"{self._called} has expired")
        if key.last_used_unix_nano is None or now_unix_nano - key.last_used_unix_nano >= _LAST_USED_NANOSECONDS:
            # Remembered first, so that of the requests that come at once one writes.
            self._cache.put(prefix, replace(lookup, key=replace(key, last_used_unix_nano=now_unix_nano)))
            await self._note_use(key, secret, signing_key)
        return key.identity

    def forget(self, prefix: str) -> None:
        """Read what stands behind a prefix anew the next time."""
        self._cache.forget(prefix)

    def forget_all(self) -> None:
        """Read everything anew the next time."""
        self._cache.clear()

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

    async def _look_up(self, prefix: str) -> Lookup[Identity]:
        """Read what stands behind a prefix; requests that want the same at one time wait for one read."""
        reading = self._reading.get(prefix)
        if reading is None:
            reading = asyncio.create_task(self._read(prefix))
            self._reading[prefix] = reading
            reading.add_done_callback(lambda _: self._reading.pop(prefix, None))
        # A caller who leaves must not take the read from the others.
        return await asyncio.shield(reading)

    async def _read(self, prefix: str) -> Lookup[Identity]:
        # Taken before the read: what is revoked meanwhile must not count as fresh for longer.
        read_unix_nano = self._clock.now_unix_nano()
        lookup = Lookup(key=await self._find(prefix), read_unix_nano=read_unix_nano)
        self._cache.put(prefix, lookup)
        return lookup

    async def _note_use(self, key: KnownKey[Identity], secret: str, signing_key: SigningKey) -> None:
        current = self._keys.current
        rehash = None
        if key.signing_key_id != current.id:
            rehash = Rehash(self._kind.keyed_hash(secret, current), current.id)
        try:
            await self._record_use(key.id, rehash)
        except ServiceUnavailable as error:
            # A busy database must not cost the caller their request.
            log.warning("accounts.key_use_not_recorded", key_id=str(key.id), reason=error.detail)


def unix_nano(moment: datetime | None) -> int | None:
    """A moment as nanoseconds since the epoch."""
    if moment is None:
        return None
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000
