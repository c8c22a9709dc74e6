"""The signing keys: configured, or made once and kept in the data directory.

The first of them signs, all of them are accepted: a new one is put in front, and the old one is dropped when nothing
depends on it any more.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tocsin.kit.errors import InvalidSettings, StartupError

SIGNING_KEY_FILE = "signing.key"
#: BLAKE2b takes a key of at most this size.
SIGNING_KEY_BYTES = 64
MINIMUM_CONFIGURED_CHARACTERS = 32

_OWNER_ONLY = 0o600
_ID_PURPOSE = b"tocsin.key-id"
_ID_BYTES = 4


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key, and the id by which what it signed names it."""

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> "SigningKey":
        """The key with its id, which follows from it and does not give it away."""
        return cls(hashlib.blake2b(key=secret, person=_ID_PURPOSE, digest_size=_ID_BYTES).hexdigest(), secret)

    def derived(self, purpose: bytes, *, size_bytes: int = 32) -> bytes:
        """A key for one purpose (at most 16 bytes): what is made with it says nothing about another's."""
        return hashlib.blake2b(key=self.secret, person=purpose, digest_size=size_bytes).digest()


class SigningKeys:
    """At least one key; the first signs."""

    def __init__(self, keys: tuple[SigningKey, ...]) -> None:
        self._keys = {key.id: key for key in keys}
        self.current = keys[0]

    @classmethod
    def of(cls, *secrets: bytes) -> "SigningKeys":
        """Keys of secrets of ``SIGNING_KEY_BYTES``, the current one first."""
        return cls(tuple(SigningKey.of(secret) for secret in secrets))

    def __iter__(self) -> Iterator[SigningKey]:
        return iter(self._keys.values())

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key_id: object) -> SigningKey | None:
        """The key with this id, if it is (still) one of these."""
        return self._keys.get(key_id) if isinstance(key_id, str) else None


def load_signing_keys(data_directory: Path, *, configured: str | None = None) -> SigningKeys:
    """The keys that sign tokens and key the hashes of API keys.

    Without configured ones they are read from the data directory, where the first caller makes one. Of several
    processes that do so at once, all get the same key.

    Args:
        data_directory: exists.
        configured: the text of the setting, one key or several separated by commas; several machines that serve one
            database need the same.

    Raises:
        InvalidSettings: a configured key is too short to be secret.
        StartupError: the file can't be read or written, or does not hold keys.
    """
    if configured is not None:
        return SigningKeys.of(*map(_of_text, _several(configured)))
    path = data_directory / SIGNING_KEY_FILE
    try:
        if not path.exists():
            _create(path)
        return _parse(path)
    except OSError as error:
        raise StartupError(f"the signing key can't be kept at {path}: {error.strerror}") from error


def add_signing_key(data_directory: Path) -> SigningKeys:
    """Put a new key in front of those in the data directory: processes that start from now on sign with it.

    Raises:
        StartupError: the file can't be read or written, or does not hold keys.
    """
    path = data_directory / SIGNING_KEY_FILE
    return _replace(path, lambda keys: (secrets.token_bytes(SIGNING_KEY_BYTES), *(key.secret for key in keys)))


def drop_old_signing_keys(data_directory: Path) -> SigningKeys:
    """Keep the first key of those in the data directory, and no other: what only they signed ends.

    Raises:
        StartupError: the file can't be read or written, or does not hold keys.
    """
    return _replace(data_directory / SIGNING_KEY_FILE, lambda keys: (keys.current.secret,))


def _several(configured: str) -> list[str]:
    """The keys in a text. One key may have commas in it, as long as no part of it is long enough to be a key itself."""
    parts = [part.strip() for part in configured.split(",")]
    if all(len(part) < MINIMUM_CONFIGURED_CHARACTERS for part in parts):
        parts = [configured]
    if any(len(part) < MINIMUM_CONFIGURED_CHARACTERS for part in parts):
        raise InvalidSettings(f"a signing key has fewer than {MINIMUM_CONFIGURED_CHARACTERS} characters")
    return parts


def _of_text(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=SIGNING_KEY_BYTES).digest()


def _create(path: Path) -> None:
    draft = _draft(path, SigningKeys.of(secrets.token_bytes(SIGNING_KEY_BYTES)))
    try:
        # A link, unlike a rename, never replaces the key that another process has made meanwhile.
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    _sync_directory(path.parent)


def _replace(path: Path, change: Callable[[SigningKeys], tuple[bytes, ...]]) -> SigningKeys:
    try:
        keys = SigningKeys.of(*change(_parse(path)))
        draft = _draft(path, keys)
        try:
            _give_to_owner_of(path, draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        _sync_directory(path.parent)
    except OSError as error:
        raise StartupError(f"the signing key can't be kept at {path}: {error.strerror}") from error
    return keys


def _draft(path: Path, keys: SigningKeys) -> Path:
    """A file of the owner's only, durable, with one key a line."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{key.secret.hex()}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _give_to_owner_of(path: Path, draft: Path) -> None:
    """So that the server can still read its key when another user, such as root, has changed it."""
    owner, now = path.stat(), draft.stat()
    if (owner.st_uid, owner.st_gid) != (now.st_uid, now.st_gid):
        os.chown(draft, owner.st_uid, owner.st_gid)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parse(path: Path) -> SigningKeys:
    try:
        found = [bytes.fromhex(line) for line in path.read_text(encoding="ascii").split()]
    except ValueError as error:
        raise StartupError(f"{path} does not hold a signing key") from error
    if not found or any(len(key) != SIGNING_KEY_BYTES for key in found):
        raise StartupError(f"{path} does not hold a signing key")
    return SigningKeys.of(*found)
