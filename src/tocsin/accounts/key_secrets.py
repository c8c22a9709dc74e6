"""The secrets of API keys: how they look, and what is kept of them."""

import hashlib
import re
import secrets
import string

_PREFIX_ALPHABET = string.ascii_lowercase + string.digits
_PREFIX_CHARACTERS = 8
_RANDOM_BYTES = 32
_FORM = re.compile(r"svc_([A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}", re.ASCII)

#: What a secret looks like, for a person.
SECRET_FORM = "svc_<8 letters or digits>_<43 characters of base64url>"

_KEYED_HASH_BYTES = 32
_KEYED_HASH_PURPOSE = b"tocsin.api-key"


def new_secret() -> str:
    """A new secret: 256 random bits, behind a random prefix by which its key is found."""
    prefix = "".join(secrets.choice(_PREFIX_ALPHABET) for _ in range(_PREFIX_CHARACTERS))
    return f"svc_{prefix}_{secrets.token_urlsafe(_RANDOM_BYTES)}"


def prefix_of(secret: str) -> str | None:
    """The prefix of a secret, or None where the text does not have the form of one."""
    match = _FORM.fullmatch(secret)
    return match[1] if match else None


def keyed_hash(secret: str, *, signing_key: bytes) -> bytes:
    """What is kept of a secret: 32 bytes that nobody can check a guess against without the signing key.

    A slow hash would buy nothing: unlike a password, the secret is random.
    """
    return hashlib.blake2b(
        secret.encode(), key=signing_key, person=_KEYED_HASH_PURPOSE, digest_size=_KEYED_HASH_BYTES
    ).digest()
