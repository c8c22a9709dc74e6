"""What a setting may be: how its text is read, and how that is said to people."""

import ipaddress
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from tocsin.kit.rates import Rate

T = TypeVar("T")

_SWITCHES = {"on": True, "true": True, "yes": True, "1": True, "off": False, "false": False, "no": False, "0": False}
_BYTE_UNITS = {"": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_BYTE_COUNT = re.compile(r"(\d+)\s*([kmgt]ib)?", re.IGNORECASE | re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_RATE = re.compile(r"(\d+)\s*/\s*([a-z]+)", re.IGNORECASE | re.ASCII)
_RATE_PERIODS_SECONDS = {"s": 1, "min": 60, "hour": 3_600, "day": 86_400}
_LARGEST_RATE_COUNT = 1_000_000_000
_DEFAULT_PORTS = {"https": 443, "http": 80}
_ORIGIN_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")


class Secret:
    """A text that does not show itself in messages, logs and tracebacks."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def revealed(secret: Secret | None) -> str | None:
    """The text of a secret that may have been left out."""
    return secret.reveal() if secret else None


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of setting."""

    #: Raises ``ValueError`` for what is not allowed.
    parse: Callable[[str], T]
    #: For people; completes "it must be …".
    allowed: str
    #: How a value that is not allowed is quoted in the message about it.
    shown: Callable[[str], str] = repr


def text() -> Kind[str]:
    """Any text."""
    return Kind(str, "a text")


def path() -> Kind[Path]:
    """A path of the file system."""
    return Kind(Path, "a path")


def switch() -> Kind[bool]:
    """On or off."""

    def parse(written: str) -> bool:
        try:
            return _SWITCHES[written.lower()]
        except KeyError as error:
            raise ValueError(written) from error

    return Kind(parse, "`on` or `off`")


def choice(*options: str) -> Kind[str]:
    """One of a few words."""

    def parse(written: str) -> str:
        if written.lower() not in options:
            raise ValueError(written)
        return written.lower()

    return Kind(parse, ", ".join(f"`{option}`" for option in options[:-1]) + f" or `{options[-1]}`")


def integer(least: int, most: int) -> Kind[int]:
    """A whole number between two bounds, both included."""

    def parse(written: str) -> int:
        if not _INTEGER.fullmatch(written):
            raise ValueError(written)
        return _bounded(int(written), least, most)

    return Kind(parse, f"a whole number from {least} to {most}")


def number(least: float, most: float) -> Kind[float]:
    """A number between two bounds, both included."""

    def parse(written: str) -> float:
        value = float(written)
        if not math.isfinite(value):
            raise ValueError(written)
        return _bounded(value, least, most)

    return Kind(parse, f"a number from {least:g} to {most:g}")


def byte_count(least: int, most: int) -> Kind[int]:
    """A number of bytes between two bounds, both included; units may be written out."""

    def parse(written: str) -> int:
        match = _BYTE_COUNT.fullmatch(written)
        if not match:
            raise ValueError(written)
        return _bounded(int(match[1]) * _BYTE_UNITS[(match[2] or "").lower()], least, most)

    return Kind(parse, f"a number of bytes from {_bytes_shown(least)} to {_bytes_shown(most)}, such as `32MiB`")


def rate() -> Kind[Rate | None]:
    """So many in a second, minute, hour or day; None where it is off."""

    def parse(written: str) -> Rate | None:
        if written.lower() == "off":
            return None
        match = _RATE.fullmatch(written)
        if not match or match[2].lower() not in _RATE_PERIODS_SECONDS:
            raise ValueError(written)
        return Rate(_bounded(int(match[1]), 1, _LARGEST_RATE_COUNT), _RATE_PERIODS_SECONDS[match[2].lower()])

    return Kind(parse, "a rate such as `20/s`, `600/min`, `6000/hour` or `50000/day`, or `off`")


def url(*schemes: str) -> Kind[str]:
    """A URL with one of a few schemes."""

    def parse(written: str) -> str:
        if urlsplit(written).scheme not in schemes:
            raise ValueError(written)
        return written

    # A URL may hold a password, and a mistyped one may hold it anywhere.
    def shown(written: str) -> str:
        scheme, colon, _ = written.partition(":")
        return f"a URL that starts with {scheme + colon!r}" if colon else "no URL"

    spelled = [f"`{scheme}:`" for scheme in schemes]
    choices = spelled[0] if len(spelled) == 1 else ", ".join(spelled[:-1]) + f" or {spelled[-1]}"
    return Kind(parse, f"a URL that starts with {choices}", shown)


def origin() -> Kind[str]:
    """Where pages of a browser come from: scheme, host and port, in the form in which a browser says it."""

    def parse(written: str) -> str:
        parts = urlsplit(written.lower())
        port = f":{parts.port}" if parts.port is not None else ""
        host = parts.hostname or ""
        shown = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
        if parts.scheme not in _DEFAULT_PORTS or not _ORIGIN_HOST.fullmatch(host) or shown != written.lower():
            raise ValueError(written)
        return shown.removesuffix(f":{_DEFAULT_PORTS[parts.scheme]}")

    return Kind(parse, "an origin such as `https://logs.example.com`, with no path and never `*`")


def network() -> Kind[str]:
    """An address, or a network of them."""

    def parse(written: str) -> str:
        return str(ipaddress.ip_network(written)).removesuffix("/32").removesuffix("/128")

    return Kind(parse, "an address or a network such as `10.0.0.0/8`")


def listed(kind: Kind[T]) -> Kind[tuple[T, ...]]:
    """Several of a kind with commas between them, each once; or none."""

    def parse(written: str) -> tuple[T, ...]:
        items = [item.strip() for item in written.split(",")]
        return tuple(dict.fromkeys(kind.parse(item) for item in items if item))

    return Kind(parse, f"{kind.allowed}; or several, with commas between them", kind.shown)


def secret(*, minimum: int) -> Kind[Secret]:
    """A text of at least so many characters that no message shows."""

    def parse(written: str) -> Secret:
        if len(written) < minimum:
            raise ValueError("too short")
        return Secret(written)

    plural = "s" if minimum > 1 else ""
    return Kind(parse, f"at least {minimum} character{plural} long", lambda written: f"{len(written)} characters long")


_Number = TypeVar("_Number", int, float)


def _bounded(value: _Number, least: _Number, most: _Number) -> _Number:
    if not least <= value <= most:
        raise ValueError(f"{value} is not between {least} and {most}")
    return value


def _bytes_shown(count: int) -> str:
    for unit, size in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:g} {unit}"
    return str(count)
