"""``tocsin simulate`` as a process: into a file, and through the intake of a real server."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.server import API_KEY, TocsinServer

MINUTES = ["--from", "2026-11-02T10:00:00Z", "--to", "2026-11-02T10:10:00Z", "--traffic", "0.3"]
WAIT_SECONDS = 30.0


def simulated(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A ``tocsin simulate`` that needs no server."""
    command = [sys.executable, "-m", "tocsin", "simulate", *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def live(server: TocsinServer, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A ``tocsin simulate --live`` that goes on."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "simulate", "--live", *arguments],
        cwd=server.directory,
        env=server.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def scenario_names(directory: Path) -> list[str]:
    return [line.split()[0] for line in simulated(directory, "--list").stdout.splitlines()]


def test_file_is_the_same_for_the_same_seed_and_another_for_another(tmp_path: Path) -> None:
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        done = simulated(tmp_path, *MINUTES, "--seed", seed, "--out", name)
        assert done.returncode == 0, done.stderr
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c
    assert simulated(tmp_path, *MINUTES, "--seed", "7", "--out", "-").stdout.encode() == a
    lines = [json.loads(line) for line in a.splitlines()]
    assert len({line["service"] for line in lines}) >= 5
    assert f"{len(c.splitlines()):,} logs of 2026-11-02T10:00:00Z to 2026-11-02T10:10:00Z" in done.stderr


def test_truth_has_what_was_wrong(tmp_path: Path) -> None:
    name = scenario_names(tmp_path)[0]
    done = simulated(tmp_path, *MINUTES, "--scenario", f"{name}@2m", "--out", "a", "--truth", "truth.json")
    assert done.returncode == 0, done.stderr
    faults = json.loads((tmp_path / "truth.json").read_text())["faults"]
    assert faults[0]["onset"] == "2026-11-02T10:02:00Z"
    assert faults[0]["cause_service"]


def test_unknown_scenario_is_refused_with_those_there_are(tmp_path: Path) -> None:
    done = simulated(tmp_path, "--scenario", "sow", "--out", "a")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: there is no scenario sow; there are: ")
    assert not (tmp_path / "a").exists()


def test_scenario_of_ones_own_is_refused_with_its_file_when_it_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "odd.yaml").write_text("name: odd\n")
    done = simulated(tmp_path, "--list", "--scenarios", "mine")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: mine/odd.yaml: ")


def test_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    done = simulated(tmp_path, *MINUTES, "--out", "missing/a")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_ctrl_c_leaves_whole_lines_and_the_truth(tmp_path: Path) -> None:
    file, truth = tmp_path / "a.ndjson", tmp_path / "truth.json"
    command = ["--days", "90", "--traffic", "0.3", "--out", str(file), "--truth", str(truth)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "simulate", *command], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + WAIT_SECONDS
    while not (file.exists() and file.stat().st_size):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=WAIT_SECONDS)
    assert (process.returncode, "Traceback" in errors) == (130, False)
    assert [json.loads(line) for line in file.read_bytes().splitlines()]
    assert file.read_bytes().endswith(b"\n")
    assert json.loads(truth.read_text())["faults"] == []


def test_everything_that_is_sent_is_received_once(server: TocsinServer) -> None:
    file = server.directory / "sent.ndjson"
    assert simulated(server.directory, *MINUTES, "--out", str(file)).returncode == 0
    lines = len(file.read_bytes().splitlines())
    first = server.run("simulate", *MINUTES)
    assert first.returncode == 0, first.stderr
    assert f"received {lines:,} = {lines:,} stored + 0 duplicates + 0 dead letters" in first.stdout
    again = server.run("simulate", *MINUTES, "--key", API_KEY, settings={"TOCSIN_DATA_DIR": "elsewhere"})
    assert f"received {lines:,} = 0 stored + {lines:,} duplicates" in again.stdout
    ledger = json.loads(server.run("status", "--json").stdout)["ledger"]
    assert (ledger["received"], ledger["stored"], ledger["dead_letters"]) == (2 * lines, lines, 0)
    keys = json.loads(server.run("keys", "list", "--json").stdout)
    assert [bool(each["revoked_at"]) for each in keys if each["name"] == "tocsin simulate"] == [True]


def test_live_shop_is_seen_by_a_tail_and_ends_at_ctrl_c(server: TocsinServer) -> None:
    tail = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "tail", "--json"],
        cwd=server.directory,
        env=server.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with live(server, "--days", "0", "--traffic", "3") as process:
            assert tail.stdout is not None
            seen = [json.loads(tail.stdout.readline()) for _ in range(20)]
            process.send_signal(signal.SIGINT)
            printed, errors = process.communicate(timeout=WAIT_SECONDS)
    finally:
        tail.kill()
        tail.communicate()
    assert len({log["service"] for log in seen}) >= 2
    assert (process.returncode, "Traceback" in errors) == (0, False)
    assert "0 duplicates + 0 dead letters" in printed


@pytest.mark.parametrize("arguments", [["--days", "1", "--from", "now-2h"], ["--speed", "0"], ["--days", "-1"]])
def test_wrong_options_are_refused(tmp_path: Path, arguments: list[str]) -> None:
    assert simulated(tmp_path, *arguments, "--out", "a").returncode == 2
