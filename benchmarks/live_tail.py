"""What live tails cost: ``python -m benchmarks.live_tail``.

Sends 5,000 logs a second to a server of its own, in turns while nobody watches and while 1,000 watchers with different
queries do, and prints the server's CPU for both, and how long after its acknowledgement a log was delivered. The
watchers are in a process of their own, so the client's CPU is in neither figure. Watchers come and go between the
turns, so that both meet the same machine and the same store.
"""

import argparse
import asyncio
import http.client
import json
import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_and_block

from benchmarks.bench import API_KEY, log_in, start_tocsin
from benchmarks.generator import Facts, bodies
from benchmarks.measured import MeasuredServer

LOGS_A_REQUEST = 100
SETTLING_SECONDS = 2.0
CONNECTING_AT_ONCE = 50
PATIENCE_SECONDS = 10.0

_RESULTS = Path(__file__).parent / "results"
_MARK = "benchmark-mark"


def query_of(number: int) -> str:
    """The query of one watcher; every number has another. Half of them ask for what one user did."""
    match number % 10:
        case 0 | 1 | 2 | 3 | 4:
            return f"user_id:u_{number}"
        case 5:
            return f"user_{number} level:>=WARN"
        case 6:
            return f'*"from 10.{number % 4}.{number % 256}.{number % 250}"*'
        case 7:
            return f'"order {10_000 + number}"'
        case 8:
            return f"(order {20_000 + number} OR order {40_000 + number}) NOT status:404"
        case _:
            return f"service:payment level:ERROR region:eu-west-1 user_id:u_{number}"


async def _watch(connection: ClientConnection, counts: list[int]) -> None:
    async for text in connection:
        message = json.loads(text)
        counts[0] += 1
        counts[1] += len(message.get("logs", ()))


async def _watch_all(port: int, token: str, queries: Sequence[str], told: Connection) -> None:
    """Connect every watcher, say so, and count until told to stop."""
    counts = [0, 0]
    connections: list[ClientConnection] = []
    room = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def open_one(query: str) -> None:
        async with room:
            headers = {"Authorization": f"Bearer {token}"}
            url = f"ws://127.0.0.1:{port}/live/logs"
            connection = await connect(url, additional_headers=headers, compression=None, ping_interval=None)
            await connection.send(json.dumps({"type": "start", "query": query}))
            first = json.loads(await connection.recv())
            if first["type"] != "started":
                raise RuntimeError(f"{query} answered {first}")
            connections.append(connection)

    await asyncio.gather(*map(open_one, queries))
    watching = [asyncio.create_task(_watch(connection, counts)) for connection in connections]
    told.send(len(connections))
    await asyncio.to_thread(told.recv)
    told.send(tuple(counts))
    for task in watching:
        task.cancel()


def _watcher_process(port: int, token: str, queries: Sequence[str], told: Connection) -> None:
    asyncio.run(_watch_all(port, token, queries, told))


class MarkReader(threading.Thread):
    """One more watcher, of one log in each request: when each mark came."""

    def __init__(self, port: int, token: str) -> None:
        super().__init__(daemon=True)
        self.arrived_at: dict[str, float] = {}
        self._url = f"ws://127.0.0.1:{port}/live/logs"
        self._headers = {"Authorization": f"Bearer {token}"}

    def run(self) -> None:
        """Read until the server stops."""
        with (
            suppress(ConnectionClosed),
            connect_and_block(self._url, additional_headers=self._headers, compression=None) as connection,
        ):
            connection.send(json.dumps({"type": "start", "query": f"service:{_MARK}"}))
            for text in connection:
                now = time.perf_counter()
                for log in json.loads(text).get("logs", ()):
                    self.arrived_at[log["message"]] = now

    def wait_for(self, marks: Collection[str]) -> None:
        """Wait until all of these have come.

        Raises:
            RuntimeError: some have not after a while, and are lost.
        """
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while missing := set(marks) - self.arrived_at.keys():
            if time.perf_counter() > deadline:
                raise RuntimeError(f"{len(missing):,} of {len(marks):,} marks have not come: {sorted(missing)[:3]}")
            time.sleep(0.05)


def requests(seconds: float, rate: int) -> list[tuple[str, bytes]]:
    """Bodies, each with a mark of its own as the last log."""
    logs = int(seconds * rate)
    made: list[tuple[str, bytes]] = []
    for body in bodies(logs, a_request=LOGS_A_REQUEST, seed=1, end_unix_nano=time.time_ns(), facts=Facts()):
        records = msgspec.json.decode(body.json)["logs"]
        mark = f"{time.time_ns()} {len(made)}"
        made.append((mark, msgspec.json.encode({"logs": [*records, {"service": _MARK, "message": mark}]})))
    return made


def send(port: int, prepared: Sequence[tuple[str, bytes]], rate: int) -> dict[str, float]:
    """Send the requests at an even rate; when each mark was acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"X-API-Key": API_KEY, "Content-Type": "application/json"}
    acknowledged_at: dict[str, float] = {}
    started = time.perf_counter()
    for number, (mark, body) in enumerate(prepared):
        time.sleep(max(0.0, started + number * LOGS_A_REQUEST / rate - time.perf_counter()))
        connection.request("POST", "/v1/ingest", body, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"intake answered {response.status}: {answer!r:.300}")
        acknowledged_at[mark] = time.perf_counter()
    connection.close()
    return acknowledged_at


def measure(server: MeasuredServer, token: str, watchers: int, seconds: float, rate: int) -> dict[str, Any]:
    """Send for so long while so many watch: the server's CPU in per cent of a core, and what was delivered."""
    prepared = requests(seconds, rate)
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    queries = [query_of(number) for number in range(watchers)]
    process = multiprocessing.get_context("spawn").Process(
        target=_watcher_process, args=(server.port, token, queries, theirs), daemon=True
    )
    delays: list[float] = []
    counts = (0, 0)
    marks: MarkReader | None = None
    if watchers:
        process.start()
        ours.recv()
        marks = MarkReader(server.port, token)
        marks.start()
    time.sleep(SETTLING_SECONDS)
    cpu, started = server.cpu_seconds(), time.perf_counter()
    acknowledged_at = send(server.port, prepared, rate)
    took = time.perf_counter() - started
    cpu_percent = (server.cpu_seconds() - cpu) / took * 100
    if marks is not None:
        marks.wait_for(acknowledged_at.keys())
        delays = [marks.arrived_at[mark] - at for mark, at in acknowledged_at.items()]
        ours.send("stop")
        counts = ours.recv()
        process.kill()
        process.join()
    return {
        "watchers": watchers,
        "cpu_percent": cpu_percent,
        "messages": counts[0],
        "logs": counts[1],
        "delays": delays,
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watchers", type=int, default=1_000)
    parser.add_argument("--rate", type=int, default=5_000, help="logs a second (default 5,000)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a turn (default 8)")
    parser.add_argument("--turns", type=int, default=2, help="how often each is measured (default 2)")
    options = parser.parse_args()
    _RESULTS.mkdir(parents=True, exist_ok=True)
    turns: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as directory:
        server = start_tocsin(Path(directory), {}, log_file=_RESULTS / "server.log")
        try:
            server.wait_until_ready()
            token = log_in(server.port)
            measure(server, token, 0, 2.0, options.rate)
            for watchers in (0, options.watchers) * options.turns:
                turns.append(measure(server, token, watchers, options.seconds, options.rate))
                turn = turns[-1]
                print(f"{turn['watchers']:6,} watchers: {turn['cpu_percent']:5.1f} % of a core", flush=True)
        finally:
            with suppress(Exception):
                server.stop()
    _print_summary(turns, options.seconds)


def _print_summary(turns: Sequence[dict[str, Any]], seconds: float) -> None:
    without = statistics.median(turn["cpu_percent"] for turn in turns if not turn["watchers"])
    watched = [turn for turn in turns if turn["watchers"]]
    with_watchers = statistics.median(turn["cpu_percent"] for turn in watched)
    delays = sorted(delay * 1_000 for turn in watched for delay in turn["delays"])
    logs = sum(turn["logs"] for turn in watched) / len(watched) / seconds
    print(f"CPU {without:.1f} % -> {with_watchers:.1f} % of a core: {(with_watchers / without - 1) * 100:+.1f} %")
    print(f"delivered {logs:,.0f} logs a second; delay after the acknowledgement, in ms: ", end="")
    print(f"p50 {delays[len(delays) // 2]:.0f}, p95 {delays[int(len(delays) * 0.95)]:.0f}, max {delays[-1]:.0f}")


if __name__ == "__main__":
    main()
