"""Reads sets of questions with known answers; their logs are those of Loghub."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from tocsin.kit.errors import InvalidRequest

_ONE_LINE = "logqa"
_EVENTS = "logreasoning"
_LOGS = "loghub_2k"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSet:
    """Questions about the logs of one system."""

    #: The set and the system, as ``logqa/Spark``.
    name: str
    system: str
    #: Where the logs are.
    file: Path
    questions: list[str]
    #: For each question, the messages of which any answers it, or the events.
    answers: list[frozenset[str]]
    #: Whether answers are events (a true pattern, by its label) and not messages.
    by_event: bool

    def messages(self) -> list[str]:
        """The system's messages, in order, without looking at what people said of them."""
        return self._column("Content")

    def events(self) -> list[str]:
        """The label of each message."""
        return self._column("EventId")

    def _column(self, name: str) -> list[str]:
        try:
            read = pl.read_csv(self.file, columns=[name], infer_schema=False)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InvalidRequest(f"{self.file} is no labelled sample with a column {name}: {error}") from error
        texts: list[str] = read.to_series().fill_null("").to_list()
        return texts


def question_sets(directory: Path) -> list[QuestionSet]:
    """The sets ``logqa`` and ``logreasoning`` below a directory whose logs are there too, by name.

    Raises:
        InvalidRequest: there are none.
    """
    found = [*_sets(directory, _ONE_LINE, "qa.json*"), *_sets(directory, _EVENTS, "qa_*.json")]
    if not found:
        raise InvalidRequest(
            f"there are no questions in {directory}: it should have {_ONE_LINE}/…/<System>/qa.json.* or "
            f"{_EVENTS}/…/<System>/qa_*.json, and {_LOGS}/<System>/<System>_2k.log_structured.csv"
        )
    return found


def _sets(directory: Path, kind: str, file_names: str) -> Iterator[QuestionSet]:
    systems: dict[str, list[Path]] = {}
    for file in sorted((directory / kind).rglob(file_names)):
        systems.setdefault(file.parent.name, []).append(file)
    for system, files in sorted(systems.items()):
        logs = directory / _LOGS / system / f"{system}_2k.log_structured.csv"
        if not logs.exists():
            continue
        records = [record for file in files for record in _records(file)]
        by_event = kind == _EVENTS
        yield QuestionSet(
            name=f"{kind}/{system}",
            system=system,
            file=logs,
            questions=[str(record["Question"]) for record in records],
            answers=[_events(record) if by_event else frozenset({str(record["RawLog"])}) for record in records],
            by_event=by_event,
        )


def _records(file: Path) -> list[dict[str, Any]]:
    try:
        lines = file.read_bytes().splitlines()
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines if line.strip()]
    except (msgspec.DecodeError, OSError) as error:
        raise InvalidRequest(f"{file} does not hold a question as JSON in each line: {error}") from error


def _events(record: dict[str, Any]) -> frozenset[str]:
    events = record["Events"]
    return frozenset(map(str, events)) if isinstance(events, list) else frozenset({str(events)})
