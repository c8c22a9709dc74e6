from uuid import uuid4

import pytest

from tocsin.accounts import key_cache
from tocsin.accounts.contracts import KeyIdentity
from tocsin.accounts.key_cache import KeyCache, KnownKey, Lookup

SECOND = 1_000_000_000
READ = 1_764_763_200 * SECOND


def lookup(*, known: bool = True) -> Lookup[KeyIdentity]:
    identity = KeyIdentity(uuid4(), uuid4(), "checkout", False, 1)
    return Lookup(KnownKey(uuid4(), identity, b"hash", None, None, None) if known else None, READ)


@pytest.mark.parametrize("known", [True, False])
def test_get_returns_what_was_put_when_it_is_younger_than_five_seconds(known: bool) -> None:
    cache: KeyCache[KeyIdentity] = KeyCache()
    put = lookup(known=known)
    cache.put("prefix", put)
    assert cache.get("prefix", now_unix_nano=READ + 5 * SECOND - 1) is put


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("now", [READ + 5 * SECOND, READ - 1], ids=["five seconds old", "the clock was set back"])
def test_get_returns_nothing_when_the_lookup_is_old(now: int, known: bool) -> None:
    cache: KeyCache[KeyIdentity] = KeyCache()
    cache.put("prefix", lookup(known=known))
    assert cache.get("prefix", now_unix_nano=now) is None
    assert cache.get("prefix", now_unix_nano=READ) is None


def test_put_replaces_an_absent_key_when_it_has_been_created() -> None:
    cache: KeyCache[KeyIdentity] = KeyCache()
    created = lookup()
    cache.put("prefix", lookup(known=False))
    cache.put("prefix", created)
    assert cache.get("prefix", now_unix_nano=READ) is created
    cache.put("prefix", lookup(known=False))
    found = cache.get("prefix", now_unix_nano=READ)
    assert found is not None
    assert found.key is None


def test_put_pushes_out_the_least_recently_used_when_the_cache_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_cache, "KEY_CACHE_ENTRIES", 2)
    cache: KeyCache[KeyIdentity] = KeyCache()
    for prefix in ("a", "b"):
        cache.put(prefix, lookup())
    cache.get("a", now_unix_nano=READ)
    cache.put("c", lookup())
    assert [cache.get(prefix, now_unix_nano=READ) is not None for prefix in "abc"] == [True, False, True]


def test_put_keeps_real_keys_when_many_absent_ones_are_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_cache, "KEY_CACHE_ENTRIES", 2)
    cache: KeyCache[KeyIdentity] = KeyCache()
    real = lookup()
    cache.put("real", real)
    for guess in range(10):
        cache.put(f"guess{guess}", lookup(known=False))
    assert cache.get("real", now_unix_nano=READ) is real
    assert cache.get("guess0", now_unix_nano=READ) is None


def test_nothing_is_remembered_when_the_cache_is_cleared() -> None:
    cache: KeyCache[KeyIdentity] = KeyCache()
    cache.put("known", lookup())
    cache.put("absent", lookup(known=False))
    cache.clear()
    assert [cache.get(prefix, now_unix_nano=READ) for prefix in ("known", "absent")] == [None, None]
