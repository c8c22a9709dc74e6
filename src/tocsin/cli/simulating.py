"""Lets a simulated shop go on, over a time that is past or in step with the clock, and keeps its ground truth."""

import dataclasses
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import typer

from tocsin.cli.client import CommandFailed
from tocsin.cli.options import duration
from tocsin.cli.text import harmless
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.search.time_expressions import moment
from tocsin.simulation.contracts import Chunk, Fault, GroundTruth, Scenario, Simulation
from tocsin.simulation.scenarios import InvalidScenario, load_scenarios

DEFAULT_DAYS = 7.0

TICK_SECONDS = 1.0
"""How often a live shop goes on: what it logs is at most so old when it is sent."""

FIRST_STEP_SECONDS = 10
MAX_STEP_SECONDS = 3_600
"""A night with hardly a log is not taken in one step: a command looks up after each."""


def span(*, days: float | None, start: str | None, end: str | None, now_unix_nano: int) -> tuple[int, int]:
    """The time to simulate, cut to whole seconds: from a start, or so many days back, to an end, or to now.

    Raises:
        typer.BadParameter: the options contradict each other, or name no time.
        InvalidTimeRange: a text is not a moment.
    """
    if days is not None and start is not None:
        raise typer.BadParameter("give --days or --from, not both")
    until = whole_second(now_unix_nano if end is None else moment(end, now_unix_nano=now_unix_nano))
    if start is not None:
        since = whole_second(moment(start, now_unix_nano=now_unix_nano))
    else:
        since = whole_second(until - int((DEFAULT_DAYS if days is None else days) * 86_400) * NANOSECONDS_A_SECOND)
    if since > until:
        raise typer.BadParameter("the time to simulate ends before it begins")
    return since, until


def whole_second(unix_nano: int) -> int:
    """The last whole second that is not after this."""
    return unix_nano // NANOSECONDS_A_SECOND * NANOSECONDS_A_SECOND


def shown(unix_nano: int) -> str:
    """A moment as people read it."""
    return datetime.fromtimestamp(unix_nano // NANOSECONDS_A_SECOND, UTC).isoformat().replace("+00:00", "Z")


def known_scenarios(directory: Path | None) -> list[Scenario]:
    """The scenarios that come along, and those of a directory.

    Raises:
        CommandFailed: a file is no scenario, or the shop hasn't got what it names.
    """
    try:
        return load_scenarios(directory)
    except InvalidScenario as error:
        raise CommandFailed(str(error)) from error


def chosen_faults(scenarios: Sequence[Scenario], wanted: Sequence[str]) -> list[Fault]:
    """The faults of scenarios by name; ``NAME@2h`` begins with its first fault two hours after the start.

    Raises:
        CommandFailed: there is no scenario with such a name, or it is wanted twice.
        typer.BadParameter: what follows ``@`` is no length of time.
    """
    faults: list[Fault] = []
    for text in wanted:
        name, at, after = text.partition("@")
        scenario = scenario_named(scenarios, name)
        faults += beginning_after(scenario, duration(after)) if at else scenario.faults
    names = [fault.name for fault in faults]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise CommandFailed(f"there would be two faults named {harmless(twice)} in one run; name each scenario once")
    return faults


def scenario_named(scenarios: Sequence[Scenario], name: str) -> Scenario:
    """The scenario with this name.

    Raises:
        CommandFailed: there is none.
    """
    found = next((scenario for scenario in scenarios if scenario.name == name), None)
    if found is None:
        names = ", ".join(harmless(scenario.name) for scenario in scenarios) or "none"
        raise CommandFailed(f"there is no scenario {harmless(name)}; there are: {names}")
    return found


def beginning_after(scenario: Scenario, length: timedelta) -> list[Fault]:
    """The scenario's faults, moved so that the first of them begins so long after the start."""
    first = min((fault.onset_seconds for fault in scenario.faults), default=0.0)
    moved = length.total_seconds() - first
    return [dataclasses.replace(fault, onset_seconds=fault.onset_seconds + moved) for fault in scenario.faults]


def chunks(
    simulation: Simulation, start_unix_nano: int, end_unix_nano: int, *, chunk_logs: int, stop: threading.Event
) -> Iterator[Chunk]:
    """Let the simulation go on from a moment to another, in steps of about so many logs, until it is to stop."""
    reached, step_seconds = start_unix_nano, FIRST_STEP_SECONDS
    while reached < end_unix_nano and not stop.is_set():
        reached = min(end_unix_nano, reached + step_seconds * NANOSECONDS_A_SECOND)
        chunk = simulation.advance(reached)
        yield chunk
        step_seconds = next_step_seconds(step_seconds, logs=chunk.logs, chunk_logs=chunk_logs)


def next_step_seconds(step_seconds: int, *, logs: int, chunk_logs: int) -> int:
    """How far to go next, after a step with so many logs; at most twice as far, since traffic rises."""
    wanted = round(step_seconds * chunk_logs / max(logs, 1))
    return max(1, min(wanted, 2 * step_seconds, MAX_STEP_SECONDS))


class LiveClock:
    """A clock that runs at a speed of its own from a moment on, and is never ahead of the time of day."""

    def __init__(
        self,
        start_unix_nano: int,
        *,
        speed: float,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """Start it."""
        self._start = start_unix_nano
        self._speed = speed
        self._now = now
        self._started = now()

    def time(self) -> int:
        """What it shows, in nanoseconds since the epoch."""
        now = self._now()
        return min(now, self._start + int((now - self._started) * self._speed))


def live_chunks(
    simulation: Simulation,
    start_unix_nano: int,
    *,
    clock: LiveClock,
    stop: threading.Event,
    chunk_logs: int,
    before_step: Callable[[], None] = lambda: None,
) -> Iterator[Chunk]:
    """Let the simulation go on in step with a clock, until it is to stop; ``before_step`` may inject."""
    reached = start_unix_nano
    while not stop.is_set():
        before_step()
        until = whole_second(clock.time())
        for chunk in chunks(simulation, reached, until, chunk_logs=chunk_logs, stop=stop):
            reached = chunk.until_unix_nano
            yield chunk
        stop.wait(TICK_SECONDS)


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; the second one ends the process where it is."""
    stop = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()

    former = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def truth_as_json(truth: GroundTruth) -> dict[str, Any]:
    """One fault's truth as a file has it."""
    return {
        "fault": truth.fault,
        "kind": truth.kind,
        "is_harmless": truth.is_harmless,
        "cause_service": truth.cause_service,
        "mechanisms": [mechanism.value for mechanism in truth.mechanisms],
        "onset": shown(truth.onset_unix_nano),
        "onset_unix_nano": truth.onset_unix_nano,
        "end": None if truth.end_unix_nano is None else shown(truth.end_unix_nano),
        "end_unix_nano": truth.end_unix_nano,
        "affected_services": list(truth.affected_services),
    }


def write_json(path: Path, content: Any) -> None:
    """Put a file in place, whole or not at all, for its owner's eyes only."""
    beside = path.with_name(f"{path.name}.new")
    beside.touch(mode=0o600)
    beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    beside.replace(path)
