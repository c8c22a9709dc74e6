"""A real Tocsin in a process of its own, which tests start, stop, kill and start again."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

import httpx

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 60.0
READ_TIMEOUT_SECONDS = 10.0
COMMAND_TIMEOUT_SECONDS = 60.0

#: Given at the first start, so that tests can log in without changing a one-time password.
PASSWORD = "correct horse battery staple"
API_KEY = "svc_testtest_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

_READY = re.compile(r"^Tocsin is ready at (\S+) after ([0-9.]+) s$", re.MULTILINE)


class ServerEnded(AssertionError):
    """The server ended before it was ready."""


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class TocsinServer:
    """One server on one directory; the data stays there between starts. Use it as a context manager."""

    def __init__(self, directory: Path, *, port: int | None = None, settings: Mapping[str, str] | None = None) -> None:
        """Prepare a server; nothing is started yet.

        Args:
            directory: its working directory; the data directory is inside.
            port: a free one by default.
            settings: ``TOCSIN_*`` variables beside or in place of the usual ones.
        """
        self.directory = directory
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = directory / "tocsin-data"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")} | {
            "TOCSIN_PORT": str(self.port),
            "TOCSIN_BOOTSTRAP_PASSWORD": PASSWORD,
            "TOCSIN_BOOTSTRAP_API_KEY": API_KEY,
            **(settings or {}),
        }
        self._process: subprocess.Popen[str] | None = None
        self._starts = 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process of the last start."""
        assert self._process is not None, "start the server first"
        return self._process

    @property
    def output(self) -> str:
        """What the last start has printed to standard output."""
        return self._file("out").read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        """What the last start has written to standard error."""
        return self._file("log").read_text(encoding="utf-8")

    def start(self) -> Self:
        """Start the process, and return when it is ready.

        Raises:
            ServerEnded: it ended instead; the message has its log.
        """
        process = self.launch()
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not _READY.search(self.output):
            if process.poll() is not None:
                raise ServerEnded(f"exit code {process.returncode}\n{self.output}\n{self.log}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerEnded(f"not ready after {START_TIMEOUT_SECONDS:g} s\n{self.output}\n{self.log}")
            time.sleep(0.02)
        return self

    def launch(self) -> subprocess.Popen[str]:
        """Start the process, without waiting for anything."""
        self._starts += 1
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._file("out").open("w") as out, self._file("log").open("w") as log:
            self._process = self._popen(out, log)
        return self._process

    def ready_seconds(self) -> float:
        """How long the last start took, as the server says."""
        ready = _READY.search(self.output)
        assert ready is not None
        return float(ready[2])

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Tell the process to stop, and return its exit code."""
        self.process.send_signal(signal_number)
        return self.process.wait(STOP_TIMEOUT_SECONDS)

    def kill(self) -> None:
        """End the process without giving it a chance (``kill -9``)."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_SECONDS)

    def restart(self) -> Self:
        """Stop, and start again on the same data and port."""
        self.stop()
        return self.start()

    def client(self) -> httpx.Client:
        """A client that shows nothing."""
        return httpx.Client(base_url=self.url, timeout=30.0)

    def sender(self) -> httpx.Client:
        """A client that shows the first API key."""
        return httpx.Client(base_url=self.url, timeout=30.0, headers={"X-API-Key": API_KEY})

    def reader(self) -> httpx.Client:
        """A client that is logged in as the first administrator."""
        with self.client() as anonymous:
            answer = anonymous.post("/v1/auth/login", json={"email": "admin@localhost", "password": PASSWORD})
        token = answer.raise_for_status().json()["access_token"]
        return httpx.Client(base_url=self.url, timeout=30.0, headers={"Authorization": f"Bearer {token}"})

    def await_logs(self, query: str, count: int, **parameters: str) -> None:
        """Return when so many logs match; reads may lag a write by up to a second."""
        deadline = time.monotonic() + READ_TIMEOUT_SECONDS
        with self.reader() as reader:
            while True:
                answer = reader.get("/v1/logs/count", params={"q": query, **parameters}).raise_for_status().json()
                if answer["count"] == count:
                    return
                assert time.monotonic() < deadline, f"{answer['count']} of {count} logs can be read"
                time.sleep(0.02)

    def run(self, *arguments: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a ``tocsin`` command with the server's settings, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "tocsin", *arguments],
            cwd=self.directory,
            env=self.environment | dict(settings or {}),
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )

    def _popen(self, out: IO[str], log: IO[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tocsin", "serve"],
            cwd=self.directory,
            env=self.environment,
            stdout=out,
            stderr=log,
            text=True,
        )

    def _file(self, kind: str) -> Path:
        return self.directory / f"server-{self._starts}.{kind}"
