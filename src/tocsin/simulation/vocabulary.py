"""What a service says, and when: ``lines/<service>.txt`` → ``%``-formats.

A file has sections, ``[moment]``, each with lines such as

    WARN 0.2 @Charges Card {brand} declined: {bank} | payment.id={payment} duration_ms:={ms}

which are: the level, the share of times that it is said (or, behind the clock's moments, nothing), the logger, the
message, and the metadata (``=`` for text, ``:=`` for a number). Moments of one operation bear its name
(``charge.ok``); those without one hold for all.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from operator import itemgetter
from typing import NamedTuple

from tocsin.simulation.styles import as_format, level_word, message
from tocsin.simulation.topology import Service, Style

_LINE = re.compile(r"(DEBUG|INFO|WARN|ERROR|FATAL) +(?:([01](?:\.\d+)?) +)?(?:@(\w+) +)?(.*)")
_NAMED = re.compile(r"(?<!%)%\((\w+)\)s")
_FIELD = re.compile(r"([\w.]+)(:?=)(\S+)")


class Line(NamedTuple):
    """All that stands between the fraction of a second and where it was written: ``body % pick(values)``.

    By place, not by name: the names would be cut out of the format and hashed for each line.
    """

    share: float
    body: str
    pick: Callable[[Mapping[str, str]], object]


def line_of(share: float, named: str) -> Line:
    """A line from a format with names."""
    names = _NAMED.findall(named)
    pick: Callable[[Mapping[str, str]], object] = itemgetter(*names) if names else lambda _values: ()
    return Line(share, _NAMED.sub("%s", named), pick)


@dataclass(frozen=True, slots=True)
class Written:
    """A line as its file has it."""

    level: str
    share: float
    logger: str
    text: str
    fields: str


class Vocabulary:
    """All lines of a service, by their moments."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._moments: dict[str, list[Written]] = {}
        folder = resources.files("tocsin.simulation").joinpath("lines")
        for name in (service.name, f"style-{service.style.value}"):
            self._read(folder.joinpath(f"{name}.txt").read_text("utf-8"))

    def _read(self, text: str) -> None:
        moment = ""
        own: dict[str, list[Written]] = {}
        for line in text.splitlines():
            if line.startswith("["):
                moment = line.strip("[] ")
                own[moment] = []
            elif line.strip() and not line.startswith("#"):
                own[moment].append(_written(line))
        # What the service says itself stands before what all of its family say.
        for moment, lines in own.items():
            self._moments.setdefault(moment, lines)

    @property
    def moments(self) -> list[str]:
        """Every moment that has lines."""
        return list(self._moments)

    def lines(
        self, moment: str, substitutes: Mapping[str, str] | None = None, *, has_trace: bool = True
    ) -> tuple[Line, ...]:
        """The lines of a moment; ``substitutes`` are put in for good."""
        return tuple(
            line_of(written.share, self._body(written, substitutes or {}, has_trace))
            for written in self._moments.get(moment, ())
        )

    def _body(self, written: Written, substitutes: Mapping[str, str], has_trace: bool) -> str:
        service = self.service
        text = message(service, written.level, written.logger, written.text, has_trace=has_trace)
        quoted = {
            name: value.replace("\\", "\\\\").replace('"', '\\"') if service.style is Style.GO else value
            for name, value in substitutes.items()
        }
        text = (
            _substituted(text, quoted).replace("\\n", "\n")
            if service.style is not Style.GO
            else _substituted(text, quoted)
        )
        trace = '"trace_id":"%(trace)s","span_id":"%(span)s",' if has_trace else ""
        metadata = "".join(
            _field(name, sign, value, substitutes) for name, sign, value in _FIELD.findall(written.fields)
        )
        level = level_word(service.style, written.level)
        head = f'Z","level":"{level}","service":"{service.name}"'
        return f'{head},"message":"{as_format(text)}",{trace}"metadata":{{{metadata}'


def _written(line: str) -> Written:
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise ValueError(f"not a line of a vocabulary: {line!r}")
    level, share, logger, rest = found.groups()
    text, _, fields = rest.partition(" | ")
    return Written(level, float(share or 1), logger or "", text.rstrip(), fields)


def _substituted(text: str, substitutes: Mapping[str, str]) -> str:
    # Twice: what is put in, a statement say, may hold names of others.
    for _ in range(2):
        for name, value in substitutes.items():
            text = text.replace(f"{{{name}}}", value)
    return text


def _field(name: str, sign: str, value: str, substitutes: Mapping[str, str]) -> str:
    value = as_format(_substituted(value, substitutes))
    return f'"{name}":{value},' if sign == ":=" else f'"{name}":"{value}",'
