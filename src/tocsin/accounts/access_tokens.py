"""Access tokens: who someone is and in which organization, good for minutes."""

from uuid import UUID

from tocsin.accounts.contracts import AccessToken, Principal, Role
from tocsin.accounts.signed_tokens import SignedTokens
from tocsin.accounts.signing_keys import SigningKeys
from tocsin.kit.clock import Clock
from tocsin.kit.errors import Unauthenticated
from tocsin.kit.moments import NANOSECONDS_A_SECOND

#: A token that can't be called back ends after this; the others do so within ``REVOCATION_SECONDS``.
ACCESS_TOKEN_SECONDS = 15 * 60


class AccessTokens:
    """Mints and reads access tokens."""

    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        self._signed = SignedTokens(keys, clock, purpose="tocsin.access", called="the access token")

    def mint(self, principal: Principal, *, issued_unix_nano: int | None = None) -> AccessToken:
        """A token that says who the principal is, for ``ACCESS_TOKEN_SECONDS`` from now or a given moment."""
        claims = {
            "sub": str(principal.user_id),
            "org": str(principal.organization_id),
            "role": principal.role.value,
            "email": principal.email,
            "pwd": principal.password_change_required,
            "sid": None if principal.session_id is None else str(principal.session_id),
        }
        return AccessToken(
            token=self._signed.sign(claims, lifetime_seconds=ACCESS_TOKEN_SECONDS, issued_unix_nano=issued_unix_nano),
            expires_in_seconds=ACCESS_TOKEN_SECONDS,
            password_change_required=principal.password_change_required,
        )

    def read(self, token: str) -> Principal:
        """Who the token says that its bearer is.

        Raises:
            Unauthenticated: nobody with the signing keys made it, or it has expired.
        """
        claims = self._signed.read(token)
        try:
            session_id = claims["sid"]
            return Principal(
                user_id=UUID(claims["sub"]),
                organization_id=UUID(claims["org"]),
                role=Role(claims["role"]),
                email=str(claims["email"]),
                password_change_required=bool(claims["pwd"]),
                session_id=None if session_id is None else UUID(session_id),
                issued_unix_nano=int(claims["iat_ns"]),
                expires_unix_nano=int(claims["exp"]) * NANOSECONDS_A_SECOND,
            )
        except (KeyError, ValueError) as error:
            raise Unauthenticated("the access token is not valid") from error
