import hmac
import re

import pytest

from tocsin.accounts.key_secrets import API_KEY, PERSONAL_TOKEN, SecretKind
from tocsin.accounts.signing_keys import SigningKey

KEY = SigningKey.of(bytes(64))
OTHER_KEY = SigningKey.of(bytes([1, *bytes(63)]))


@pytest.mark.parametrize(("kind", "label"), [(API_KEY, "svc"), (PERSONAL_TOKEN, "pat")], ids=["key", "token"])
def test_new_secret_has_256_random_bits_behind_its_prefix(kind: SecretKind, label: str) -> None:
    secrets = {kind.new() for _ in range(100)}
    assert len(secrets) == 100
    for secret in secrets:
        assert re.fullmatch(label + r"_[a-z0-9]{8}_[A-Za-z0-9_-]{43}", secret)
        assert kind.prefix_of(secret) == secret[4:12]


def test_a_secret_of_one_kind_is_none_of_the_other() -> None:
    secret = API_KEY.new()
    assert PERSONAL_TOKEN.prefix_of(secret) is None
    assert PERSONAL_TOKEN.keyed_hash(secret, KEY) != API_KEY.keyed_hash(secret, KEY)


def test_a_hash_is_compared_in_a_time_that_does_not_depend_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return True

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert API_KEY.matches("a secret", b"kept", KEY)
    assert compared == [(b"kept", API_KEY.keyed_hash("a secret", KEY))]


def test_prefix_of_is_none_when_the_text_has_another_form() -> None:
    for text in (
        "",
        "svc_abcdefgh_",
        "svc_abcdefg_" + "x" * 44,
        "svc_äbcdefgh_" + "x" * 43,
        "svc_abcdefgh_" + "x" * 42,
    ):
        assert API_KEY.prefix_of(text) is None


def test_keyed_hash_differs_when_the_secret_or_the_signing_key_does() -> None:
    secret = "svc_abcdefgh_" + "x" * 43
    assert API_KEY.keyed_hash(secret, KEY) == API_KEY.keyed_hash(secret, KEY)
    assert API_KEY.keyed_hash(secret, KEY) != API_KEY.keyed_hash(secret, OTHER_KEY)
    assert API_KEY.keyed_hash(secret, KEY) != API_KEY.keyed_hash(secret[:-1] + "y", KEY)


def test_keyed_hash_is_the_one_that_databases_hold() -> None:
    # A change here makes every key that was ever issued invalid.
    expected = "9515e19774b4503aa865c1c301488385361e8b5e3380b9287092d548627ffcf3"
    assert API_KEY.keyed_hash("svc_abcdefgh_" + "x" * 43, KEY).hex() == expected
