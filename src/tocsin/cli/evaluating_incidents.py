"""Trials of the simulated shop for ``tocsin evaluate incidents``, run by as many processes as there are processors."""

import asyncio
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import Progress

from tocsin.evaluation.replay import Replay
from tocsin.evaluation.simulated_incidents import JudgedTrial, SimulationFigures, Trial, figures, run_trial
from tocsin.kit.setting_sections import PREFIX
from tocsin.kit.settings import read_settings
from tocsin.kit.telemetry import configure_logging
from tocsin.simulation.contracts import Fault, Scenario
from tocsin.simulation.scenarios import load_scenarios
from tocsin.simulation.shop import Shop
from tocsin.wiring import build

START_UNIX_NANO = 1_779_872_400 * 10**9
"""A Wednesday, 09:00 UTC: trouble comes about noon."""

HISTORY_SECONDS = 3 * 3_600
"""So much a trial sees before the first fault's scenario begins."""

AFTERWARDS_SECONDS = 1_200
ENDLESS_SECONDS = 1_800
"""What has no end is watched for so long."""

TRAFFIC = 1.0

WEEK_TRAFFIC = 0.3
"""Of the week without a fault, which would take hours otherwise."""

_DAY_SECONDS = 86_400
_WEEK_DAYS = 7
_SECOND_NANO = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A week in which nothing is wrong, with what only looks like it."""

    incidents: int
    titles: Sequence[str]
    look_alikes: int
    logs: int


def evaluated_simulation(directory: Path | None, *, seed: int, progress: Progress) -> SimulationFigures:
    """Run every scenario of a directory, or of those that come along."""
    trials = [_trial(scenario, seed) for scenario in load_scenarios(directory)]
    return figures(_run(trials, progress))


def evaluated_week(*, seed: int, progress: Progress) -> Week:
    """Run a week with the look-alikes that come along, one every few hours."""
    judged = _run([_week(seed)], progress)[0]
    return Week(
        incidents=judged.incidents,
        titles=judged.needless,
        look_alikes=len(_look_alikes()),
        logs=judged.logs,
    )


def _trial(scenario: Scenario, seed: int) -> Trial:
    faults = [replace(fault, onset_seconds=HISTORY_SECONDS + fault.onset_seconds) for fault in scenario.faults]
    ends = [fault.onset_seconds + (fault.duration_seconds or ENDLESS_SECONDS) for fault in faults]
    end = int(max(ends)) + AFTERWARDS_SECONDS
    return Trial(
        name=scenario.name,
        shop=partial(Shop, seed, START_UNIX_NANO, faults, TRAFFIC),
        start_unix_nano=START_UNIX_NANO,
        end_unix_nano=START_UNIX_NANO + end * _SECOND_NANO,
    )


def _look_alikes() -> list[Fault]:
    """Every harmless fault that comes along, once a day or so, from the second day on."""
    harmless = [
        replace(fault, name=f"{scenario.name}/{fault.name}")
        for scenario in load_scenarios()
        for fault in scenario.faults
        if fault.is_harmless
    ]
    spacing = (_WEEK_DAYS - 1) * _DAY_SECONDS / max(1, len(harmless))
    return [
        replace(fault, onset_seconds=_DAY_SECONDS + number * spacing, duration_seconds=fault.duration_seconds or 3_600)
        for number, fault in enumerate(harmless)
    ]


def _week(seed: int) -> Trial:
    return Trial(
        name="a week without a fault",
        shop=partial(Shop, seed, START_UNIX_NANO, _look_alikes(), WEEK_TRAFFIC),
        start_unix_nano=START_UNIX_NANO,
        end_unix_nano=START_UNIX_NANO + _WEEK_DAYS * _DAY_SECONDS * _SECOND_NANO,
    )


def _run(trials: Sequence[Trial], progress: Progress) -> list[JudgedTrial]:
    """Run trials in processes of their own; answers them in the order given."""
    processes = min(os.cpu_count() or 1, len(trials))
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=_quiet) as pool:
        running = {pool.submit(_run_one, trial): number for number, trial in enumerate(trials)}
        task = progress.add_task("shops", total=len(trials))
        judged: dict[int, JudgedTrial] = {}
        for done in as_completed(running):
            judged[running[done]] = done.result()
            progress.advance(task)
    return [judged[number] for number in sorted(judged)]


def _quiet() -> None:
    # What the parts say of themselves is no part of the figures.
    configure_logging(level="ERROR", form="text")


def _run_one(trial: Trial) -> JudgedTrial:
    return asyncio.run(_watched(trial))


async def _watched(trial: Trial) -> JudgedTrial:
    with TemporaryDirectory(prefix="tocsin-evaluation-") as directory:
        given = {
            "DATA_DIR": directory,
            "LOG_LEVEL": "error",
            "LOGSTORE_URL": "memory:",
            "SEARCH_BY_MEANING": "off",
            # The replay has these of its own, by the time of its logs.
            "DETECTION": "off",
            "INCIDENTS_RESOLVE_AFTER_QUIET_MINUTES": "0",
        }
        settings = read_settings({f"{PREFIX}{name}": value for name, value in given.items()}, Path(directory))
        async with build(settings) as components:
            assert components.first_start is not None
            replay = Replay(components.database, components.first_start.organization_id)
            return await run_trial(trial, replay)
