"""``tocsin search --words``: a question in plain English, translated by the server, shown, and asked."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin.cli.asking import Asked
from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.output import print_notice
from tocsin.cli.text import harmless

_ZONES = "zoneinfo/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """What the server makes of a question."""

    answer: dict[str, Any]

    @property
    def is_aggregate(self) -> bool:
        """Whether numbers are asked for and not logs."""
        return bool(self.answer["kind"] == "aggregate")

    def asked(self) -> Asked:
        """The question as ``search`` asks it.

        Raises:
            CommandFailed: it asks for a comparison.
        """
        if self.answer["kind"] == "comparison":
            raise CommandFailed("this asks for a comparison, which POST /v1/logs/compare makes")
        return Asked(query=self.answer["query"], start=self.answer["from"], end=self.answer["to"])

    def grouping(self) -> dict[str, Any]:
        """The parameters of an aggregate beside the question's own."""
        answer = self.answer
        return {
            "measure": answer["measures"],
            "by": answer["by"],
            "interval": answer["interval"],
            "limit": answer["limit"],
        }


def translated(client: TocsinClient, text: str) -> Translated:
    """Translate a question, and show what came out before anything is asked."""
    answer = client.post("/v1/logs/translate", {"text": text, "time_zone": zone_of_this_machine()})
    for line in shown(answer):
        print_notice(line)
    return Translated(answer=answer)


def shown(answer: dict[str, Any]) -> list[str]:
    """A translation for people to read, in lines."""
    words = [f"{answer['kind']}: {answer['query'] or 'everything'}"]
    if answer["from"] or answer["to"]:
        words.append(f"from {answer['from'] or 'an hour earlier'} to {answer['to'] or 'now'}")
    for name in ("measures", "by"):
        if answer[name]:
            words.append(f"{name} {', '.join(answer[name])}")
    words += [f"{name} {answer[name]}" for name in ("interval", "limit", "baseline") if answer[name]]
    lines = [" · ".join(words)]
    if answer["not_understood"]:
        lines.append(f"not understood: {', '.join(each['text'] for each in answer['not_understood'])}")
    return [harmless(line) for line in [*lines, *answer["notes"]]]


def group_lines(groups: list[dict[str, Any]]) -> list[str]:
    """The groups of an aggregate, a line each: when, what, and its numbers."""
    lines = []
    for group in groups:
        values = [str(value) if value is not None else "–" for value in group["values"].values()]
        results = [
            f"{name} {result:g}" if result is not None else f"{name} –" for name, result in group["results"].items()
        ]
        lines.append(harmless("  ".join([*([group["start"]] if group["start"] else []), *values, *results])))
    return lines


def zone_of_this_machine() -> str:
    """The name of the time zone; UTC where the machine has no name for it."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if named:
        return named
    path = str(Path("/etc/localtime").resolve())
    return path.rpartition(_ZONES)[2] if _ZONES in path else "UTC"
