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
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.generator import NEEDLE, Body, Facts, bodies
from benchmarks.measured import MeasuredServer

CONNECTIONS = 4
LOGS_A_REQUEST = 1_000
WARM_UP_RUNS = 3
QUERY_RUNS = 30

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

Post = Callable[[http.client.HTTPConnection, Body], bool]
"""Sends a body over a connection; False if it must be sent again."""

Results = dict[str, Any]
"""``ingest`` and ``queries_ms``, as they stand in the file."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What is sent, and what is known of it."""

    prepared: list[Body]
    facts: Facts


PASSWORD = "a-password-for-the-benchmark"
API_KEY = "svc_benchmrk_" + "b" * 43


def start_tocsin(directory: Path, settings: Mapping[str, str], **options: Any) -> MeasuredServer:
    """Start the server under measurement on a directory of its own, with ``settings`` beside the usual ones."""

    def environment(port: int) -> dict[str, str]:
        return {
            **os.environ,
            "TOCSIN_PORT": str(port),
            "TOCSIN_DATA_DIR": str(directory),
            "TOCSIN_BOOTSTRAP_PASSWORD": PASSWORD,
            "TOCSIN_BOOTSTRAP_API_KEY": API_KEY,
            **settings,
        }

    return MeasuredServer(
        directory,
        lambda _: [sys.executable, "-m", "tocsin", "serve"],
        environment=environment,
        is_ready=lambda port: get(port, "/readyz")[0] == 200,
        **options,
    )


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


def post_tocsin(connection: http.client.HTTPConnection, body: Body) -> bool:
    """Send one body; whether it was acknowledged, or must be sent again (after the pause that the server asks for)."""
    connection.request("POST", "/v1/ingest", body.json, {"X-API-Key": API_KEY, "Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    if response.status in (429, 503):
        time.sleep(int(response.headers["Retry-After"]))
        return False
    if response.status != 200 or json.loads(answer)["received"] != body.logs:
        raise RuntimeError(f"intake answered {response.status}: {answer!r:.300}")
    return True


def send_all(port: int, waiting: "queue.SimpleQueue[Body]", post: Post = post_tocsin) -> list[float]:
    """Send bodies over one connection until none is left; the seconds each took until it was acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    seconds: list[float] = []
    while True:
        try:
            body = waiting.get_nowait()
        except queue.Empty:
            connection.close()
            return seconds
        acknowledged = False
        while not acknowledged:
            started = time.perf_counter()
            acknowledged = post(connection, body)
        seconds.append(time.perf_counter() - started)


def measure_ingest(
    server: MeasuredServer, prepared: list[Body], log_bytes: int, post: Post = post_tocsin
) -> dict[str, float]:
    """Send everything over four connections, then wait until the server is idle."""
    logs = sum(body.logs for body in prepared)
    waiting: queue.SimpleQueue[Body] = queue.SimpleQueue()
    for body in prepared:
        waiting.put(body)
    acknowledged: list[float] = []
    failures: list[BaseException] = []

    def send() -> None:
        try:
            acknowledged.extend(send_all(server.port, waiting, post))
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
    }


def measure_queries(server: MeasuredServer, token: str, facts: Facts) -> dict[str, dict[str, float]]:
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
        "top_patterns": lambda run: ask("/v1/patterns", run, limit="10"),
    }
    return timed(queries)


def timed(queries: Mapping[str, Callable[[int], object]]) -> dict[str, dict[str, float]]:
    """Milliseconds of each query, p50 and p95 of the warm runs."""
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


def print_table(columns: Mapping[str, Results]) -> None:
    """What was measured, a column each, beside what must be reached and what is aimed at."""
    heads = "".join(f"{name:>14}" for name in columns)
    print(f"\n{'':34}{heads}{'must':>12}{'aim':>12}")
    first = next(iter(columns.values()))
    for name in first["ingest"]:
        figures = "".join(f"{results['ingest'].get(name, ''):>14,}" for results in columns.values())
        must, aim = BUDGETS.get(name, ("", ""))
        print(f"{name:34}{figures}{must:>12}{aim:>12}")
    for name in first["queries_ms"]:
        times = "".join(f"{results['queries_ms'][name]['p50']:>14}" for results in columns.values())
        must, aim = BUDGETS[name]
        print(f"{name + ' p50 (ms)':34}{times}{must:>12}{aim:>12}   p95 {first['queries_ms'][name]['p95']}")


def measure(settings: Mapping[str, str], workload: Workload, log_file: Path, **options: Any) -> Results:
    """Start a server, send everything, ask everything, stop it."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as directory:
        server = start_tocsin(Path(directory), settings, log_file=log_file, **options)
        try:
            server.wait_until_ready()
            time.sleep(2)
            ingest = measure_ingest(server, workload.prepared, workload.facts.log_bytes)
            ingest["parts"] = _parts(server.directory)
            token = log_in(server.port)
            queries = measure_queries(server, token, workload.facts)
        finally:
            server.stop()
    return {"ingest": ingest, "queries_ms": queries}


def generated(logs: int, seed: int) -> Workload:
    """The logs that are sent; the newest is from now."""
    facts = Facts()
    print(f"generating {logs:,} logs (seed {seed}) …", flush=True)
    end = time.time_ns()
    return Workload(list(bodies(logs, a_request=LOGS_A_REQUEST, seed=seed, end_unix_nano=end, facts=facts)), facts)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=500_000, help="how many logs to send (default 500,000)")
    parser.add_argument("--large", action="store_true", help="send 5 million logs")
    parser.add_argument("--postgres", action="store_true", help="measure PostgreSQL as log store too, with a fifth")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "bench.json")
    options = parser.parse_args()
    logs = 5_000_000 if options.large else options.logs
    options.output.parent.mkdir(parents=True, exist_ok=True)
    log_file = options.output.parent / "server.log"
    measured = measure({}, generated(logs, options.seed), log_file)
    columns = {"measured": measured}
    if options.postgres:
        from benchmarks.postgres import measure_on_postgres

        columns["postgres"] = measure_on_postgres(generated(logs // 5, options.seed), log_file)
    machine = {"cores": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
    measured_at = datetime.now(UTC).isoformat(timespec="seconds")
    others = {name: results for name, results in columns.items() if name != "measured"}
    results = {"measured_at": measured_at, "machine": machine, **measured, **others}
    options.output.write_text(json.dumps(results, indent=2) + "\n")
    print_table(columns)


if __name__ == "__main__":
    main()
