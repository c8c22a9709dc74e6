"""What the files of commands share: options that mean the same everywhere, and the settings of this place."""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.kit.settings import Settings, read_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)


def current_settings() -> Settings:
    """The settings of the environment and of this directory."""
    return read_settings(os.environ, Path.cwd())


def print_json(answer: Any) -> None:
    """What the server answered, for programs."""
    print(json.dumps(answer))


def duration(text: str) -> timedelta:
    """A length of time as people write it: ``90s``, ``15m``, ``24h``, ``30d``, ``2w``.

    Raises:
        typer.BadParameter: it is none.
    """
    written = _DURATION.fullmatch(text.strip())
    if written is None:
        raise typer.BadParameter(f"{text!r} is no length of time: write 15m, 24h, 30d or 2w")
    return timedelta(**{_UNITS[written[2]]: int(written[1])})


def moment_after(length: timedelta | None) -> str | None:
    """When so much time will have passed, as the API takes it; None stays None."""
    return None if length is None else (datetime.now(UTC) + length).isoformat()
