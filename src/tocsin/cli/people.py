"""People by their e-mail addresses, and what is said of them."""

from collections.abc import Iterable
from typing import Any

from tocsin.cli.accounts_output import minute
from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.output import out, print_notice
from tocsin.cli.text import harmless

#: An error that lists names is one line, and not a book.
_MAX_NAMES = 20


def user_with(client: TocsinClient, email: str) -> dict[str, Any]:
    """The person with this address.

    Raises:
        CommandFailed: nobody in the organization has it; the message says who there is.
    """
    users: list[dict[str, Any]] = client.get("/v1/users")["users"]
    found = _with_address(users, email)
    if found is None:
        there = listed(user["email"] for user in users)
        raise CommandFailed(f"nobody here has the address {harmless(email.strip())}; there are: {there}")
    return found


def invitation_of(client: TocsinClient, email: str) -> dict[str, Any] | None:
    """The invitation of this address that waits, if there is one."""
    return _with_address(client.get("/v1/invitations")["invitations"], email)


def listed(names: Iterable[object]) -> str:
    """Names for the end of an error, the first of them where there are many."""
    shown = [harmless(str(name)) for name in names]
    rest = len(shown) - _MAX_NAMES
    return ", ".join(shown[:_MAX_NAMES]) + (f" and {rest:,} more" if rest > 0 else "") or "none"


def print_done(name: str, what: str) -> None:
    """What has become of a person or thing, as one line."""
    out.print(f"{harmless(name)} {what}")


def print_link(link: dict[str, Any]) -> None:
    """The link alone on standard output, and whose it is beside that."""
    print_notice(f"for {link['email']}, once, until {minute(link['expires_at'])} UTC; who has it chooses the password:")
    out.print(harmless(link["link"]))


def _with_address(people: list[dict[str, Any]], email: str) -> dict[str, Any] | None:
    # As the server keeps them.
    wanted = email.strip().lower()
    return next((person for person in people if person["email"] == wanted), None)
