"""What the server says to the person who started it."""

import shlex
import sys

from tocsin.accounts.contracts import FirstStart

_RULE = "─" * 78


def announce_first_start(url: str, first_start: FirstStart) -> None:
    """Print what the first start hands out, this once."""
    curl = curl_line(url, "$TOCSIN_BOOTSTRAP_API_KEY" if first_start.api_key_is_given else first_start.api_key)
    print(
        f"""{_RULE}
Tocsin is new here. These are shown once and kept nowhere: write them down.

  URL                 {url}
  administrator       {first_start.admin_email}
  {_password_line(first_start)}
  {_api_key_line(first_start)}

Send a log:

{curl}

and find it again:

tocsin search hello
{_RULE}""",
        flush=True,
    )


def _password_line(first_start: FirstStart) -> str:
    # A secret that the operator gave is theirs to know, and not for whoever reads this.
    if first_start.password_is_given:
        return "password            as given by TOCSIN_BOOTSTRAP_PASSWORD; it need not be changed"
    return f"one-time password   {first_start.admin_password}"


def _api_key_line(first_start: FirstStart) -> str:
    if first_start.api_key_is_given:
        return "API key             as given by TOCSIN_BOOTSTRAP_API_KEY"
    return f"API key             {first_start.api_key}"


def announce_ready(url: str, *, seconds: float) -> None:
    """Print that requests are answered now."""
    print(f"Tocsin is ready at {url} after {seconds:.1f} s", file=sys.stdout, flush=True)


def curl_line(url: str, api_key: str) -> str:
    """A command that sends one log, whole when it is pasted."""
    body = '{"level":"INFO","message":"hello from curl","service":"shop"}'
    return (
        f'curl -sS {shlex.quote(f"{url}/v1/ingest")} -H "X-API-Key: {api_key}" '
        f"-H 'Content-Type: application/json' -d {shlex.quote(body)}"
    )
