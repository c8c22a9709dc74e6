"""What trouble the demo's shop is to have next: asked for by a person or a program, or by schedule."""

import dataclasses
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tocsin.cli.client import CommandFailed
from tocsin.cli.demo.coverage import Span
from tocsin.cli.simulating import beginning_after, scenario_named, shown
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.simulation.contracts import Fault, Scenario

FIRST_FAULT_SECONDS = 120.0
"""The shop is well for so long after it went live: there must be something to compare trouble with."""

MAX_FAULT_SECONDS = 20 * 60.0
"""Trouble without an end, or with a far one, would hide what comes after it."""

HISTORY_FAULT_EVERY_SECONDS = 6 * 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """A scenario that has begun."""

    scenario: Scenario
    faults: Sequence[Fault]
    start_unix_nano: int
    end_unix_nano: int

    @property
    def service(self) -> str:
        """Where it began; the trouble, where it comes with what is none."""
        worst = min(self.faults, key=lambda fault: fault.is_harmless)
        return worst.effects[0].service

    @property
    def is_harmless(self) -> bool:
        """Whether it only looks like trouble."""
        return all(fault.is_harmless for fault in self.faults)


class FaultDesk:
    """Takes wishes from any thread, and hands them to the one that lets the shop go on."""

    def __init__(
        self, scenarios: Sequence[Scenario], *, scheduled: Sequence[str], every_seconds: float, seed: int
    ) -> None:
        """Choose by schedule from the names, or from all; ``every_seconds`` 0 chooses nothing.

        Raises:
            CommandFailed: there is no scenario with such a name.
        """
        self.scenarios = scenarios
        self._scheduled = [scenario_named(scenarios, name) for name in scheduled] or list(scenarios)
        self._every_seconds = every_seconds
        self._random = random.Random(seed)  # noqa: S311  (which trouble comes next is no secret)
        self._lock = threading.Lock()
        self._wanted: list[Scenario] = []
        self._injected: list[Injection] = []
        self._next_unix_nano: int | None = None

    def ask(self, name: str) -> Scenario:
        """Let a scenario begin with the next second.

        Raises:
            CommandFailed: there is no such scenario, or it is going on.
        """
        scenario = scenario_named(self.scenarios, name)
        with self._lock:
            going_on = [each.scenario.name for each in self._injected]
            if name in going_on or scenario in self._wanted:
                raise CommandFailed(f"{name} is going on already")
            self._wanted.append(scenario)
        return scenario

    def take(self, now_unix_nano: int) -> list[Injection]:
        """What is to begin now; the caller injects it."""
        with self._lock:
            self._injected = [each for each in self._injected if each.end_unix_nano > now_unix_nano]
            wanted, self._wanted = [*self._wanted, *self._due(now_unix_nano)], []
            begun = [injection(scenario, now_unix_nano) for scenario in wanted]
            self._injected += begun
            return begun

    def going_on(self) -> list[Injection]:
        """What has begun and not ended."""
        with self._lock:
            return list(self._injected)

    def _due(self, now_unix_nano: int) -> list[Scenario]:
        if not self._every_seconds:
            return []
        if self._next_unix_nano is None:
            first = min(FIRST_FAULT_SECONDS, self._every_seconds)
            self._next_unix_nano = now_unix_nano + int(first * NANOSECONDS_A_SECOND)
        if now_unix_nano < self._next_unix_nano:
            return []
        self._next_unix_nano = now_unix_nano + int(self._every_seconds * NANOSECONDS_A_SECOND)
        busy = [each.scenario.name for each in self._injected] + [each.name for each in self._wanted]
        idle = [scenario for scenario in self._scheduled if scenario.name not in busy and scenario.faults]
        return [self._random.choice(idle)] if idle else []


def injection(scenario: Scenario, now_unix_nano: int) -> Injection:
    """A scenario that begins now: its faults are named after the moment, and end within minutes."""
    faults = [
        dataclasses.replace(fault, name=f"{fault.name}@{shown(now_unix_nano)}", duration_seconds=_duration(fault))
        for fault in beginning_after(scenario, timedelta(0))
    ]
    last = max((fault.onset_seconds + (fault.duration_seconds or 0.0) for fault in faults), default=0.0)
    return Injection(
        scenario=scenario,
        faults=faults,
        start_unix_nano=now_unix_nano,
        end_unix_nano=now_unix_nano + int(last * NANOSECONDS_A_SECOND),
    )


def _duration(fault: Fault) -> float:
    return min(fault.duration_seconds or MAX_FAULT_SECONDS, MAX_FAULT_SECONDS)


def history_faults(scenarios: Sequence[Scenario], span: Span, *, seed: int) -> list[Fault]:
    """Trouble that a span of history has had: one scenario in each whole six hours, the same for the same seed."""
    chooser = random.Random(seed)  # noqa: S311  (no secret either)
    candidates = [scenario for scenario in scenarios if scenario.faults]
    faults: list[Fault] = []
    for number in range(int(span.seconds // HISTORY_FAULT_EVERY_SECONDS) if candidates else 0):
        scenario = chooser.choice(candidates)
        # Early enough to end, and far enough from the one before.
        after = round((number + chooser.uniform(0.1, 0.8)) * HISTORY_FAULT_EVERY_SECONDS)
        begins = shown(span.start_unix_nano + int(after * NANOSECONDS_A_SECOND))
        faults += [
            dataclasses.replace(fault, name=f"{fault.name}@{begins}", duration_seconds=_duration(fault))
            for fault in beginning_after(scenario, timedelta(seconds=after))
        ]
    return faults
