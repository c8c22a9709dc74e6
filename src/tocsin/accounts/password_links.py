"""Links that let their bearer choose a password: signed, good for one use, kept nowhere."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tocsin.accounts.signed_tokens import SignedTokens
from tocsin.accounts.signing_keys import SigningKeys
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Unauthenticated

RESET_SECONDS = 24 * 3600
INVITATION_SECONDS = 7 * 24 * 3600

_FINGERPRINT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Reset:
    """What a token to reset a password says."""

    user_id: UUID
    #: The fingerprint of the password that it replaces.
    replaces: str
    #: Who made it: it is good for as long as they may.
    by: UUID


class PasswordLinks:
    """Makes and reads the tokens in such links.

    A reset names a fingerprint of the password that it is to replace, so it ends with its first use, and with any
    other change of the password. An invitation names its row, which remembers that it was accepted.
    """

    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        self._clock = clock
        self._resets = SignedTokens(keys, clock, purpose="tocsin.reset", called="the link")
        self._invitations = SignedTokens(keys, clock, purpose="tocsin.invite", called="the invitation")

    def reset(self, user_id: UUID, password_hash: str, *, by: UUID) -> tuple[str, datetime]:
        """A token to replace this password of a user, made by another, and when it ends."""
        claims = {"sub": str(user_id), "for": fingerprint(password_hash), "by": str(by)}
        return self._resets.sign(claims, lifetime_seconds=RESET_SECONDS), self._end(RESET_SECONDS)

    def read_reset(self, token: str) -> Reset:
        """Whose password a token replaces, and by whose leave.

        Raises:
            Unauthenticated: the token is not valid, or has expired.
        """
        claims = self._resets.read(token)
        return Reset(UUID(claims["sub"]), str(claims["for"]), UUID(claims["by"]))

    def invitation(self, invitation_id: UUID) -> str:
        """A token to accept an invitation."""
        return self._invitations.sign({"sub": str(invitation_id)}, lifetime_seconds=INVITATION_SECONDS)

    def read_invitation(self, token: str) -> UUID:
        """Which invitation a token accepts.

        Raises:
            Unauthenticated: the token is not valid, or has expired.
        """
        return UUID(self._invitations.read(token)["sub"])

    def _end(self, seconds: int) -> datetime:
        return utc_now(self._clock) + timedelta(seconds=seconds)


def fingerprint(password_hash: str) -> str:
    """Tells whether a password is still the one that it was; says nothing of it."""
    return hashlib.blake2b(password_hash.encode(), digest_size=_FINGERPRINT_BYTES).hexdigest()


def already_used() -> Unauthenticated:
    """The error for a link whose purpose is gone."""
    return Unauthenticated("the link was used before, or the password has changed since: ask for a new one")
