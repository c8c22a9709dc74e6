import json
from pathlib import Path

from typer.testing import CliRunner

from tests.evaluation.test_patterns import HEADER
from tocsin.cli.main import app
from tocsin.evaluation.pattern_ablation import ablate_patterns
from tocsin.patterns.clustering.rules import Rule


def write(directory: Path, name: str, rows: list[tuple[str, str]]) -> None:
    lines = [f'{n},"{content}",E,"{template}"\n' for n, (content, template) in enumerate(rows)]
    (directory / f"{name}_2k.log_structured.csv").write_text(HEADER + "".join(lines))


def write_systems(directory: Path) -> None:
    """A system where only "true and null" matters, and one where it does harm."""
    write(directory, "Flags", [("flag is true now", "flag is <*> now"), ("flag is false now", "flag is <*> now")])
    write(directory, "Words", [("flag is true now", "flag is true now"), ("server started", "server started")])


def test_a_rule_is_worth_what_figures_lose_without_it(tmp_path: Path) -> None:
    write_systems(tmp_path)
    report = ablate_patterns(tmp_path)
    assert set(report.rules) == {str(rule) for rule in Rule}
    worth = report.rules[Rule.CONSTANTS]
    assert (worth.helps, worth.harms) == (["Flags"], ["Words"])
    assert worth.fga == 0.5
    assert report.rules[Rule.LISTS].helps == report.rules[Rule.LISTS].harms == []


def test_a_left_out_system_has_no_vote(tmp_path: Path) -> None:
    write_systems(tmp_path)
    report = ablate_patterns(tmp_path)
    assert report.left_out["Flags"].without == [Rule.CONSTANTS]
    assert report.left_out["Flags"].chosen.fga < report.left_out["Flags"].all_rules.fga == 1
    assert report.left_out["Words"].without == []


def test_the_command_prints_what_rules_are_worth(tmp_path: Path) -> None:
    write_systems(tmp_path)
    arguments = ["evaluate", "patterns", "--data", str(tmp_path), "--ablate"]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "true and null" in shown.output
    assert "-Words" in shown.output
    printed = CliRunner().invoke(app, [*arguments, "--json"])
    assert json.loads(printed.output)["rules"]["true and null"]["helps"] == ["Flags"]
