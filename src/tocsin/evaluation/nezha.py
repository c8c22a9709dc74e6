"""Faults in a real shop of 45 services, with nothing but the logs of traces → whether the faulty service is found.

The data are those of Nezha: minutes of logs without a fault (``construct_data``), and for each fault the minutes around
it (``rca_data``). Each is held against all minutes without a fault and the minutes of the faults before it. Which
service was at fault is read when all have run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import polars as pl

from tocsin.incidents.traces.causes import TraceCause, blamed, causes_in_traces
from tocsin.incidents.traces.clues import PastTraces
from tocsin.kit.errors import InvalidRequest
from tocsin.topology.trace_profile import TraceProfile, profile_of

_COLUMNS = ("PodName", "TraceID", "SpanID", "Log")

#: A pod's name is the service's, the replica set's and its own.
_POD = r"-[0-9a-f]+-[a-z0-9]{5}$"

#: ``16:42:22.382 INFO  t.s.TravelServiceImpl#532 TraceID: … SpanID: … …``
_SITE = r"^\S+ +[A-Z]+ +(\S+#\d+) "


@dataclass(frozen=True, slots=True, kw_only=True)
class NezhaCase:
    """One fault, and what was found."""

    #: ``2023-01-29 08:43``: the first of its minutes.
    name: str
    #: What was done to the service: ``network_delay``.
    kind: str
    service: str
    #: From 1; None where the service isn't among the causes.
    rank: int | None
    causes: Sequence[TraceCause]


@dataclass(frozen=True, slots=True, kw_only=True)
class NezhaFigures:
    """How often the faulty service is the likeliest cause, and among the three likeliest."""

    service_top1: float
    service_top3: float
    cases: Sequence[NezhaCase]


class _Question(msgspec.Struct, frozen=True):
    date: str
    minutes: list[str]


class _Answer(msgspec.Struct, frozen=True):
    faulty_service: str
    type: str


_Row = TypeVar("_Row", _Question, _Answer)


def evaluate_nezha(data: Path) -> NezhaFigures:
    """Find the cause of each fault below a directory, oldest first, and compare.

    Args:
        data: has ``faults*.json``, ``construct_data`` and ``rca_data``, or a directory ``nezha`` that has.

    Raises:
        InvalidRequest: one of them is missing, or can't be read.
    """
    directory = data / "nezha" if (data / "nezha").is_dir() else data
    files = sorted(directory.glob("faults*.json"))
    questions = [question for file in files for question in _read(file, list[_Question])]
    calm = [PastTraces(profile=_profile([file])) for file in sorted(directory.glob("construct_data/*/log/*.csv"))]
    if not questions or not calm:
        raise InvalidRequest(f"there are no faults*.json with faults, or no construct_data/*/log/*.csv, in {directory}")
    found = _found(directory, questions, calm)
    answers = [answer for file in files for answer in _read(file, list[_Answer])]
    cases = [
        _case(question, causes, answer) for question, causes, answer in zip(questions, found, answers, strict=True)
    ]
    ranks = [case.rank or len(case.causes) + 1 for case in cases]
    return NezhaFigures(
        service_top1=sum(case.rank == 1 for case in cases) / len(ranks),
        service_top3=sum(case.rank is not None and case.rank <= 3 for case in cases) / len(ranks),
        cases=cases,
    )


def _found(directory: Path, questions: Sequence[_Question], calm: Sequence[PastTraces]) -> list[list[TraceCause]]:
    past = list(calm)
    found: dict[int, list[TraceCause]] = {}
    for index in sorted(range(len(questions)), key=lambda index: (questions[index].date, questions[index].minutes)):
        question = questions[index]
        logs = directory / "rca_data" / question.date / "log"
        now = _profile([logs / f"{minute}_log.csv" for minute in question.minutes])
        found[index] = causes_in_traces(now, past)
        past.append(PastTraces(profile=now, blamed=blamed(found[index])))
    return [found[index] for index in range(len(questions))]


def _case(question: _Question, causes: Sequence[TraceCause], answer: _Answer) -> NezhaCase:
    services = [cause.service for cause in causes]
    return NezhaCase(
        name=f"{question.date} {question.minutes[0].replace('_', ':')}",
        kind=answer.type,
        service=answer.faulty_service,
        rank=services.index(answer.faulty_service) + 1 if answer.faulty_service in services else None,
        causes=causes,
    )


def _profile(files: Sequence[Path]) -> TraceProfile:
    return profile_of(_logs(files))


def _logs(files: Sequence[Path]) -> pl.DataFrame:
    """What ``profile_of`` takes. Files overlap: a line that two have is one."""
    try:
        read = pl.concat([pl.read_csv(file, columns=list(_COLUMNS), infer_schema=False) for file in files])
    except (pl.exceptions.PolarsError, OSError) as error:
        names = ", ".join(map(str, files))
        raise InvalidRequest(
            f"{names} can't be read as logs with the columns {', '.join(_COLUMNS)}: {error}"
        ) from error
    log = pl.col("Log").str.json_path_match("$.log")
    time = pl.col("Log").str.json_path_match("$.time")
    return (
        read.unique(maintain_order=True)
        .select(
            trace_id="TraceID",
            span_id="SpanID",
            service=pl.col("PodName").str.replace(_POD, ""),
            event=log.str.extract(_SITE),
            timestamp=time.str.to_datetime(time_unit="ns", time_zone="UTC", strict=False).dt.timestamp("ns"),
        )
        .drop_nulls()
    )


def _read(file: Path, kind: type[list[_Row]]) -> list[_Row]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (msgspec.MsgspecError, OSError) as error:
        raise InvalidRequest(f"{file} is no list of faults: {error}") from error
