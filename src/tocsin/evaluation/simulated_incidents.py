"""Incidents of simulated trouble, held against what the simulation did."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from tocsin.evaluation.replay import Replay
from tocsin.incidents.contracts import Incident, Signal
from tocsin.kit.moments import unix_nano

STEP_NANO = 10 * 10**9
"""How often logs come in a trial; a running Tocsin looks every second, so delays are measured some seconds too long."""

EARLY_NANO, LATE_NANO = 30 * 10**9, 5 * 60 * 10**9
"""A signal that begins so long before a fault, or after its end, may still come of it."""

OWN_SHARE = 0.25
"""An incident shows a second fault where so many of its signals are of services that only this fault affected."""


class Logs(Protocol):
    """Logs of a while."""

    @property
    def ndjson(self) -> bytes:
        """One record a line."""
        ...


class Truth(Protocol):
    """What one fault was."""

    @property
    def fault(self) -> str:
        """Its name, unique in a trial."""
        ...

    @property
    def is_harmless(self) -> bool:
        """Whether it is nothing to be woken for."""
        ...

    @property
    def cause_service(self) -> str:
        """Where it was."""
        ...

    @property
    def onset_unix_nano(self) -> int:
        """When it began."""
        ...

    @property
    def end_unix_nano(self) -> int | None:
        """When it ended; None: it did not."""
        ...

    @property
    def affected_services(self) -> Sequence[str]:
        """Those that had trouble with it."""
        ...


class Shop(Protocol):
    """Something that writes logs, has faults, and says which when it is asked."""

    def advance(self, until_unix_nano: int, /) -> Logs:
        """Go on to a moment."""
        ...

    def truth(self) -> Sequence[Truth]:
        """What every fault was that has begun so far."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One shop from a start to an end."""

    name: str
    #: Opens it.
    shop: Callable[[], Shop]
    start_unix_nano: int
    end_unix_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An incident as it was in the end, with its signals."""

    incident: Incident
    signals: Sequence[Signal]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFault:
    """What became of one fault."""

    fault: str
    cause_service: str
    #: The number of its incident; None where there is none.
    incident: int | None
    #: Services of likely causes, the likeliest first.
    causes: Sequence[str] = ()
    #: From its onset to the opening of its incident.
    delay_seconds: float | None = None
    #: Another fault has the same incident, and none of its own.
    is_merged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTrial:
    """What was found in one trial."""

    name: str
    faults: Sequence[FoundFault]
    #: How many incidents there were, and the titles of those that stand for no fault, or for one that has one already.
    incidents: int
    needless: Sequence[str]
    logs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationFigures:
    """Over all trials."""

    recall: float
    precision: float
    #: The share of found faults that share their incident with another.
    wrong_merges: float
    cause_top1: float
    cause_top3: float
    delay_seconds_p50: float
    trials: Sequence[JudgedTrial] = field(default_factory=tuple)


async def run_trial(trial: Trial, replay: Replay) -> JudgedTrial:
    """Let a shop go on and watch its logs; only then ask it what was wrong."""
    shop = trial.shop()
    for until in range(trial.start_unix_nano + STEP_NANO, trial.end_unix_nano + 1, STEP_NANO):
        await replay.go_on_to(until, shop.advance(until).ndjson)
    opened = [Opened(incident=incident, signals=signals) for incident, signals in await replay.incidents()]
    return judged(trial.name, opened, shop.truth(), logs=replay.logs)


def judged(name: str, opened: Sequence[Opened], truths: Sequence[Truth], *, logs: int) -> JudgedTrial:
    """Hold incidents against what was wrong: each fault has the first incident that shows it."""
    real = [truth for truth in truths if not truth.is_harmless]
    shown = {each.incident.number: _shown(each, real) for each in opened}
    first: dict[str, Opened] = {}
    for each in sorted(opened, key=lambda each: each.incident.number):
        faults = shown[each.incident.number]
        if faults:
            first.setdefault(faults[0].fault, each)
    for each in opened:
        for truth in shown[each.incident.number][1:]:
            first.setdefault(truth.fault, each)
    counted = Counter(each.incident.number for each in first.values())
    used = {each.incident.number for each in first.values()}
    return JudgedTrial(
        name=name,
        faults=[_found(truth, first.get(truth.fault), counted) for truth in real],
        incidents=len(opened),
        needless=[each.incident.title for each in opened if each.incident.number not in used],
        logs=logs,
    )


def figures(trials: Sequence[JudgedTrial]) -> SimulationFigures:
    """The shares over all faults and incidents; 1 where there is nothing to err about."""
    faults = [fault for trial in trials for fault in trial.faults]
    found = [fault for fault in faults if fault.incident is not None]
    incidents = sum(trial.incidents for trial in trials)
    needless = sum(len(trial.needless) for trial in trials)
    return SimulationFigures(
        recall=_share(len(found), len(faults)),
        precision=_share(incidents - needless, incidents),
        wrong_merges=1 - _share(sum(not fault.is_merged for fault in found), len(found)),
        cause_top1=_share(sum(fault.cause_service in fault.causes[:1] for fault in found), len(found)),
        cause_top3=_share(sum(fault.cause_service in fault.causes[:3] for fault in found), len(found)),
        delay_seconds_p50=median(fault.delay_seconds or 0.0 for fault in found) if found else 0.0,
        trials=tuple(trials),
    )


def _shown(opened: Opened, real: Sequence[Truth]) -> list[Truth]:
    """The faults that an incident shows, the one with most of its signals first."""
    possible = [truth for truth in real if any(_may_come_of(signal, truth) for signal in opened.signals)]
    own: Counter[str] = Counter()
    for signal in opened.signals:
        causing = [truth.fault for truth in possible if _may_come_of(signal, truth)]
        if len(causing) == 1:
            own[causing[0]] += 1
    ranked = sorted(possible, key=lambda truth: (-own[truth.fault], truth.onset_unix_nano))
    return [truth for place, truth in enumerate(ranked) if not place or own[truth.fault] >= OWN_SHARE * own.total() > 0]


def _may_come_of(signal: Signal, truth: Truth) -> bool:
    end = truth.end_unix_nano
    return (
        signal.service in truth.affected_services
        and signal.onset_unix_nano >= truth.onset_unix_nano - EARLY_NANO
        and (end is None or signal.onset_unix_nano <= end + LATE_NANO)
    )


def _found(truth: Truth, opened: Opened | None, counted: Counter[int]) -> FoundFault:
    if opened is None:
        return FoundFault(fault=truth.fault, cause_service=truth.cause_service, incident=None)
    incident = opened.incident
    return FoundFault(
        fault=truth.fault,
        cause_service=truth.cause_service,
        incident=incident.number,
        causes=list(dict.fromkeys(cause.service for cause in incident.causes)),
        delay_seconds=(unix_nano(incident.opened_at) - truth.onset_unix_nano) / 1e9,
        is_merged=counted[incident.number] > 1,
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
