"""Keeps the secrets of channels sealed: who reads the database, or a backup of it, can't read them.

A channel's secret can't be a hash, since it is sent. It is encrypted with AES-256 in GCM, by a key that is derived from
the signing key; the id of that key stands beside it. What the secret is for is sealed with it: a row whose URL or mail
server was changed by another hand doesn't open.
"""

import os
from dataclasses import replace

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tocsin.accounts.signing_keys import SigningKey, SigningKeys
from tocsin.notifications.contracts import Channel

_PURPOSE = b"tocsin.channels"
_NONCE_BYTES = 12


class Unreadable(Exception):
    """A secret can't be opened: its signing key is gone, or something else than Tocsin has written the row."""


class Sealer:
    """Seals with the current signing key, and opens with each that is still accepted."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    def seal(self, channel: Channel) -> bytes | None:
        """The channel's secret as it is kept; None for none."""
        if not channel.secret:
            return None
        key, nonce = self._keys.current, os.urandom(_NONCE_BYTES)
        return bytes.fromhex(key.id) + nonce + _cipher(key).encrypt(nonce, channel.secret.encode(), _purpose(channel))

    def opened(self, channel: Channel, sealed: bytes | None) -> Channel:
        """The channel with its secret.

        Raises:
            Unreadable: it can't be had any more.
        """
        if sealed is None:
            return channel
        size = len(bytes.fromhex(self._keys.current.id))
        key = self._keys.get(sealed[:size].hex())
        if key is None:
            raise Unreadable("its signing key is no longer one of those that are accepted")
        nonce, text = sealed[size : size + _NONCE_BYTES], sealed[size + _NONCE_BYTES :]
        try:
            return replace(channel, secret=_cipher(key).decrypt(nonce, text, _purpose(channel)).decode())
        except (InvalidTag, ValueError) as error:
            raise Unreadable("it was not sealed for this channel as it is") from error

    def is_current(self, sealed: bytes | None) -> bool:
        """Whether it is sealed with the signing key that signs now."""
        return sealed is None or sealed.startswith(bytes.fromhex(self._keys.current.id))


def _cipher(key: SigningKey) -> AESGCM:
    return AESGCM(key.derived(_PURPOSE))


def _purpose(channel: Channel) -> bytes:
    settings = sorted(channel.settings.items())
    return msgspec.json.encode([channel.organization_id, channel.id, channel.kind, settings])
