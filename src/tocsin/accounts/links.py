"""The addresses that people get in links."""

from dataclasses import dataclass

#: Where a browser shows the form that both kinds of links lead to.
SET_PASSWORD_PATH = "/set-password"

#: Where the application's state holds the ``LinkBase``.
LINK_BASE_STATE = "link_base"


@dataclass(frozen=True, slots=True)
class LinkBase:
    """Where people reach this server: a scheme and a host, without a slash at the end."""

    url: str

    def reset(self, token: str) -> str:
        """The link to reset a password. The token is behind a ``#``: browsers send that to nobody."""
        return f"{self.url}{SET_PASSWORD_PATH}#reset={token}"

    def invitation(self, token: str) -> str:
        """The link to accept an invitation."""
        return f"{self.url}{SET_PASSWORD_PATH}#invitation={token}"
