"""How a failure reads: by what went wrong, with what sort of thing, in whose language."""

from collections.abc import Sequence
from importlib import resources

from tocsin.simulation.styles import ErrorText
from tocsin.simulation.topology import Style

OWN = "own"
"""Stands where a part's engine would: the service itself failed."""

SERVICE = "service"
"""Another service failed."""

KINDS = (
    "pool-timeout",
    "timeout",
    "refused",
    "unreachable",
    "dns",
    "certificate",
    "status-500",
    "status-503",
    "status-504",
    "disk-full",
    "deadlock",
    "internal",
    "poison",
    "clock",
    "schema",
    "overload",
)
"""What can go wrong."""

STATUS = {
    "timeout": 504,
    "status-504": 504,
    "internal": 500,
    "poison": 500,
    "clock": 401,
    "schema": 500,
    "deadlock": 500,
}
"""What a service answers that failed so; ``UNAVAILABLE`` for the others."""

UNAVAILABLE = 503

_FAMILIES = {
    "postgresql": "sql",
    "mysql": "sql",
    "mongodb": "document",
    "opensearch": "document",
    "redis": "cache",
    "kafka": "queue",
    "https": "http",
    "ext4": "disk",
    "xfs": "disk",
}


class FailureWords:
    """All of ``failures.txt``."""

    def __init__(self) -> None:
        text = resources.files("tocsin.simulation").joinpath("lines", "failures.txt").read_text("utf-8")
        self._errors: dict[tuple[str, str, str], ErrorText] = {}
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                head, _, chain = line.partition("|")
                kind, family, style = head.split()
                self._errors[kind, family, style] = _chain(chain)

    def error(self, kind: str, engine: str, style: Style) -> ErrorText:
        """The words for a failure; those for anything, or for any language, where there are no better ones.

        Raises:
            KeyError: there are none at all.
        """
        family = _FAMILIES.get(engine, engine)
        for place in ((family, style.value), ("*", style.value), (family, "*"), ("*", "*")):
            found = self._errors.get((kind, *place))
            if found is not None:
                return found
        raise KeyError(kind)


def _chain(text: str) -> ErrorText:
    """``name: text << name: text``: each is caused by the next."""
    parts: Sequence[str] = [part.strip() for part in text.split("<<")]
    error: ErrorText | None = None
    for part in reversed(parts):
        name, separator, words = part.partition(" :: ")
        error = ErrorText(name if separator else "", words if separator else name, error)
    assert error is not None
    return error
