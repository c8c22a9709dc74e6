import json
from pathlib import Path

import pytest

from tocsin.cli.client import CommandFailed
from tocsin.cli.demo.coverage import Span
from tocsin.cli.demo.directory import DemoDirectory


def test_demo_remembers_its_secrets_and_what_it_sent(tmp_path: Path) -> None:
    made = DemoDirectory.opened(tmp_path / "demo", seed=7)
    made.sending(100, 110)
    made.sending(50, 60)
    made.sending(100, 120)
    again = DemoDirectory.opened(tmp_path / "demo", seed=8)
    assert (again.seed, again.password, again.api_key) == (7, made.password, made.api_key)
    assert again.covered == [Span(50, 60), Span(100, 120)]


def test_secrets_are_for_the_owners_eyes_alone(tmp_path: Path) -> None:
    made = DemoDirectory.opened(tmp_path / "demo", seed=1)
    assert [path.stat().st_mode & 0o077 for path in (made.path, made.path / "demo.json")] == [0, 0]


def test_truth_of_earlier_starts_is_kept(tmp_path: Path) -> None:
    DemoDirectory.opened(tmp_path, seed=1).save_truth([{"fault": "first"}])
    again = DemoDirectory.opened(tmp_path, seed=1)
    again.save_truth([{"fault": "second"}])
    again.save_truth([{"fault": "second"}, {"fault": "third"}])
    truth = json.loads((tmp_path / "ground-truth.json").read_text())
    assert [each["fault"] for each in truth["faults"]] == ["first", "second", "third"]


@pytest.mark.parametrize("content", ["", "{}", '{"covered": 3}'])
def test_directory_is_refused_when_it_is_no_demos_or_is_broken(tmp_path: Path, content: str) -> None:
    file = tmp_path / ("demo.json" if content else "tocsin.sqlite3")
    file.write_text(content)
    with pytest.raises(CommandFailed, match="--dir"):
        DemoDirectory.opened(tmp_path, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
