"""What the command line shows of a translation and of numbers."""

from typing import Any

import pytest

from tocsin.cli.client import CommandFailed
from tocsin.cli.plain_words import Translated, comparison_lines, group_lines, shown, zone_of_this_machine

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
    "only_new": False,
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
    assert not question.is_query
    assert not question.is_of_patterns
    assert question.grouping() == {"measure": ["count"], "by": ["service"], "interval": None, "limit": 5}
    assert (question.asked().query, question.asked().start) == ("level:>=ERROR", "now-1h")


def test_logs_are_not_counted_where_changes_are_asked_for() -> None:
    with pytest.raises(CommandFailed, match="what changed"):
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


def test_patterns_have_an_answer_of_their_own() -> None:
    assert Translated(answer=ANSWER | {"by": ["pattern"]}).is_of_patterns
    assert not Translated(answer=ANSWER | {"by": ["pattern"], "interval": "1h"}).is_of_patterns
    assert not Translated(answer=ANSWER | {"by": ["pattern"], "measures": ["rate"]}).is_of_patterns


def test_groups_by_pattern_show_how_they_read() -> None:
    group = {"start": None, "values": {"pattern": "00ab", "service": None}, "results": {"rate": 2.0}}
    assert group_lines([group], {"00ab": "cache is <*>"}) == ["cache is <*>  –  rate 2"]


def test_a_comparison_says_what_changed_what_is_new_and_what_was_looked_at() -> None:
    new = {"count": 3_000, "level": "ERROR", "name": None, "template": "kaboom <num>\nat", "id": "00ab"}
    compared = {
        "changes": [{"sentence": "the log rose", "evidence": {"query": "level:ERROR"}}],
        "new_patterns": [new],
        "before": {"logs": 0, "from": "a", "to": "b"},
        "after": {"logs": 3_000, "from": "b", "to": "c"},
    }
    assert comparison_lines(compared) == [
        "the log rose  [level:ERROR]",
        "new: 3,000 of ERROR: kaboom <num> ⏎ at  [pattern:00ab]",
        "0 logs from a to b against 3,000 from b to c",
    ]
    assert comparison_lines(compared | {"changes": []})[-1].endswith("nothing changed, beyond chance")
