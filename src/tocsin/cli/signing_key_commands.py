"""``tocsin signing-key``: changes the key in the data directory; needs no running server."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.options import AsJson, current_settings, print_json

app = typer.Typer(help="The key that signs tokens, in the data directory of this machine.", no_args_is_help=True)


@app.command("rotate")
def rotate(as_json: AsJson = False) -> None:
    """Put a new signing key in front of the old one, which goes on being accepted."""
    from tocsin.accounts.signing_keys import add_signing_key
    from tocsin.cli.output import out
    from tocsin.cli.signing_key import key_directory, outdated_secrets

    settings = current_settings()
    directory = key_directory(settings, instead="put the new key in front of it there, separated by a comma")
    keys = add_signing_key(directory)
    outdated = outdated_secrets(settings)
    if as_json:
        print_json({"signing_key_id": keys.current.id, "signing_keys": len(keys), "hashed_with_older_keys": outdated})
        return
    out.print(f"""{directory / "signing.key"} holds {len(keys)} keys; {keys.current.id}, the first, signs from now on.
Restart every process of Tocsin now: one that is not restarted refuses what the new key signs, as these commands do.
API keys and personal access tokens are hashed with the new key at their next use. Not yet: {_counted(outdated)}.
In 7 days, when all refresh tokens of before have ended: tocsin signing-key drop-old""")


@app.command("drop-old")
def drop_old(
    force: Annotated[
        bool, typer.Option("--force", help="Whatever still depends on an old key: that ends at the next restart.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Keep the newest signing key alone; refused while sessions, API keys or tokens depend on an older one."""
    from tocsin.accounts.signing_keys import drop_old_signing_keys, load_signing_keys
    from tocsin.cli.output import out
    from tocsin.cli.signing_key import (
        check_nothing_depends_on_old_keys,
        key_directory,
        outdated_secrets,
        reseal_channels,
    )

    settings = current_settings()
    directory: Path = key_directory(settings, instead="take away there all but the first", counted=True)
    keys = load_signing_keys(directory)
    ended: int | None = 0
    nothing_to_drop, lost = len(keys) == 1, False
    if not nothing_to_drop:
        if force:
            ended = outdated_secrets(settings)
        else:
            check_nothing_depends_on_old_keys(settings)
        # Or what channels are told with could not be read any more.
        lost = reseal_channels(settings) is None
        keys = drop_old_signing_keys(directory)
    if as_json:
        print_json({"signing_key_id": keys.current.id, "signing_keys": len(keys), "ended": ended})
    elif nothing_to_drop:
        out.print("there is only one key: nothing to drop")
    else:
        out.print(f"""{directory / "signing.key"} holds {keys.current.id} alone. Restart every process of Tocsin.
API keys and personal access tokens that end by it: {_counted(ended)}.""")
        if lost:
            out.print(
                "The secrets of notification channels may be sealed with it: those that are have to be set again."
            )


def _counted(outdated: int | None) -> str:
    return "how many, the database can't be asked" if outdated is None else f"{outdated:,}"
