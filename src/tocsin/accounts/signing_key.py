"""The signing key: configured, or made once and kept in the data directory."""

import hashlib
import os
import secrets
from pathlib import Path

from tocsin.kit.errors import InvalidSettings, StartupError

SIGNING_KEY_FILE = "signing.key"
#: BLAKE2b takes a key of at most this size.
SIGNING_KEY_BYTES = 64
MINIMUM_CONFIGURED_CHARACTERS = 32

_OWNER_ONLY = 0o600


def load_signing_key(data_directory: Path, *, configured: str | None = None) -> bytes:
    """The key that signs access tokens and keys the hashes of API keys: ``SIGNING_KEY_BYTES`` long.

    Without a configured one it is read from the data directory, where the first caller makes it. Of several
    processes that do so at once, all get the same key.

    Args:
        data_directory: exists.
        configured: the text of the setting; several machines that serve one database need the same.

    Raises:
        InvalidSettings: the configured key is too short to be secret.
        StartupError: the file can't be read or written, or does not hold a key.
    """
    if configured is not None:
        if len(configured) < MINIMUM_CONFIGURED_CHARACTERS:
            raise InvalidSettings(f"the signing key has fewer than {MINIMUM_CONFIGURED_CHARACTERS} characters")
        return hashlib.blake2b(configured.encode(), digest_size=SIGNING_KEY_BYTES).digest()
    path = data_directory / SIGNING_KEY_FILE
    try:
        if not path.exists():
            _create(path)
        return _parse(path)
    except OSError as error:
        raise StartupError(f"the signing key can't be kept at {path}: {error.strerror}") from error


def _create(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(SIGNING_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link, unlike a rename, never replaces the key that another process has made meanwhile.
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parse(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError as error:
        raise StartupError(f"{path} does not hold a signing key") from error
    if len(key) != SIGNING_KEY_BYTES:
        raise StartupError(f"{path} does not hold a signing key")
    return key
