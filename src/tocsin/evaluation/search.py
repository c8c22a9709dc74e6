"""Questions with known answers → what search by meaning finds → how often and how high the answer is; beside it, BM25.

An answer counts at the rank of the first log that is one. Where answers are events, every event counts once: its rank
is that among the events of the logs that are found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np

from tocsin.evaluation.bm25 import Bm25
from tocsin.evaluation.questions import QuestionSet, question_sets

RECALL_AT = (1, 5, 10)

MRR_AT = 10
"""An answer further down counts nothing."""

_ROWS_FOR_EVENTS = 100
"""How many logs are asked for where ten different events are wanted."""

_NOT_FOUND = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFigures:
    """Shares between 0 and 1; more is better."""

    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    #: The mean of 1 / rank, 0 where the answer is not among the first ``MRR_AT``.
    mrr: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReport:
    """One set of questions."""

    questions: int
    tocsin: SearchFigures
    bm25: SearchFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchReport:
    """What ``tocsin evaluate search`` found."""

    sets: dict[str, SetReport]
    #: Over sets, each counted alike.
    mean: SetReport
    #: Why meaning did not count; None where it did.
    degraded_reason: str | None
    #: Of a question, in this process.
    p50_ms: float
    p95_ms: float


class Searcher(Protocol):
    """A Tocsin that holds the logs of one system and nothing else."""

    async def messages(self, question: str, k: int) -> list[str]:
        """The messages of the logs that answer a question best, best first."""
        ...

    @property
    def degraded_reason(self) -> str | None:
        """Why meaning did not count, at the last question."""
        ...


class Deployment(Protocol):
    """Starts Tocsins."""

    async def filled(self, service: str, messages: Sequence[str]) -> Searcher:
        """One that holds these messages, a second apart, and has learned what they have to say."""
        ...

    async def close(self) -> None:
        """Stop the last one, and remove what it stored."""
        ...


async def evaluate_search(directory: Path, deployment: Deployment) -> SearchReport:
    """Ask every question of every set.

    Raises:
        InvalidRequest: there are no sets, or one can't be read.
    """
    reports: dict[str, SetReport] = {}
    seconds: list[float] = []
    degraded_reason = None
    sets = question_sets(directory)
    for system in sorted({each.system for each in sets}):
        of_system = [each for each in sets if each.system == system]
        searcher = await deployment.filled(system, of_system[0].messages())
        try:
            for each in of_system:
                reports[each.name] = await _report(each, searcher, seconds)
                degraded_reason = searcher.degraded_reason or degraded_reason
        finally:
            await deployment.close()
    milliseconds = np.array(seconds) * 1_000
    return SearchReport(
        sets=dict(sorted(reports.items())),
        mean=_mean(list(reports.values())),
        degraded_reason=degraded_reason,
        p50_ms=round(float(np.percentile(milliseconds, 50)), 1),
        p95_ms=round(float(np.percentile(milliseconds, 95)), 1),
    )


async def _report(question_set: QuestionSet, searcher: Searcher, seconds: list[float]) -> SetReport:
    wanted = _ROWS_FOR_EVENTS if question_set.by_event else max(RECALL_AT)
    found: list[list[str]] = []
    for question in question_set.questions:
        started = perf_counter()
        found.append(await searcher.messages(question, wanted))
        seconds.append(perf_counter() - started)
    messages = question_set.messages()
    bm25 = Bm25(messages)
    by_bm25 = [
        [messages[row] for row in bm25.best(question, len(messages) if question_set.by_event else wanted)]
        for question in question_set.questions
    ]
    # The truth, now that everything has answered.
    label = _labels(question_set)
    return SetReport(
        questions=len(question_set.questions),
        tocsin=_figures(found, question_set, label),
        bm25=_figures(by_bm25, question_set, label),
    )


def _labels(question_set: QuestionSet) -> Callable[[str], str]:
    if not question_set.by_event:
        return lambda message: message
    events = dict(zip(question_set.messages(), question_set.events(), strict=True))
    return lambda message: events.get(message, "")


def _figures(found: Sequence[Sequence[str]], question_set: QuestionSet, label: Callable[[str], str]) -> SearchFigures:
    ranks = [
        _rank([label(message) for message in messages], answers, once=question_set.by_event)
        for messages, answers in zip(found, question_set.answers, strict=True)
    ]
    return figures_of(ranks)


def _rank(labels: Sequence[str], answers: frozenset[str], *, once: bool) -> int:
    ranked = list(dict.fromkeys(labels)) if once else labels
    return next((rank for rank, each in enumerate(ranked, start=1) if each in answers), _NOT_FOUND)


def figures_of(ranks: Sequence[int]) -> SearchFigures:
    """The figures of answers at these ranks, from 1."""
    array = np.array(ranks, dtype=np.float64)
    recalls = [round(float((array <= k).mean()), 4) for k in RECALL_AT]
    mrr = float(np.where(array <= MRR_AT, 1 / array, 0).mean())
    return SearchFigures(recall_at_1=recalls[0], recall_at_5=recalls[1], recall_at_10=recalls[2], mrr=round(mrr, 4))


def _mean(reports: Sequence[SetReport]) -> SetReport:
    def mean(figures: Sequence[SearchFigures]) -> SearchFigures:
        names = SearchFigures.__dataclass_fields__
        return SearchFigures(
            **{name: round(float(np.mean([getattr(each, name) for each in figures])), 4) for name in names}
        )

    return SetReport(
        questions=sum(each.questions for each in reports),
        tocsin=mean([each.tocsin for each in reports]),
        bm25=mean([each.bm25 for each in reports]),
    )
