"""People, services and keys as lines that fit a terminal of 80 columns."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.text import Text

from tocsin.cli.output import out
from tocsin.cli.text import harmless

_KEY_STATE_STYLES = {"active": "green", "replaced": "yellow", "expired": "dim", "revoked": "dim"}

#: A longer name pushes only its own line to the right.
_MAX_PADDED_CHARACTERS = 32


def print_keys(keys: list[dict[str, Any]], *, now: datetime) -> None:
    """API keys: the id with the state, what people call it, and what it is for unless that is sending logs only."""
    for key in keys:
        state, until = key_state(key, now=now)
        out.print(Text.assemble(harmless(str(key["id"])), "  ", (state, _KEY_STATE_STYLES[state]), until))
        out.print(Text.assemble("  ", harmless(str(key["name"])), (f"  {_key_details(key)}", "dim")))
        # What most keys are for need not be said.
        if key["scopes"] != ["logs:write"]:
            out.print(Text.assemble((f"  for {harmless(' '.join(key['scopes']))}", "dim")))


def key_state(key: dict[str, Any], *, now: datetime) -> tuple[str, str]:
    """Whether a key works in one word, and until when."""
    expires_at = key["expires_at"]
    if key["revoked_at"]:
        return "revoked", f" {minute(key['revoked_at'])}"
    if expires_at is None:
        return "active", ""
    if datetime.fromisoformat(expires_at) <= now:
        return "replaced" if key["replaced_by"] else "expired", f" {minute(expires_at)}"
    return (
        ("replaced", f", works until {minute(expires_at)}")
        if key["replaced_by"]
        else ("active", f" until {minute(expires_at)}")
    )


def _key_details(key: dict[str, Any]) -> str:
    services = f"service {harmless(str(key['default_service']))}" + (
        " and others" if key["allows_other_services"] else ""
    )
    used = f"used {minute(key['last_used_at'])}" if key["last_used_at"] else "never used"
    return f"svc_{harmless(str(key['prefix']))}_…, {services}, {used}"


def print_users(users: list[dict[str, Any]]) -> None:
    """The people of the organization, a line each."""
    width = _padding(user["email"] for user in users)
    for user in users:
        # Sessions that ended weeks ago are forgotten: of "never" the server knows nothing.
        seen = f"seen {minute(user['last_seen_at'])}" if user["last_seen_at"] else "not seen lately"
        waits = ", has a one-time password" if user["must_change_password"] else ""
        out.print(
            Text.assemble(
                f"{harmless(str(user['email'])):{width}}",
                "  ",
                f"{harmless(str(user['role'])):9}",
                "  ",
                (seen + waits, "dim"),
            )
        )


def print_invitations(invitations: list[dict[str, Any]]) -> None:
    """Who is invited, a line each."""
    width = _padding(invitation["email"] for invitation in invitations)
    for invitation in invitations:
        until = f"invited until {minute(invitation['expires_at'])}"
        email = harmless(str(invitation["email"]))
        out.print(
            Text.assemble(f"{email:{width}}", "  ", f"{harmless(str(invitation['role'])):9}", "  ", (until, "dim"))
        )


def print_services(services: list[dict[str, Any]]) -> None:
    """Services, a line each, and another where more is known of one."""
    width = _padding(service["name"] for service in services)
    for service in services:
        state = ("active", "green") if service["active"] else ("inactive", "yellow")
        owner = f"  {harmless(str(service['owner']))}" if service["owner"] else ""
        out.print(Text.assemble(f"{harmless(str(service['name'])):{width}}", "  ", state, owner))
        labels = [f"{key}={value}" for key, value in sorted(service["labels"].items())]
        details = [*labels, *([service["repository_url"]] if service["repository_url"] else [])]
        if details:
            out.print(Text(f"  {harmless('  '.join(details))}", style="dim"))


def minute(text: str) -> str:
    """A moment to the minute, in UTC as the server says it."""
    return harmless(f"{text[:10]} {text[11:16]}")


def _padding(texts: Iterable[object]) -> int:
    return min(max((len(harmless(str(text))) for text in texts), default=0), _MAX_PADDED_CHARACTERS)
