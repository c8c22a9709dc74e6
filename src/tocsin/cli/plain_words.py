"""``tocsin search --words``: a question in plain English, translated by the server, shown, and asked."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tocsin.cli.asking import Asked
from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.options import print_json
from tocsin.cli.output import out, print_notice
from tocsin.cli.patterns_command import print_patterns
from tocsin.cli.text import harmless

SHOWN_PATTERNS = 10
NO_TEMPLATES: Mapping[str, str] = MappingProxyType({})

_ZONES = "zoneinfo/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """What the server makes of a question."""

    answer: dict[str, Any]

    @property
    def is_query(self) -> bool:
        """Whether logs are asked for, and neither numbers nor changes."""
        return bool(self.answer["kind"] == "query")

    @property
    def is_comparison(self) -> bool:
        """Whether it is asked what changed."""
        return bool(self.answer["kind"] == "comparison")

    @property
    def is_of_patterns(self) -> bool:
        """Whether patterns are asked for, which have an answer of their own."""
        answer = self.answer
        return bool(answer["by"] == ["pattern"] and answer["measures"] == ["count"] and not answer["interval"])

    def asked(self) -> Asked:
        """The question as ``search`` asks it.

        Raises:
            CommandFailed: it asks for a comparison, and logs are wanted.
        """
        if self.is_comparison:
            raise CommandFailed("this asks what changed, and not for logs: leave --count out")
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


def print_answer(client: TocsinClient, question: Translated, *, as_json: bool) -> None:
    """Ask for numbers, patterns or changes, and print them."""
    if question.is_comparison:
        _print_comparison(client, question, as_json=as_json)
        return
    parameters = question.asked().parameters(client)
    if question.is_of_patterns:
        only_new = str(bool(question.answer["only_new"])).lower()
        answer = client.get(
            "/v1/patterns", **parameters, new=only_new, limit=question.answer["limit"] or SHOWN_PATTERNS
        )
        if as_json:
            print_json(answer)
        else:
            print_patterns(answer["patterns"])
        found = answer["patterns"]
    else:
        answer = client.get("/v1/logs/aggregate", **parameters, **question.grouping())
        found = answer["groups"]
        print(json.dumps(found) if as_json else "\n".join(group_lines(found, answer["templates"])))
    if not found:
        print_notice(f"nothing matches between {answer['from']} and {answer['to']}")


def _print_comparison(client: TocsinClient, question: Translated, *, as_json: bool) -> None:
    asked = question.answer
    body = {"query": asked["query"], "from": asked["from"], "to": asked["to"], "baseline": asked["baseline"]}
    compared = client.post("/v1/logs/compare", {name: value for name, value in body.items() if value is not None})
    if as_json:
        print_json(compared)
        return
    for line in comparison_lines(compared):
        out.print(line)


def comparison_lines(compared: dict[str, Any]) -> list[str]:
    """A comparison for people to read: what changed, what is new, and which logs were looked at."""
    lines = [f"{each['sentence']}  [{each['evidence']['query']}]" for each in compared["changes"]]
    lines += [
        f"new: {each['count']:,} of {each['level']}: {each['name'] or each['template']}  [pattern:{each['id']}]"
        for each in compared["new_patterns"]
    ]
    before, after = compared["before"], compared["after"]
    lines.append(
        f"{before['logs']:,} logs from {before['from']} to {before['to']} against "
        f"{after['logs']:,} from {after['from']} to {after['to']}"
        + ("" if compared["changes"] else ": nothing changed, beyond chance")
    )
    return [harmless(" ⏎ ".join(line.splitlines())) for line in lines]


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


def group_lines(groups: list[dict[str, Any]], templates: Mapping[str, str] = NO_TEMPLATES) -> list[str]:
    """The groups of an aggregate, a line each: when, what, and its numbers; patterns by their templates."""
    lines = []
    for group in groups:
        values = [templates.get(value, value) if value is not None else "–" for value in group["values"].values()]
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
