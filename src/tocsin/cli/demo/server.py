"""Starts and stops the demo's server: a child with settings of its own, whatever is set around it."""

import os
import socket
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Self

import httpx

from tocsin.cli.client import CommandFailed
from tocsin.cli.demo.directory import DemoDirectory
from tocsin.kit.setting_sections import PREFIX
from tocsin.kit.settings import Settings, read_settings

FIRST_PORT = 3000
LAST_PORT = 3098

START_TIMEOUT_SECONDS = 120.0
STOP_TIMEOUT_SECONDS = 30.0

_POLL_SECONDS = 0.05
_LOG_LINES_SHOWN = 5


def free_ports() -> int:
    """The first port from 3000 on that is free together with the next one, which is for the faults' API.

    Raises:
        CommandFailed: there is none.
    """
    for port in range(FIRST_PORT, LAST_PORT, 2):
        if _is_free(port) and _is_free(port + 1):
            return port
    raise CommandFailed(f"no two ports from {FIRST_PORT} to {LAST_PORT + 1} are free; give one with --port")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class DemoServer:
    """A server on the demo's data. Use it as a context manager; it is ready after ``await_ready``."""

    def __init__(self, directory: DemoDirectory, *, port: int) -> None:
        """Prepare to start it; nothing runs yet."""
        self._directory = directory
        self._variables = {
            f"{PREFIX}DATA_DIR": str(directory.data_dir),
            f"{PREFIX}HOST": "127.0.0.1",
            f"{PREFIX}PORT": str(port),
            f"{PREFIX}LOG_FORMAT": "console",
        }
        self.url = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        secret = {
            f"{PREFIX}BOOTSTRAP_PASSWORD": self._directory.password,
            f"{PREFIX}BOOTSTRAP_API_KEY": self._directory.api_key,
        }
        around = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        with self._directory.server_log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tocsin.cli.demo.server_process"],
                # No .env of another place: the demo must not meet real data.
                cwd=self._directory.path,
                env=around | self._variables | secret,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                # Ctrl-C is for the demo, which stops sending first.
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        process = self._started()
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def settings(self) -> Settings:
        """How commands reach it."""
        return read_settings(self._variables, self._directory.path)

    def await_ready(self, stop: threading.Event) -> None:
        """Return when it answers, or is to stop.

        Raises:
            CommandFailed: it ended instead, or takes too long.
        """
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not stop.wait(_POLL_SECONDS):
            self.check()
            if time.monotonic() > deadline:
                raise CommandFailed(
                    f"the demo's server is not ready after {START_TIMEOUT_SECONDS:.0f} s; {self._log_says()}"
                )
            try:
                if httpx.get(f"{self.url}/readyz").status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass

    def check(self) -> None:
        """Return while it runs.

        Raises:
            CommandFailed: it has ended.
        """
        if (code := self._started().poll()) is not None:
            raise CommandFailed(f"the demo's server has ended with exit code {code}; {self._log_says()}")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process

    def _log_says(self) -> str:
        log = self._directory.server_log
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
        return "\n".join([f"{log} ends with:", *lines])
