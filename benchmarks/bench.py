"""``make bench``: start a server of its own, send seeded logs, and measure what ``BUDGETS`` lists.

Writes ``benchmarks/results/bench.json`` and prints the same as a table. The client runs on the same machine, so
figures of wall time include its share of the cores; CPU seconds are the server process's alone.
"""

import argparse
import http.client
import json
import os
import platform
import queue
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil

from benchmarks.generator import NEEDLE, Body, Facts, bodies

CONNECTIONS = 4
LOGS_A_REQUEST = 1_000
WARM_UP_RUNS = 3
QUERY_RUNS = 30
IDLE_SECONDS = 10
IDLE_CPU_SHARE = 0.02
IDLE_TIMEOUT_SECONDS = 180

BUDGETS = {
    "cpu_seconds_per_million_acked": (10.0, 6.0),
    "cpu_seconds_per_million_idle": (12.0, 7.0),
    "logs_per_second": (120_000.0, 200_000.0),
    "ack_p95_ms": (50.0, 50.0),
    "peak_rss_mb": (700.0, 450.0),
    "disk_bytes_per_log": (60.0, 40.0),
    "latest_100": (17.0, 8.0),
    "count_minute_level": (30.0, 12.0),
    "rare_word": (15.0, 5.0),
    "substring": (80.0, 30.0),
    "trace_id": (10.0, 5.0),
    "metadata_equality": (15.0, 5.0),
    "top_patterns": (30.0, 8.0),
}
"""What must be reached, and what is aimed at."""

PASSWORD = "a-password-for-the-benchmark"
API_KEY = "svc_benchmrk_" + "b" * 43


class Server:
    """The server under measurement: a process of its own on a directory of its own."""

    def __init__(self, directory: Path, *, log_file: Path) -> None:
        self.directory = directory
        self.port = _free_port()
        settings = {
            "TOCSIN_PORT": str(self.port),
            "TOCSIN_DATA_DIR": str(directory),
            "TOCSIN_BOOTSTRAP_PASSWORD": PASSWORD,
            "TOCSIN_BOOTSTRAP_API_KEY": API_KEY,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tocsin", "serve"],
            env=os.environ | settings,
            cwd=directory,
            stdout=log_file.open("wb"),
            stderr=subprocess.STDOUT,
        )
        self.process = psutil.Process(self._process.pid)
        self.peak_rss_bytes = 0
        self._watching = True
        threading.Thread(target=self._watch_memory, daemon=True).start()

    def wait_until_ready(self) -> None:
        """Wait until ``/readyz`` says 200."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError("the server ended; see benchmarks/results/server.log")
            try:
                if get(self.port, "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise TimeoutError("the server is not ready after 60 s")

    def cpu_seconds(self) -> float:
        """User and system time of the server process so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

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
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)

    def _watch_memory(self) -> None:
        while self._watching:
            try:
                self.peak_rss_bytes = max(self.peak_rss_bytes, self.process.memory_info().rss)
            except psutil.NoSuchProcess:
                return
            time.sleep(0.1)


def get(port: int, path: str, *, token: str | None = None) -> tuple[int, bytes]:
    """One GET on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def log_in(port: int) -> str:
    """An access token of the first administrator."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps({"email": "admin@localhost", "password": PASSWORD})
    connection.request("POST", "/v1/auth/login", body, {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return str(answer["access_token"])


def send_all(port: int, waiting: "queue.SimpleQueue[Body]") -> list[float]:
    """Send bodies over one connection until none is left; the seconds each took until it was acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"X-API-Key": API_KEY, "Content-Type": "application/json"}
    seconds: list[float] = []
    while True:
        try:
            body = waiting.get_nowait()
        except queue.Empty:
            connection.close()
            return seconds
        while True:
            started = time.perf_counter()
            connection.request("POST", "/v1/ingest", body.json, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status in (429, 503):
                time.sleep(int(response.headers["Retry-After"]))
                continue
            if response.status != 200 or json.loads(answer)["received"] != body.logs:
                raise RuntimeError(f"intake answered {response.status}: {answer!r:.300}")
            seconds.append(time.perf_counter() - started)
            break


def measure_ingest(server: Server, prepared: list[Body], log_bytes: int) -> dict[str, float]:
    """Send everything over four connections, then wait until the server is idle."""
    logs = sum(body.logs for body in prepared)
    waiting: queue.SimpleQueue[Body] = queue.SimpleQueue()
    for body in prepared:
        waiting.put(body)
    acknowledged: list[float] = []
    failures: list[BaseException] = []

    def send() -> None:
        try:
            acknowledged.extend(send_all(server.port, waiting))
        except BaseException as error:  # noqa: BLE001  (handed to the main thread)
            failures.append(error)

    threads = [threading.Thread(target=send) for _ in range(CONNECTIONS)]
    cpu_before, started = server.cpu_seconds(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, cpu_acked = time.perf_counter() - started, server.cpu_seconds()
    if failures:
        raise failures[0]
    cpu_idle = server.wait_until_idle()
    return {
        "logs": logs,
        "bytes_per_log_sent": round(log_bytes / logs, 1),
        "cpu_seconds_per_million_acked": round((cpu_acked - cpu_before) * 1e6 / logs, 2),
        "cpu_seconds_per_million_idle": round((cpu_idle - cpu_before) * 1e6 / logs, 2),
        "logs_per_second": round(logs / seconds),
        "ack_p95_ms": round(_percentile(acknowledged, 0.95) * 1000, 1),
        "peak_rss_mb": round(server.peak_rss_bytes / 1e6),
        "disk_bytes_per_log": round(server.disk_bytes() / logs, 1),
        "parts": _parts(server.directory),
    }


def measure_queries(server: Server, token: str, facts: Facts) -> dict[str, dict[str, float]]:
    """Warm p50 and p95 of the seven queries. Each run's range ends elsewhere, so that no cache of results can help."""

    def ask(path: str, run: int, **parameters: str) -> bytes:
        end = facts.last_unix_nano + 1_000_000_000 + run * 1_000_000
        query = urllib.parse.urlencode(parameters | {"from": str(facts.first_unix_nano), "to": str(end)})
        status, answer = get(server.port, f"{path}?{query}", token=token)
        if status != 200:
            raise RuntimeError(f"{path}?{query} answered {status}: {answer!r:.300}")
        return answer

    queries: dict[str, Callable[[int], bytes]] = {
        "latest_100": lambda run: ask("/v1/logs", run, q="service:payment", limit="100"),
        "count_minute_level": lambda run: ask("/v1/logs/histogram", run, interval="1m"),
        "rare_word": lambda run: ask("/v1/logs", run, q=NEEDLE, limit="100"),
        "substring": lambda run: ask("/v1/logs/count", run, q=f"*{NEEDLE[1:-1]}*"),
        "trace_id": lambda run: ask("/v1/logs", run, q=f"trace_id:{facts.a_trace_id}", limit="100"),
        "metadata_equality": lambda run: ask("/v1/logs/count", run, q="region:eu-west-1"),
        "top_patterns": lambda run: ask("/v1/logs/shapes", run, limit="10"),
    }
    results = {}
    for name, run_query in queries.items():
        seconds = []
        for run in range(WARM_UP_RUNS + QUERY_RUNS):
            started = time.perf_counter()
            run_query(run)
            seconds.append(time.perf_counter() - started)
        warm = [second * 1000 for second in seconds[WARM_UP_RUNS:]]
        results[name] = {"p50": round(statistics.median(warm), 1), "p95": round(_percentile(warm, 0.95), 1)}
    return results


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _parts(directory: Path) -> int:
    """Data parts on disk, those that merges have replaced included."""
    return sum(1 for _ in directory.rglob("columns.txt"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def print_table(results: dict[str, dict[str, float]], queries: dict[str, dict[str, float]]) -> None:
    """What was measured beside what must be reached and what is aimed at."""
    print(f"\n{'':34}{'measured':>12}{'must':>12}{'aim':>12}")
    for name, measured in results["ingest"].items():
        must, aim = BUDGETS.get(name, ("", ""))
        print(f"{name:34}{measured:>12,}{must:>12}{aim:>12}")
    for name, times in queries.items():
        must, aim = BUDGETS[name]
        print(f"{name + ' p50 (ms)':34}{times['p50']:>12}{must:>12}{aim:>12}   p95 {times['p95']}")


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=500_000, help="how many logs to send (default 500,000)")
    parser.add_argument("--large", action="store_true", help="send 5 million logs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "bench.json")
    options = parser.parse_args()
    logs = 5_000_000 if options.large else options.logs
    facts = Facts()
    print(f"generating {logs:,} logs (seed {options.seed}) …", flush=True)
    prepared = list(
        bodies(logs, a_request=LOGS_A_REQUEST, seed=options.seed, end_unix_nano=time.time_ns(), facts=facts)
    )
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as directory:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        server = Server(Path(directory), log_file=options.output.parent / "server.log")
        try:
            server.wait_until_ready()
            time.sleep(2)
            ingest = measure_ingest(server, prepared, facts.log_bytes)
            queries = measure_queries(server, log_in(server.port), facts)
        finally:
            server.stop()
    machine = {"cores": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
    measured_at = datetime.now(UTC).isoformat(timespec="seconds")
    results = {"measured_at": measured_at, "machine": machine, "ingest": ingest, "queries_ms": queries}
    options.output.write_text(json.dumps(results, indent=2) + "\n")
    print_table({"ingest": ingest}, queries)


if __name__ == "__main__":
    main()
