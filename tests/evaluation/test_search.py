"""Figures of search: ranks, what counts as an answer, and that the truth is read when all was asked."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tocsin.evaluation.questions import question_sets
from tocsin.evaluation.search import Searcher, evaluate_search, figures_of
from tocsin.kit.errors import InvalidRequest

MESSAGES = ("disk 1 full", "disk 2 full", "user bob logged in", "user eve logged in")
EVENTS = ("E1", "E1", "E2", "E2")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    logs = tmp_path / "loghub_2k" / "Toy" / "Toy_2k.log_structured.csv"
    logs.parent.mkdir(parents=True)
    with logs.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["LineId", "Content", "EventId"])
        writer.writerows([number, *row] for number, row in enumerate(zip(MESSAGES, EVENTS, strict=True), start=1))
    _write(tmp_path / "logqa/data/Toy/qa.json.train", {"Question": "Which disk is full?", "RawLog": MESSAGES[1]})
    _write(tmp_path / "logqa/data/Toy/qa.json.val", {"Question": "Who logged in?", "RawLog": MESSAGES[3]})
    _write(tmp_path / "logreasoning/logs/Toy/qa_train.json", {"Question": "How often in?", "Events": ["E2", "E2"]})
    return tmp_path


def _write(file: Path, record: dict[str, object]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(record) + "\n")


class InOrder:
    """Finds the messages as they stand, whatever is asked."""

    degraded_reason: str | None = "no model in this test"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.services: list[str] = []
        self.closed = 0

    async def filled(self, service: str, messages: Sequence[str]) -> Searcher:
        self.services.append(service)
        self._messages = list(messages)
        return self

    async def messages(self, question: str, k: int) -> list[str]:
        self.asked.append(question)
        return self._messages[:k]

    async def close(self) -> None:
        self.closed += 1


async def test_every_question_is_asked_and_its_answer_ranked(directory: Path) -> None:
    deployment = InOrder()
    report = await evaluate_search(directory, deployment)
    assert deployment.services == ["Toy"]
    assert deployment.closed == 1
    assert len(deployment.asked) == 3
    one_line = report.sets["logqa/Toy"]
    assert one_line.questions == 2
    # The answers are the second and the fourth of what is found.
    assert (one_line.tocsin.recall_at_1, one_line.tocsin.recall_at_5) == (0, 1)
    assert one_line.tocsin.mrr == pytest.approx((1 / 2 + 1 / 4) / 2)
    # Events count once: the one that is asked for comes after the other.
    by_event = report.sets["logreasoning/Toy"]
    assert (by_event.tocsin.recall_at_1, by_event.tocsin.mrr) == (0, 0.5)
    # BM25 looks at the words.
    assert by_event.bm25.recall_at_1 == 1
    assert report.mean.tocsin.mrr == pytest.approx((one_line.tocsin.mrr + by_event.tocsin.mrr) / 2)
    assert report.degraded_reason == "no model in this test"


def test_figures_are_shares_of_ranks() -> None:
    figures = figures_of([1, 2, 6, 11])
    assert (figures.recall_at_1, figures.recall_at_5, figures.recall_at_10) == (0.25, 0.5, 0.75)
    assert figures.mrr == pytest.approx((1 + 1 / 2 + 1 / 6) / 4, abs=1e-4)


def test_a_directory_without_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="no questions"):
        question_sets(tmp_path)


def test_a_file_that_is_no_json_is_named(directory: Path) -> None:
    (directory / "logqa/data/Toy/qa.json.val").write_text("what?\n")
    with pytest.raises(InvalidRequest, match=r"qa\.json\.val"):
        question_sets(directory)
