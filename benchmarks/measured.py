"""A server under measurement: a process of its own, its CPU time, memory and disk."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

IDLE_SECONDS = 10
IDLE_CPU_SHARE = 0.02
IDLE_TIMEOUT_SECONDS = 180


class MeasuredServer:
    """A server on a directory and a port of its own.

    Args:
        directory: where it keeps its data; also its working directory.
        command: starts it, given the port.
        environment: all of its variables.
        is_ready: asks it, given the port; may raise ``OSError`` while it is starting.
        helpers: processes that work for it, such as a database's; their CPU time and memory count as its own.
    """

    def __init__(
        self,
        directory: Path,
        command: Callable[[int], Sequence[str]],
        *,
        environment: Callable[[int], Mapping[str, str]],
        is_ready: Callable[[int], bool],
        log_file: Path,
        helpers: Callable[[], Sequence[psutil.Process]] = tuple,
    ) -> None:
        self.directory = directory
        self.port = _free_port()
        self.peak_rss_bytes = 0
        self._log_file = log_file
        self._is_ready = is_ready
        self._helpers = helpers
        self._process = subprocess.Popen(
            command(self.port),
            env=dict(environment(self.port)),
            cwd=directory,
            stdout=log_file.open("wb"),
            stderr=subprocess.STDOUT,
        )
        self._measured = psutil.Process(self._process.pid)
        self._watching = True
        threading.Thread(target=self._watch_memory, daemon=True).start()

    def wait_until_ready(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended; see {self._log_file}")
            try:
                if self._is_ready(self.port):
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise TimeoutError("the server is not ready after 60 s")

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        return sum(map(_cpu_seconds, [self._measured, *self._helpers()]))

    def wait_until_idle(self) -> float:
        """Wait for ten seconds in a row under 2 % of a core; the CPU seconds used until they began."""
        deadline = time.monotonic() + IDLE_TIMEOUT_SECONDS
        began, cpu_then = time.monotonic(), self.cpu_seconds()
        while time.monotonic() < deadline:
            before = self.cpu_seconds()
            time.sleep(1)
            if self.cpu_seconds() - before > IDLE_CPU_SHARE:
                began, cpu_then = time.monotonic(), self.cpu_seconds()
            elif time.monotonic() - began >= IDLE_SECONDS:
                return cpu_then
        raise TimeoutError(f"the server is not idle after {IDLE_TIMEOUT_SECONDS} s")

    def disk_bytes(self) -> int:
        """What its directory takes on disk."""
        return sum(path.stat().st_size for path in self.directory.rglob("*") if path.is_file())

    def stop(self) -> None:
        """End it as an operator would."""
        self._watching = False
        self._process.terminate()
        self._process.wait(60)

    def _watch_memory(self) -> None:
        while self._watching:
            try:
                resident = sum(process.memory_info().rss for process in [self._measured, *self._helpers()])
            except psutil.NoSuchProcess:
                continue
            self.peak_rss_bytes = max(self.peak_rss_bytes, resident)
            time.sleep(0.1)


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
