"""What a finding says as a signal."""

from dataclasses import replace
from uuid import UUID

import pytest

from tests.incidents.signals import NOW, SECOND
from tocsin.detection.contracts import Evidence, Finding, FindingKind
from tocsin.incidents.contracts import SignalSource
from tocsin.incidents.from_findings import signal_of
from tocsin.logmodel.levels import Level

FINDING = Finding(
    id=UUID(int=1),
    kind=FindingKind.SPIKE,
    service="payment",
    pattern=412,
    template="charge declined\nby <*>",
    level=Level.ERROR,
    onset_unix_nano=NOW,
    last_unix_nano=NOW + 120 * SECOND,
    score=12.5,
    expected=4,
    observed=80,
    evidence=Evidence(query="x", start_unix_nano=NOW, end_unix_nano=NOW + 120 * SECOND, count=80, log_ids=("a",)),
    trace_ids=("t1", "t2"),
)


def test_a_signal_has_all_that_its_finding_has() -> None:
    signal = signal_of(FINDING)
    assert (signal.id, signal.source, signal.kind) == (FINDING.id, SignalSource.FINDING, "spike")
    assert (signal.service, signal.pattern, signal.level, signal.score) == ("payment", 412, Level.ERROR, 12.5)
    assert (signal.onset_unix_nano, signal.last_unix_nano) == (NOW, NOW + 120 * SECOND)
    assert (signal.evidence, signal.trace_ids) == (FINDING.evidence, frozenset({"t1", "t2"}))
    assert (signal.opens, signal.is_over) == (True, False)
    other = signal_of(replace(FINDING, opens=False, is_over=True))
    assert (other.opens, other.is_over) == (False, True)


@pytest.mark.parametrize(
    ("kind", "values", "title"),
    [
        (FindingKind.SPIKE, {}, "payment: 40 logs a minute of “charge declined by <*>”, 2 expected"),
        (FindingKind.DIP, {"observed": 1, "template": ""}, "payment: 0.5 logs a minute, 2 expected"),
        (FindingKind.NEW_PATTERN, {"expected": 0}, "payment: new: “charge declined by <*>”, 40 a minute"),
        (
            FindingKind.SILENCE,
            {"observed": 0, "expected": 5_000, "template": ""},
            "payment: nothing any more, 2,500 logs a minute expected",
        ),
        (
            FindingKind.SILENCE,
            {"observed": 0},
            "payment: nothing of “charge declined by <*>” any more, 2 logs a minute expected",
        ),
        (
            FindingKind.ERROR_RATIO,
            {"observed": 0.125, "expected": 0.001, "template": ""},
            "payment: 12 % errors, 0.1 % expected",
        ),
        (
            FindingKind.VARIABLE_SHIFT,
            {"observed": 950.4, "expected": 0.001, "variable": 2},
            "payment: value 2 of “charge declined by <*>” is 950, 0 expected",
        ),
        (
            FindingKind.MISSING_STEP,
            {"observed": 3, "expected": 1_200},
            "payment: “charge declined by <*>” came 3 times, 1,200 expected",
        ),
    ],
)
def test_a_title_says_what_and_how_much(kind: FindingKind, values: dict[str, object], title: str) -> None:
    assert signal_of(replace(FINDING, kind=kind, **values)).title == title  # type: ignore[arg-type]


def test_a_long_template_is_cut() -> None:
    title = signal_of(replace(FINDING, template="word " * 100)).title
    assert title.startswith("payment: 40 logs a minute of “word word")
    assert title.endswith("word…”, 2 expected")
    assert len(title) < 150
