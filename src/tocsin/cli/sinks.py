"""Where the logs of a simulation go: into a file, or through the intake of a server; beside who makes them."""

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, Self

from tocsin.cli.client import TocsinClient
from tocsin.cli.importing import ImportCounts
from tocsin.simulation.contracts import Chunk

REQUEST_BYTES = 1 << 20
"""A request to the intake has the whole lines of about so much: some 2,000 logs."""

INTAKE_REQUESTS_IN_FLIGHT = 3
"""The server decodes one while another waits for its disk; more did not make it faster."""

FILE_CHUNKS_WAITING = 4

STANDARD_OUTPUT = Path("-")

_COMPRESSIONS = {".zst": "zstd", ".gz": "gzip"}


class Sink(Protocol):
    """Takes chunks in their order; what went wrong comes out at a later call."""

    #: How many logs a chunk should have: more at once are no faster.
    chunk_logs: int

    def put(self, chunk: Chunk) -> None:
        """Take a chunk, or wait until there is room for it."""
        ...

    def settle(self) -> None:
        """Return when everything that was taken is where it should be."""
        ...

    def close(self) -> None:
        """Release what the sink holds; what was not settled may be lost."""
        ...


class InFlight:
    """Calls in a few threads: at most so many run or wait, and the first failure comes out at the next call."""

    def __init__(self, work: Callable[[bytes], None], *, threads: int, waiting: int = 0) -> None:
        """Prepare to call ``work``."""
        self._work = work
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tocsin-sink")
        self._places = threading.Semaphore(threads + waiting)
        self._calls: deque[Future[None]] = deque()

    def put(self, item: bytes) -> None:
        """Call with this as soon as there is a thread for it; waits for a place."""
        self._places.acquire()
        call = self._pool.submit(self._work, item)
        call.add_done_callback(lambda _: self._places.release())
        self._calls.append(call)
        while self._calls and self._calls[0].done():
            self._calls.popleft().result()

    def settle(self) -> None:
        """Return when every call has ended well."""
        while self._calls:
            self._calls.popleft().result()

    def close(self) -> None:
        """Wait for what runs, and forget what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class FileSink:
    """Writes NDJSON; the name's ending says whether it is compressed."""

    chunk_logs = 20_000

    def __init__(self, path: Path) -> None:
        """Open the file, which is begun anew; ``-`` is standard output.

        Raises:
            OSError: it can't be written.
        """
        self._file: Any = sys.stdout.buffer if path == STANDARD_OUTPUT else _opened(path)
        self._is_ours = path != STANDARD_OUTPUT
        self._writing = InFlight(self._write, threads=1, waiting=FILE_CHUNKS_WAITING)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, chunk: Chunk) -> None:
        """As ``Sink``."""
        self._writing.put(chunk.ndjson)

    def settle(self) -> None:
        """As ``Sink``."""
        self._writing.settle()
        self._file.flush()

    def close(self) -> None:
        """As ``Sink``."""
        self._writing.close()
        if self._is_ours:
            self._file.close()

    def _write(self, ndjson: bytes) -> None:
        self._file.write(ndjson)


def _opened(path: Path) -> Any:
    compression = _COMPRESSIONS.get(path.suffix)
    if compression is None:
        return path.open("wb")
    # Not quick to import, and only needed here.
    import pyarrow as pa

    return pa.CompressedOutputStream(str(path), compression)


class IntakeSink:
    """Sends through ``POST /v1/ingest``, as any client would, a few requests at one time."""

    chunk_logs = 2_000

    def __init__(self, client: TocsinClient, *, api_key: str, in_flight: int = INTAKE_REQUESTS_IN_FLIGHT) -> None:
        """Send with the client, which more sinks may share."""
        self._client = client
        self._headers = {"X-API-Key": api_key, "Content-Type": "application/x-ndjson"}
        self._counting = threading.Lock()
        self._sending = InFlight(self._send, threads=in_flight)
        #: What the server has answered so far.
        self.counts = ImportCounts()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, chunk: Chunk) -> None:
        """As ``Sink``.

        Raises:
            CommandFailed: the server refused an earlier chunk, or could not be reached.
        """
        for body in bodies(chunk.ndjson, max_bytes=REQUEST_BYTES):
            self._sending.put(body)

    def settle(self) -> None:
        """As ``Sink``; raises as ``put``."""
        self._sending.settle()

    def close(self) -> None:
        """As ``Sink``."""
        self._sending.close()

    def _send(self, body: bytes) -> None:
        answer = self._client.post_bytes("/v1/ingest", body, self._headers)
        with self._counting:
            self.counts.add(answer)


def bodies(ndjson: bytes, *, max_bytes: int) -> Iterator[bytes]:
    """Cut lines into requests of at most so many bytes; a line that is longer is one of its own."""
    start = 0
    while start < len(ndjson):
        end = len(ndjson)
        if end - start > max_bytes:
            end = ndjson.rfind(b"\n", start, start + max_bytes) + 1 or ndjson.find(b"\n", start) + 1 or len(ndjson)
        yield ndjson[start:end]
        start = end
