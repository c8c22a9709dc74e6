"""Remembers for a few seconds which key a prefix stands for, so that a request costs no database read."""

from collections import OrderedDict
from dataclasses import dataclass, field

from tocsin.accounts.contracts import KeyIdentity

#: A key revoked by any process is refused by every process after at most this long.
KEY_CACHE_SECONDS = 5
_FRESH_NANOSECONDS = KEY_CACHE_SECONDS * 1_000_000_000

#: Entries of each of the two kinds; what was not used for longest goes first.
KEY_CACHE_ENTRIES = 4_096


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that is not revoked, as it was read from the database."""

    identity: KeyIdentity
    keyed_hash: bytes = field(repr=False)
    last_used_unix_nano: int | None
    expires_unix_nano: int | None


@dataclass(frozen=True, slots=True)
class Lookup:
    """What was read for a prefix: its key, or None where no valid key has it."""

    key: KnownKey | None
    read_unix_nano: int


class KeyCache:
    """Lookups by prefix, each for at most ``KEY_CACHE_SECONDS``.

    Prefixes without a key are kept apart from those with one, so that guesses can't push the real keys out.
    """

    def __init__(self) -> None:
        self._keys: OrderedDict[str, Lookup] = OrderedDict()
        self._absent: OrderedDict[str, Lookup] = OrderedDict()

    def get(self, prefix: str, *, now_unix_nano: int) -> Lookup | None:
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

    def put(self, prefix: str, lookup: Lookup) -> None:
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
