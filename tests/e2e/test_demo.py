"""``tocsin demo`` as a process, with its server as a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.support.server import free_port

WAIT_SECONDS = 60.0
QUARTER_OF_AN_HOUR = "0.0105"
"""In days."""

SCENARIO = "expired-certificate"
"""Every charge fails from one moment on."""


class Demo:
    """A demo in a directory, small and without a schedule."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        # Of the next port, which is for faults, nobody can be sure; it is hardly ever taken.
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.faults_url = f"http://127.0.0.1:{self.port + 1}/faults"
        self._process: subprocess.Popen[str] | None = None

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    @property
    def output(self) -> str:
        return (self.directory / "output").read_text()

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.directory / "demo" / "demo.json").read_text())
        return state

    @property
    def truth(self) -> list[dict[str, Any]]:
        truth: list[dict[str, Any]] = json.loads((self.directory / "demo" / "ground-truth.json").read_text())["faults"]
        return truth

    def start(self, *arguments: str, says: str = "the shop is live") -> None:
        options = ["--dir", "demo", "--days", QUARTER_OF_AN_HOUR, "--port", str(self.port), "--every", "0", *arguments]
        with (self.directory / "output").open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tocsin", "demo", *options],
                cwd=self.directory,
                # Somebody's real settings, which are none of the demo's.
                env=os.environ | {"TOCSIN_DATA_DIR": "real-data", "TOCSIN_LOGSTORE_URL": "postgresql://real/logs"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.until(lambda: says in self.output)

    def until(self, is_so: Callable[[], object]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not is_so():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(WAIT_SECONDS)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def get(self, path: str, **parameters: str) -> Any:
        sign_in = {"email": "admin@localhost", "password": self.state["password"]}
        with httpx.Client(base_url=self.url, timeout=30) as client:
            token = client.post("/v1/auth/login", json=sign_in).raise_for_status().json()["access_token"]
            answer = client.get(path, params=parameters, headers={"Authorization": f"Bearer {token}"})
            return answer.raise_for_status().json()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    one = Demo(tmp_path)
    yield one
    if one.process.poll() is None:
        children = one.children()
        one.process.kill()
        one.process.wait()
        psutil.wait_procs(children, timeout=WAIT_SECONDS)


@pytest.mark.slow
def test_demo_shows_the_shop_and_its_trouble_and_leaves_nothing_running(demo: Demo) -> None:
    demo.start("--traffic", "8")
    [server] = demo.children()
    assert len(demo.get("/v1/logs", q="", limit="1000")["logs"]) > 100
    assert SCENARIO in {each["name"] for each in httpx.get(demo.faults_url).raise_for_status().json()["scenarios"]}
    assert httpx.post(demo.faults_url, json={"scenario": SCENARIO}).status_code == 202
    demo.until(lambda: "TROUBLE" in demo.output)
    demo.until(lambda: "search trace_id:" in demo.output)
    trace = re.search(r"search trace_id:([0-9a-f]+)", demo.output)
    assert trace is not None
    logs = demo.get("/v1/logs", q=f"trace_id:{trace[1]}")["logs"]
    assert len({log["service"] for log in logs}) >= 2
    assert {log["level"] for log in logs} & {"ERROR", "FATAL"}
    demo.until(lambda: "the history is whole" in demo.output)
    ledger = demo.get("/v1/ingest/ledger")
    assert (ledger["duplicates"], ledger["dead_letters"]) == (0, 0)
    assert demo.stop(signal.SIGINT) == 0
    assert not server.is_running()
    assert "Traceback" not in demo.output
    assert [each["cause_service"] for each in demo.truth] == ["payment"]
    assert not (demo.directory / "real-data").exists()


@pytest.mark.slow
def test_second_demo_goes_on_without_sending_anything_twice(demo: Demo) -> None:
    demo.start("--traffic", "0.1")
    demo.until(lambda: "the history is whole" in demo.output)
    # The ledger lags a commit by up to a second.
    time.sleep(1.5)
    before = demo.get("/v1/ingest/ledger")["received"]
    assert demo.stop() == 0
    [[_, end]] = demo.state["covered"]
    demo.start("--traffic", "0.1")
    time.sleep(2)
    ledger = demo.get("/v1/ingest/ledger")
    assert ledger["received"] == ledger["stored"]
    # Fifteen minutes were sent at first, and the seconds between the two now.
    assert 0 < ledger["received"] - before < before / 2
    logs = demo.get("/v1/logs", q="", limit="1000")["logs"]
    assert len({(log["timestamp"], log["service"], log["message"]) for log in logs}) == len(logs)
    assert demo.stop() == 0
    [[_, later]] = demo.state["covered"]
    assert later > end


@pytest.mark.slow
def test_server_of_a_demo_that_was_killed_ends_too(demo: Demo) -> None:
    demo.start("--traffic", "0.1")
    servers = demo.children()
    demo.process.kill()
    demo.process.wait()
    gone, alive = psutil.wait_procs(servers, timeout=WAIT_SECONDS)
    assert (len(gone), alive) == (1, [])
    demo.start("--traffic", "0.1")
    assert demo.stop() == 0


def test_demo_says_what_is_wrong_when_its_server_cannot_start(demo: Demo) -> None:
    (demo.directory / "demo").mkdir()
    (demo.directory / "demo" / "tocsin.sqlite3").touch()
    demo.start(says="no demo's")
    assert demo.process.wait(WAIT_SECONDS) == 1
    assert demo.output.startswith("Error: ")
