"""The secrets of API keys and personal access tokens: how they look, and what is kept of them."""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass

from tocsin.accounts.signing_keys import SigningKey

_PREFIX_ALPHABET = string.ascii_lowercase + string.digits
_PREFIX_CHARACTERS = 8
_RANDOM_BYTES = 32
_KEYED_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class SecretKind:
    """One kind of secret: ``<label>_<prefix>_<random>``, 256 random bits behind a random prefix to find it by."""

    label: str
    #: Keeps the hashes of one kind apart from another's; at most 16 bytes.
    purpose: bytes

    @property
    def form(self) -> str:
        """What a secret looks like, for a person."""
        return f"{self.label}_<8 letters or digits>_<43 characters of base64url>"

    def is_one(self, text: str) -> bool:
        """Whether a text is meant to be such a secret, by its beginning."""
        return text.startswith(f"{self.label}_")

    def new(self) -> str:
        """A new secret."""
        prefix = "".join(secrets.choice(_PREFIX_ALPHABET) for _ in range(_PREFIX_CHARACTERS))
        return f"{self.label}_{prefix}_{secrets.token_urlsafe(_RANDOM_BYTES)}"

    def prefix_of(self, secret: str) -> str | None:
        """The prefix of a secret, or None where the text does not have the form of one."""
        match = _FORM.fullmatch(secret)
        return match[2] if match and match[1] == self.label else None

    def keyed_hash(self, secret: str, key: SigningKey) -> bytes:
        """What is kept of a secret: 32 bytes that nobody can check a guess against without the signing key.

        A slow hash would buy nothing: unlike a password, the secret is random.
        """
        return hashlib.blake2b(
            secret.encode(), key=key.secret, person=self.purpose, digest_size=_KEYED_HASH_BYTES
        ).digest()

    def matches(self, secret: str, kept: bytes, key: SigningKey) -> bool:
        """Whether the secret is the one of which this was kept, in a time that does not depend on it."""
        return hmac.compare_digest(kept, self.keyed_hash(secret, key))


_FORM = re.compile(r"([a-z]{3})_([A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}", re.ASCII)

API_KEY = SecretKind("svc", b"tocsin.api-key")
PERSONAL_TOKEN = SecretKind("pat", b"tocsin.pat")
