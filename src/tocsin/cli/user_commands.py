"""``tocsin users``: who is in the organization, and what each may do."""

from enum import StrEnum
from typing import Annotated

import typer

from tocsin.cli.options import AsJson, current_settings, print_json

app = typer.Typer(help="The people of the organization, and who is invited.", no_args_is_help=True)


class Role(StrEnum):
    """What a person may do; as the API names them, without the cost of importing that."""

    ADMIN = "ADMIN"
    DEVELOPER = "DEVELOPER"
    VIEWER = "VIEWER"


Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail address.")]

_ROLES = "VIEWER reads, DEVELOPER also changes services and saved searches, ADMIN does everything."


@app.command("list")
def list_users(as_json: AsJson = False) -> None:
    """Show everybody in the organization, and their roles."""
    from tocsin.cli.accounts_output import print_users
    from tocsin.cli.client import TocsinClient

    with TocsinClient(current_settings()) as client:
        users = client.get("/v1/users")["users"]
    if as_json:
        print_json(users)
    else:
        print_users(users)


@app.command("invitations")
def list_invitations(as_json: AsJson = False) -> None:
    """Show who is invited and has not come yet."""
    from tocsin.cli.accounts_output import print_invitations
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.output import print_notice

    with TocsinClient(current_settings()) as client:
        invitations = client.get("/v1/invitations")["invitations"]
    if as_json:
        print_json(invitations)
    elif invitations:
        print_invitations(invitations)
    else:
        print_notice("nobody is invited; `tocsin users invite EMAIL` does that")


@app.command("invite")
def invite_user(
    email: Email,
    role: Annotated[Role, typer.Option(case_sensitive=False, help=_ROLES)] = Role.VIEWER,
    as_json: AsJson = False,
) -> None:
    """Invite a person, and print the link that is theirs: Tocsin sends no mail, you pass it on."""
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.people import print_link

    with TocsinClient(current_settings()) as client:
        invited = client.post("/v1/invitations", {"email": email.strip(), "role": role.value})
    if as_json:
        print_json(invited)
    else:
        print_link(invited["link"])


@app.command("role")
def change_role(
    email: Email,
    role: Annotated[Role, typer.Argument(case_sensitive=False, help=_ROLES)],
    as_json: AsJson = False,
) -> None:
    """Let a person do more or less, everywhere within five seconds."""
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.people import print_done, user_with

    with TocsinClient(current_settings()) as client:
        user = user_with(client, email)
        client.patch(f"/v1/users/{user['user_id']}", {"role": role.value})
    if as_json:
        print_json({**user, "role": role.value})
    else:
        print_done(user["email"], f"is {role.value} now")


@app.command("remove")
def remove_user(email: Email, as_json: AsJson = False) -> None:
    """Take a person out of the organization with their sessions and tokens, or withdraw their invitation."""
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.people import invitation_of, print_done, user_with

    with TocsinClient(current_settings()) as client:
        invitation = invitation_of(client, email)
        if invitation is not None:
            client.delete(f"/v1/invitations/{invitation['id']}")
            gone, what = invitation, "is no longer invited"
        else:
            gone, what = user_with(client, email), "is no longer in the organization"
            client.delete(f"/v1/users/{gone['user_id']}")
    if as_json:
        print_json(gone)
    else:
        print_done(gone["email"], what)


@app.command("sign-out")
def sign_out_user(email: Email, as_json: AsJson = False) -> None:
    """End a person's sessions in the organization; their password and their tokens go on working."""
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.people import print_done, user_with

    with TocsinClient(current_settings()) as client:
        user = user_with(client, email)
        client.post(f"/v1/users/{user['user_id']}/logout", {})
    if as_json:
        print_json(user)
    else:
        print_done(user["email"], "is signed out")


@app.command("reset-password")
def reset_password(email: Email, as_json: AsJson = False) -> None:
    """Print a link by which a person chooses a new password, in place of one that is lost."""
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.people import print_link, user_with

    with TocsinClient(current_settings()) as client:
        user = user_with(client, email)
        link = client.post(f"/v1/users/{user['user_id']}/password-reset", {})
    if as_json:
        print_json(link)
    else:
        print_link(link)
