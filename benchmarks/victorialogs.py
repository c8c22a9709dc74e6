"""VictoriaLogs under the same load: the same client, logs, connections and questions, on the same machine.

    python -m benchmarks.victorialogs PATH_OF_ITS_SERVER

Its questions are those of ``bench`` in its own language. It acknowledges before its data is durable.
"""

import argparse
import http.client
import tempfile
import time
import urllib.parse
from pathlib import Path

import msgspec

from benchmarks.bench import Results, Workload, generated, get, measure_ingest, print_table, timed
from benchmarks.generator import NEEDLE, Body
from benchmarks.measured import MeasuredServer

_INSERT = "/insert/jsonline?_stream_fields=service&_msg_field=message&_time_field=timestamp"


def post(connection: http.client.HTTPConnection, body: Body) -> bool:
    """Send one body; see ``bench.Post``."""
    connection.request("POST", _INSERT, body.json)
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200:
        raise RuntimeError(f"intake answered {response.status}: {answer!r:.300}")
    return True


def measure_queries(port: int, workload: Workload) -> dict[str, dict[str, float]]:
    """Warm p50 and p95 of the seven queries."""
    facts = workload.facts

    def ask(query: str, run: int, *, limit: int | None = None) -> bytes:
        end = facts.last_unix_nano + 1_000_000_000 + run * 1_000_000
        parameters = {"query": query, "start": facts.first_unix_nano, "end": end}
        if limit is not None:
            parameters["limit"] = limit
        status, answer = get(port, f"/select/logsql/query?{urllib.parse.urlencode(parameters)}")
        if status != 200:
            raise RuntimeError(f"{query} answered {status}: {answer!r:.300}")
        return answer

    return timed(
        {
            "latest_100": lambda run: ask('{service="payment"}', run, limit=100),
            "count_minute_level": lambda run: ask("* | stats by (_time:1m, level) count() n", run),
            "rare_word": lambda run: ask(NEEDLE, run, limit=100),
            "substring": lambda run: ask(f'_msg:~"{NEEDLE[1:-1]}" | count()', run),
            "trace_id": lambda run: ask(f'trace_id:="{facts.a_trace_id}"', run, limit=100),
            "metadata_equality": lambda run: ask('metadata.region:="eu-west-1" | count()', run),
            "top_patterns": lambda run: ask(
                "* | collapse_nums | stats by (_msg) count() n | sort by (n) desc limit 10", run
            ),
        }
    )


def measure(program: Path, workload: Workload, log_file: Path) -> Results:
    """Start a server, send everything, ask everything, stop it."""
    with tempfile.TemporaryDirectory(prefix="victorialogs-bench-") as directory:
        server = MeasuredServer(
            Path(directory),
            lambda port: [
                str(program.resolve()),
                f"-storageDataPath={directory}",
                f"-httpListenAddr=127.0.0.1:{port}",
                "-retentionPeriod=100y",
            ],
            environment=lambda _: {},
            is_ready=lambda port: get(port, "/health")[0] == 200,
            log_file=log_file,
        )
        try:
            server.wait_until_ready()
            time.sleep(2)
            ingest = measure_ingest(server, workload.prepared, workload.facts.log_bytes, post)
            queries = measure_queries(server.port, workload)
        finally:
            server.stop()
    return {"ingest": ingest, "queries_ms": queries}


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path, help="the server's executable")
    parser.add_argument("--logs", type=int, default=500_000, help="how many logs to send (default 500,000)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    workload = generated(options.logs, options.seed)
    lines = [
        Body(msgspec.json.Encoder().encode_lines(msgspec.json.decode(body.json)["logs"]), body.logs)
        for body in workload.prepared
    ]
    log_file = Path(__file__).parent / "results" / "victorialogs.log"
    log_file.parent.mkdir(parents=True, exist_ok=True)
    print_table({"VictoriaLogs": measure(options.program, Workload(lines, workload.facts), log_file)})


if __name__ == "__main__":
    main()
