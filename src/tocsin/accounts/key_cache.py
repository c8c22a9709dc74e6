"""Remembers for a few seconds which secret a prefix stands for, so that a request costs no database read."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

#: A secret revoked by any process is refused by every process after at most this long.
KEY_CACHE_SECONDS = 5
_FRESH_NANOSECONDS = KEY_CACHE_SECONDS * 1_000_000_000

#: Entries of each of the two kinds; what was not used for longest goes first.
KEY_CACHE_ENTRIES = 4_096

Identity = TypeVar("Identity")


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
class Lookup(Generic[Identity]):
    """What was read for a prefix: its key, or None where no valid key has it."""

    key: KnownKey[Identity] | None
    read_unix_nano: int


class KeyCache(Generic[Identity]):
    """Lookups by prefix, each for at most ``KEY_CACHE_SECONDS``.

    Prefixes without a key are kept apart from those with one, so that guesses can't push the real keys out.
    """

    def __init__(self) -> None:
        self._keys: OrderedDict[str, Lookup[Identity]] = OrderedDict()
        self._absent: OrderedDict[str, Lookup[Identity]] = OrderedDict()

    def get(self, prefix: str, *, now_unix_nano: int) -> Lookup[Identity] | None:
        """The lookup of a prefix, unless it is unknown or too old."""
        for entries in (self._keys, self._absent):
            lookup = entries.get(prefix)
            if lookup is None:
                continue
            # A clock that was set back makes an entry old, not eternal.
            if 0 <= now_unix_nano - lookup.read_unix_nano < _FRESH_NANOSECONDS:
                entries.move_to_end(prefix)
                return lookup
            del entries[prefix]
        return None

    def put(self, prefix: str, lookup: Lookup[Identity]) -> None:
        """Remember what was read for a prefix."""
        self.forget(prefix)
        entries = self._absent if lookup.key is None else self._keys
        entries[prefix] = lookup
        if len(entries) > KEY_CACHE_ENTRIES:
            entries.popitem(last=False)

    def forget(self, prefix: str) -> None:
        """Read the prefix anew the next time."""
        self._keys.pop(prefix, None)
        self._absent.pop(prefix, None)

    def clear(self) -> None:
        """Read every prefix anew the next time."""
        self._keys.clear()
        self._absent.clear()
