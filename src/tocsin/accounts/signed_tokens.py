"""Signed statements with an end: read without a database, by whoever has the signing keys."""

from typing import Any

import jwt

from tocsin.accounts.signing_keys import SigningKey, SigningKeys
from tocsin.kit.clock import Clock
from tocsin.kit.errors import Unauthenticated
from tocsin.kit.moments import NANOSECONDS_A_SECOND

_ALGORITHM = "HS256"
_ISSUER = "tocsin"
_REQUIRED_CLAIMS = ("iss", "iat", "iat_ns", "exp")


class SignedTokens:
    """Signs and reads JSON Web Tokens for one purpose.

    The key of each purpose is derived from the signing key, which also keys the hashes of API keys: no use can be
    played against another. A token names the signing key that it was signed with, so that keys can be changed.

    Source: RFC 7519, with the key id of RFC 7515, section 4.1.4.
    """

    def __init__(self, keys: SigningKeys, clock: Clock, *, purpose: str, called: str) -> None:
        """Take the purpose (at most 16 bytes), and what an error calls such a token."""
        self._signs_with = keys.current.id
        self._keys = {key.id: _derived(key, purpose) for key in keys}
        self._clock = clock
        self._called = called

    def sign(self, claims: dict[str, Any], *, lifetime_seconds: int, issued_unix_nano: int | None = None) -> str:
        """A token that states these claims, and when it was made (``iat``; exactly ``iat_ns``) and ends (``exp``).

        Made is now, unless another moment is given: that at which the claims were known to be true.
        """
        if issued_unix_nano is None:
            issued_unix_nano = self._clock.now_unix_nano()
        issued = issued_unix_nano // NANOSECONDS_A_SECOND
        times = {"iat": issued, "iat_ns": issued_unix_nano, "exp": issued + lifetime_seconds}
        stated = {"iss": _ISSUER, **claims, **times}
        key_id = self._signs_with
        return jwt.encode(stated, self._keys[key_id], algorithm=_ALGORITHM, headers={"kid": key_id})

    def read(self, token: str) -> dict[str, Any]:
        """What a token states.

        Raises:
            Unauthenticated: nobody with these keys signed it for this purpose, or it has expired.
        """
        refused = Unauthenticated(f"{self._called} is not valid")
        try:
            key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                raise refused
            # The times are checked below, against the clock that was passed in.
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                options={"require": list(_REQUIRED_CLAIMS), "verify_exp": False, "verify_iat": False},
            )
            expires_unix_nano = int(claims["exp"]) * NANOSECONDS_A_SECOND
        except (jwt.PyJWTError, ValueError) as error:
            raise refused from error
        if self._clock.now_unix_nano() >= expires_unix_nano:
            raise Unauthenticated(f"{self._called} has expired")
        return claims


def _derived(key: SigningKey, purpose: str) -> bytes:
    return key.derived(purpose.encode())
