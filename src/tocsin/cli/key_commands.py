"""``tocsin keys``: the API keys of senders."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from tocsin.cli.options import AsJson, current_settings, duration, moment_after, print_json

app = typer.Typer(help="The API keys that senders of logs show.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(metavar="ID", help="The id, from `tocsin keys list`.")]


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Show every API key, newest first, and whether it works; times are UTC."""
    from tocsin.cli.accounts_output import print_keys
    from tocsin.cli.client import TocsinClient

    with TocsinClient(current_settings()) as client:
        keys = client.get("/v1/keys")["keys"]
    if as_json:
        print_json(keys)
    else:
        print_keys(keys, now=datetime.now(UTC))


@app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What people call the key.")],
    service: Annotated[str, typer.Option(help="The service of logs that name none.")] = "default",
    other_services: Annotated[bool, typer.Option(help="Whether logs may name another service.")] = False,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="logs:write|alerts:write|deploys:write", help="What it is for; repeatable. Logs if left out."
        ),
    ] = None,
    expires_in: Annotated[
        timedelta | None,
        typer.Option(parser=duration, metavar="90d", help="How long it works; left out, until it is revoked."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key, and print its secret this once."""
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.output import print_notice
    from tocsin.cli.text import harmless

    wanted = {
        "name": name,
        "default_service": service,
        "allows_other_services": other_services,
        **({"scopes": scope} if scope else {}),
        "expires_at": moment_after(expires_in),
    }
    with TocsinClient(current_settings()) as client:
        issued = client.post("/v1/keys", wanted)
    if not other_services:
        print_notice(f"takes logs of service {service} only; --other-services takes others too")
    if as_json:
        print_json(issued)
    else:
        print(harmless(issued["secret"]))


@app.command("rotate")
def rotate_key(
    key_id: KeyId,
    overlap: Annotated[
        timedelta | None,
        typer.Option(
            parser=duration, metavar="24h", help="How long the old key works beside the new; a day if left out."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a new API key in the place of another, and print its secret this once."""
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.output import print_notice
    from tocsin.cli.text import harmless

    path = _path_of(key_id)
    with TocsinClient(current_settings()) as client:
        wanted = {} if overlap is None else {"overlap_seconds": int(overlap.total_seconds())}
        issued = client.post(f"{path}/rotate", wanted)
    if as_json:
        print_json(issued)
        return
    print_notice(
        f"give this to the senders; `tocsin keys list` says how long {key_id} works, and when it was last used"
    )
    print(harmless(issued["secret"]))


@app.command("revoke")
def revoke_key(key_id: KeyId, as_json: AsJson = False) -> None:
    """Make an API key invalid, within seconds and for good."""
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.text import harmless

    path = _path_of(key_id)
    with TocsinClient(current_settings()) as client:
        client.delete(path)
    if as_json:
        print_json({"id": key_id})
    else:
        print(f"revoked {harmless(key_id)}")


def _path_of(key_id: str) -> str:
    from tocsin.cli.client import CommandFailed

    try:
        return f"/v1/keys/{UUID(key_id.strip())}"
    except ValueError as error:
        raise CommandFailed("there is no such API key; `tocsin keys list` has the ids") from error
