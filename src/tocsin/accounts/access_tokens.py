"""Access tokens: signed statements of who someone is, read without a database."""

import hashlib
from uuid import UUID

import jwt

from tocsin.accounts.contracts import AccessToken, Principal, Role
from tocsin.kit.clock import Clock
from tocsin.kit.errors import Unauthenticated

#: A changed role or a removed user takes effect when the tokens given out before have expired.
ACCESS_TOKEN_SECONDS = 15 * 60

_ALGORITHM = "HS256"
_ISSUER = "tocsin"
_REQUIRED_CLAIMS = ("iss", "sub", "org", "role", "email", "pwd", "iat", "exp")
_KEY_PURPOSE = b"tocsin.jwt"
_KEY_BYTES = 32
_NANOSECONDS = 1_000_000_000


class AccessTokens:
    """Mints and reads access tokens.

    The tokens' key is derived from the signing key, which also keys the hashes of API keys: neither use can be
    played against the other.
    """

    def __init__(self, signing_key: bytes, clock: Clock) -> None:
        self._key = hashlib.blake2b(key=signing_key, person=_KEY_PURPOSE, digest_size=_KEY_BYTES).digest()
        self._clock = clock

    def mint(self, principal: Principal) -> AccessToken:
        """A token that says who the principal is, for ``ACCESS_TOKEN_SECONDS``."""
        now = self._clock.now_unix_nano() // _NANOSECONDS
        claims = {
            "iss": _ISSUER,
            "sub": str(principal.user_id),
            "org": str(principal.organization_id),
            "role": principal.role.value,
            "email": principal.email,
            "pwd": principal.password_change_required,
            "iat": now,
            "exp": now + ACCESS_TOKEN_SECONDS,
        }
        return AccessToken(
            token=jwt.encode(claims, self._key, algorithm=_ALGORITHM),
            expires_in_seconds=ACCESS_TOKEN_SECONDS,
            password_change_required=principal.password_change_required,
        )

    def read(self, token: str) -> Principal:
        """Who the token says that its bearer is.

        Raises:
            Unauthenticated: nobody with the signing key made it, or it has expired.
        """
        try:
            # The times are checked below, against the clock that was passed in.
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                options={"require": list(_REQUIRED_CLAIMS), "verify_exp": False, "verify_iat": False},
            )
            expires_unix_seconds = int(claims["exp"])
            principal = Principal(
                user_id=UUID(claims["sub"]),
                organization_id=UUID(claims["org"]),
                role=Role(claims["role"]),
                email=str(claims["email"]),
                password_change_required=bool(claims["pwd"]),
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise Unauthenticated("the access token is not valid") from error
        if self._clock.now_unix_nano() >= expires_unix_seconds * _NANOSECONDS:
            raise Unauthenticated("the access token has expired")
        return principal
