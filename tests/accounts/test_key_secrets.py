import re

from tocsin.accounts.key_secrets import keyed_hash, new_secret, prefix_of

KEY = bytes(64)


def test_new_secret_has_256_random_bits_behind_its_prefix() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    for secret in secrets:
        assert re.fullmatch(r"svc_[a-z0-9]{8}_[A-Za-z0-9_-]{43}", secret)
        assert prefix_of(secret) == secret[4:12]


def test_prefix_of_is_none_when_the_text_has_another_form() -> None:
    for text in (
        "",
        "svc_abcdefgh_",
        "svc_abcdefg_" + "x" * 44,
        "svc_äbcdefgh_" + "x" * 43,
        "svc_abcdefgh_" + "x" * 42,
    ):
        assert prefix_of(text) is None


def test_keyed_hash_differs_when_the_secret_or_the_signing_key_does() -> None:
    secret = "svc_abcdefgh_" + "x" * 43
    assert keyed_hash(secret, signing_key=KEY) == keyed_hash(secret, signing_key=KEY)
    assert keyed_hash(secret, signing_key=KEY) != keyed_hash(secret, signing_key=bytes([1, *KEY[1:]]))
    assert keyed_hash(secret, signing_key=KEY) != keyed_hash(secret[:-1] + "y", signing_key=KEY)


def test_keyed_hash_is_the_one_that_databases_hold() -> None:
    # A change here makes every key that was ever issued invalid.
    expected = "9515e19774b4503aa865c1c301488385361e8b5e3380b9287092d548627ffcf3"
    assert keyed_hash("svc_abcdefgh_" + "x" * 43, signing_key=KEY).hex() == expected
