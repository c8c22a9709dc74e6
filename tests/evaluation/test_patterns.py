import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tocsin.cli.main import app
from tocsin.evaluation.loghub import labelled_systems
from tocsin.evaluation.patterns import evaluate_patterns
from tocsin.kit.errors import InvalidRequest

HEADER = "LineId,Content,EventId,EventTemplate\n"


def write_system(directory: Path, name: str, *, suffix: str = "", template: str = "job <*> done") -> None:
    directory.mkdir(parents=True, exist_ok=True)
    rows = [f"{n},job {n} done,E1,{template}\n" for n in range(10)] + ["11,server started,E2,server started\n"]
    (directory / f"{name}_2k.log_structured{suffix}.csv").write_text(HEADER + "".join(rows))


def test_systems_are_found_at_any_depth_and_corrected_labels_win(tmp_path: Path) -> None:
    write_system(tmp_path / "plain" / "Shop", "Shop", template="wrong")
    write_system(tmp_path / "data" / "inner" / "Shop", "Shop", suffix="_corrected")
    write_system(tmp_path / "plain" / "Bank", "Bank")
    systems = labelled_systems(tmp_path)
    assert [system.name for system in systems] == ["Bank", "Shop"]
    assert systems[1].templates()[0] == "job <*> done"


def test_a_directory_without_systems_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"_2k\.log_structured\.csv"):
        labelled_systems(tmp_path)


def test_a_file_without_the_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "Shop_2k.log_structured.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InvalidRequest, match=r"Shop_2k\.log_structured\.csv"):
        evaluate_patterns(tmp_path)


def test_an_easy_system_is_right(tmp_path: Path) -> None:
    write_system(tmp_path, "Shop")
    report = evaluate_patterns(tmp_path)
    assert report.systems["Shop"] == report.mean
    assert (report.mean.ga, report.mean.fga, report.mean.fta) == (1, 1, 1)
    assert report.lines_per_cpu_second > 0


def test_the_command_prints_json(tmp_path: Path) -> None:
    write_system(tmp_path, "Shop", template="other <*>")
    result = CliRunner().invoke(app, ["evaluate", "patterns", "--data", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.output)
    assert set(report) == {"systems", "mean", "lines_per_cpu_second"}
    assert set(report["systems"]["Shop"]) == {"ga", "ga_j95", "fga", "pa", "fta", "fta_n1"}
    assert report["mean"]["ga"] == 1
    assert report["mean"]["fta"] == 0.5


def test_the_command_prints_a_table(tmp_path: Path) -> None:
    write_system(tmp_path, "Shop")
    result = CliRunner().invoke(app, ["evaluate", "patterns", "--data", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "Shop" in result.output
    assert "mean" in result.output
    assert "lines a CPU second" in result.output
