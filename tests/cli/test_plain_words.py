"""What the command line shows of a translation and of numbers."""

from typing import Any

import pytest

from tocsin.cli.client import CommandFailed
from tocsin.cli.plain_words import Translated, group_lines, shown, zone_of_this_machine

ANSWER: dict[str, Any] = {
    "kind": "aggregate",
    "query": "level:>=ERROR",
    "from": "now-1h",
    "to": None,
    "measures": ["count"],
    "by": ["service"],
    "interval": None,
    "limit": 5,
    "baseline": None,
    "not_understood": [{"text": "sum"}],
    "notes": ["sums can't be computed\x1b[31m"],
}


def test_translation_is_shown_with_what_was_not_understood() -> None:
    lines = shown(ANSWER)
    assert lines[0] == "aggregate: level:>=ERROR · from now-1h to now · measures count · by service · limit 5"
    assert lines[1] == "not understood: sum"
    assert "\x1b" not in lines[2]


def test_aggregate_has_its_parameters() -> None:
    question = Translated(answer=ANSWER)
    assert question.is_aggregate
    assert question.grouping() == {"measure": ["count"], "by": ["service"], "interval": None, "limit": 5}
    assert (question.asked().query, question.asked().start) == ("level:>=ERROR", "now-1h")


def test_comparison_is_refused_with_where_it_is_found() -> None:
    with pytest.raises(CommandFailed, match="compare"):
        Translated(answer={**ANSWER, "kind": "comparison"}).asked()


def test_groups_are_lines_with_their_values_and_numbers() -> None:
    groups: list[dict[str, Any]] = [
        {"start": None, "values": {"service": "web"}, "results": {"count": 12.0}},
        {"start": "2026-11-25T10:00:00Z", "values": {"service": None}, "results": {"max:ms": None}},
    ]
    assert group_lines(groups) == ["web  count 12", "2026-11-25T10:00:00Z  –  max:ms –"]


def test_time_zone_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    assert zone_of_this_machine() == "Asia/Kolkata"
