"""Faults injected into an OpenStack → does Tocsin notice, and does it name the subsystem and the source file.

Each round is held against the fault-free rounds of all other tests. What was injected is read after all were judged.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import polars as pl

from tocsin.detection.novelty import Novelty, compare, history_of, window_events
from tocsin.evaluation.openstack_logs import FAULT_FREE_ROUND, FAULTY_ROUND, InjectionTest, injection_tests
from tocsin.incidents.exceptions.locations import (
    LoggedTraceback,
    NamedModule,
    SuspectedLocation,
    logged_tracebacks,
    own_packages,
    rank_locations,
)
from tocsin.kit.errors import InvalidRequest

FILES_LOOKED_AT = 5
"""Of the suspected ones."""

_TRACEBACK = "Traceback (most recent call last):"
_LABELS = ("SUBSYSTEM", "TEST", "COMPONENT", "ROUND_1")
_FAILED = "FAILURE"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStackFigures:
    """What ``tocsin evaluate incidents`` found on injected faults."""

    tests: int
    #: Faults that made the workload fail: the figures are about them.
    failures: int
    #: Of failures with an alarm, against those without one and alarms in fault-free rounds.
    incident_f1: float
    fault_free_rounds: int
    fault_free_alarms: int
    #: Alarms for faults that did not make the workload fail; in no other figure.
    harmless_fault_alarms: int
    subsystem_top1: float
    file_top1: float
    file_top3: float
    file_top5: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What Tocsin says of a test, without knowing the fault."""

    test: InjectionTest
    is_alarm: bool
    is_fault_free_alarm: bool
    #: Of the logs: ``nova``.
    subsystem: str | None
    #: The likeliest first.
    locations: Sequence[SuspectedLocation]
    score: float
    fault_free_score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What was injected."""

    subsystem: str
    file: str
    has_failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """What is kept of a round's logs."""

    events: pl.DataFrame
    tracebacks: Sequence[LoggedTraceback]

    @property
    def signatures(self) -> set[tuple[tuple[str, str], ...]]:
        return {each.traceback.signature for each in self.tracebacks}


def evaluate_openstack(directory: Path) -> OpenStackFigures:
    """Judge every test below a directory, then compare with what was injected.

    Raises:
        InvalidRequest: there is no test, a file can't be read, or the fault of a test is not known.
    """
    judgements = list(judged(injection_tests(directory)))
    return figures_of(judgements, known_faults(directory))


def judged(tests: Sequence[InjectionTest]) -> Iterator[Judgement]:
    """What Tocsin says of each test, in order, with the fault-free rounds of the others as its past."""
    rounds = [(_read(test, FAULTY_ROUND), _read(test, FAULT_FREE_ROUND)) for test in tests]
    signatures = Counter(signature for _, fault_free in rounds for signature in fault_free.signatures)
    for place, test in enumerate(tests):
        faulty, fault_free = rounds[place]
        history = history_of([other.events for at, (_, other) in enumerate(rounds) if at != place])
        novelty = compare(faulty.events, history)
        fault_free_novelty = compare(fault_free.events, history)
        locations = _locations(faulty, novelty, signatures - Counter(fault_free.signatures))
        yield Judgement(
            test=test,
            is_alarm=novelty.is_alarm,
            is_fault_free_alarm=fault_free_novelty.is_alarm,
            subsystem=_subsystem(locations, novelty),
            locations=locations,
            score=novelty.score,
            fault_free_score=fault_free_novelty.score,
        )


def known_faults(directory: Path) -> dict[tuple[str, str], Fault]:
    """What was injected, by subsystem and test, from the tables below a directory.

    Raises:
        InvalidRequest: there is no table with the columns.
    """
    faults: dict[tuple[str, str], Fault] = {}
    for file in sorted(directory.rglob("*.tsv")):
        for subsystem, test, component, outcome in _labels(file):
            faults[subsystem, test] = Fault(
                subsystem=subsystem.lower(), file=component.lstrip("/"), has_failed=outcome == _FAILED
            )
    if not faults:
        raise InvalidRequest(f"there is no table *.tsv with the columns {', '.join(_LABELS)} in or below {directory}")
    return faults


def figures_of(judgements: Sequence[Judgement], faults: Mapping[tuple[str, str], Fault]) -> OpenStackFigures:
    """How well judgements agree with what was injected.

    Raises:
        InvalidRequest: the fault of a test is not known, or none made its workload fail.
    """
    pairs = [(judgement, _fault(judgement.test, faults)) for judgement in judgements]
    failures = [(judgement, fault) for judgement, fault in pairs if fault.has_failed]
    if not failures:
        raise InvalidRequest("no test has a fault that made its workload fail, so there is nothing to measure")
    found = sum(judgement.is_alarm for judgement, _ in failures)
    fault_free_alarms = sum(judgement.is_fault_free_alarm for judgement in judgements)

    def share_with_file(first: int) -> float:
        hits = (fault.file in [each.file for each in judgement.locations[:first]] for judgement, fault in failures)
        return sum(hits) / len(failures)

    return OpenStackFigures(
        tests=len(judgements),
        failures=len(failures),
        incident_f1=2 * found / (found + fault_free_alarms + len(failures)),
        fault_free_rounds=len(judgements),
        fault_free_alarms=fault_free_alarms,
        harmless_fault_alarms=sum(judgement.is_alarm for judgement, fault in pairs if not fault.has_failed),
        subsystem_top1=sum(judgement.subsystem == fault.subsystem for judgement, fault in failures) / len(failures),
        file_top1=share_with_file(1),
        file_top3=share_with_file(3),
        file_top5=share_with_file(FILES_LOOKED_AT),
    )


def _labels(file: Path) -> Iterator[tuple[str, ...]]:
    """The columns of ``_LABELS``; nothing where a table lacks one."""
    with file.open(newline="", encoding="utf-8", errors="replace") as lines:
        table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        if set(_LABELS) <= set(table.fieldnames or ()):
            for row in table:
                yield tuple(row[column] for column in _LABELS)


def _fault(test: InjectionTest, faults: Mapping[tuple[str, str], Fault]) -> Fault:
    fault = faults.get((test.folder.parent.name, test.folder.name))
    if fault is None:
        raise InvalidRequest(f"no table says what was injected in {test.folder}")
    return fault


def _read(test: InjectionTest, round_number: int) -> _Round:
    logs = test.logs(round_number)
    with_traceback = logs.filter(pl.col("message").str.contains(_TRACEBACK, literal=True))
    columns = with_traceback.select("service", "logger", "time_unix_nano", "message")
    return _Round(events=window_events(logs), tracebacks=logged_tracebacks(columns.iter_rows()))


def _locations(
    faulty: _Round, novelty: Novelty, past: Mapping[tuple[tuple[str, str], ...], int]
) -> list[SuspectedLocation]:
    tracebacks = [replace(each, past_windows=past.get(each.traceback.signature, 0)) for each in faulty.tracebacks]
    services = faulty.events["service"].unique().to_list()
    complaining = novelty.novel["service"].head(1).to_list()
    modules = _modules(novelty, own_packages(complaining or services))
    return rank_locations(tracebacks, modules, packages=own_packages(services))


def _modules(novelty: Novelty, packages: frozenset[str]) -> list[NamedModule]:
    """Who worked last, also in the service that then went silent, and who complained first, in turns: own code."""
    silent = pl.col("service").is_in(novelty.broke_off_at["service"].implode())
    sources = [
        _named(novelty.last_done, packages, "was the last to do what it always does"),
        _named(novelty.last_done.filter(silent), packages, "did what it always does, then its service went silent"),
        _named(novelty.novel, packages, "logged something new and bad"),
    ]
    in_turns = [named for turn in zip_longest(*sources) for named in turn if named is not None]
    first: dict[str, NamedModule] = {}
    for named in in_turns:
        first.setdefault(named.module, named)
    return list(first.values())


def _named(events: pl.DataFrame, packages: frozenset[str], reason: str) -> list[NamedModule]:
    is_own = pl.col("logger").str.split(".").list.first().is_in(packages)
    places = events.filter(is_own).select("service", "logger").unique(maintain_order=True)
    return [NamedModule(service=service, module=module, reason=reason) for service, module in places.iter_rows()]


def _subsystem(locations: Sequence[SuspectedLocation], novelty: Novelty) -> str | None:
    """Where the likeliest location of a traceback is, else what complained first, else what worked last."""
    traced = [location.service for location in locations[:1] if location.function]
    others = [*novelty.novel["service"].head(1), *novelty.last_done["service"].head(1)]
    return next((service.partition("/")[0] for service in [*traced, *others]), None)
