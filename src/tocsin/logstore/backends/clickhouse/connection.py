"""Connections to ClickHouse: blocking clients in threads, behind an asynchronous face.

A connection answers one query at a time and lets go of the interpreter while it does, so there are as many threads as
connections, and each call has one of both to itself.
"""

import asyncio
import queue
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import chdb
import clickhouse_connect
import pyarrow as pa
import structlog
from chdb.state.sqlitelike import Connection
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, Error, OperationalError

from tocsin.kit.errors import QueryTimedOut, QueryTooExpensive, StoreUnavailable, TocsinError

log = structlog.get_logger(__name__)

Value = str | int | float
"""A value that is bound to a placeholder such as ``{p0:String}``."""

T = TypeVar("T")

_STOP_AGAIN_SECONDS = 0.05
"""A query that was just sent may not be known yet to the engine that is told to stop it."""

MEMORY_LIMIT = "memory_bytes"
"""The limit that Tocsin's own settings put on a query's memory; an operator's server may have others."""

_ERROR_CODE = re.compile(r"\bCode: ([0-9]+)")
_SECURE_SCHEMES = frozenset({"clickhouses", "https"})
_TIMEOUT_CODES = frozenset({159, 160})
_EXPENSIVE_CODES = {158: "rows", 241: MEMORY_LIMIT, 307: "bytes", 396: "result"}
_CANNOT_COMPILE_EXPRESSION = 427
# Too many queries, socket and network, no space, too many parts, read-only table, no replica, shutting down.
_UNAVAILABLE_CODES = frozenset({202, 209, 210, 236, 242, 243, 252, 279, 285, 319, 394})


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the driver's errors into Tocsin's.

    Raises:
        QueryTimedOut: the query ran longer than its ``max_execution_time``.
        QueryTooExpensive: it needed more than its ``max_memory_usage``.
        StoreUnavailable: ClickHouse can't be reached, or has no room.
        TocsinError: it refused the statement for another reason.
    """
    try:
        yield
    except OperationalError as error:
        raise StoreUnavailable("ClickHouse can't be reached") from error
    except DatabaseError as error:
        raise translated_code(error.code, error.name or str(error.code)) from error
    except Error as error:
        raise TocsinError("ClickHouse's driver refused the statement") from error


def translated_code(code: int | None, name: str) -> TocsinError:
    """The error for one of ClickHouse's; ``name`` is told where nothing better is known."""
    if code in _TIMEOUT_CODES:
        return QueryTimedOut("the query ran longer than it may", limit="seconds")
    if code in _EXPENSIVE_CODES:
        limit = _EXPENSIVE_CODES[code]
        wanted = "memory" if limit == MEMORY_LIMIT else limit
        return QueryTooExpensive(f"the query needs more {wanted} than it may use", limit=limit)
    if code == _CANNOT_COMPILE_EXPRESSION:
        detail = "the query has a phrase or a word with stars that is too long; leave some of it out"
        return QueryTooExpensive(detail, limit="expression")
    if code is None or code in _UNAVAILABLE_CODES:
        return StoreUnavailable("ClickHouse can't take this right now")
    return TocsinError(f"ClickHouse refused a statement: {name}")


def embedded_client(directory: Path) -> Client:
    """Open a connection to the engine in this process that owns ``directory``."""
    return clickhouse_connect.get_client(interface="chdb", path=str(directory))


class EmbeddedConnection:
    """One thread's connection to the engine in this process, replaced after every error.

    chDB may answer the query after a failed one with what the failed one had ready.
    """

    def __init__(self, directory: Path) -> None:
        """Open a connection to the engine in this process that owns ``directory``."""
        self._directory = directory
        self._client: Client | None = embedded_client(directory)

    def run(self, work: Callable[[Client], T]) -> T:
        """Do ``work``. Raises as ``translated_errors`` does."""
        with translated_errors():
            client, self._client = self._client or embedded_client(self._directory), None
            try:
                answer = work(client)
            except BaseException:
                with suppress(Error):
                    client.close()
                raise
        self._client = client
        return answer

    def fetch(self, sql: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """The rows of a query; ``sql`` has no FORMAT clause."""
        values = dict(parameters or {})
        answer = self.run(lambda client: client.raw_query(sql, parameters=values, fmt="ArrowStream"))
        return pa.ipc.open_stream(answer).read_all()

    def command(self, statement: str) -> None:
        """Run a statement that answers nothing."""
        self.run(lambda client: client.command(statement))

    def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


class EmbeddedInserter:
    """A connection for large inserts: the rows go to the engine as they are, not by way of a temporary file."""

    def __init__(self, directory: Path) -> None:
        """Open a connection to the engine in this process that owns ``directory``."""
        self._path = str(directory)
        self._connection: Connection | None = chdb.connect(self._path)

    def insert(self, statement: str, chunks: Iterable[bytes | memoryview]) -> None:
        """Run an ``INSERT`` (without ``FORMAT``) of an Arrow stream; durable as the table's settings say on return.

        Raises as ``translated_errors`` does.
        """
        try:
            if self._connection is None:
                self._connection = chdb.connect(self._path)
            with self._connection.send_insert(statement, "ArrowStream") as stream:
                for chunk in chunks:
                    stream.append(chunk)
                stream.finish()
        except RuntimeError as error:
            self.close()
            code = _ERROR_CODE.search(str(error))
            raise translated_code(None if code is None else int(code[1]), str(error)) from error

    def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def http_client(url: str) -> Client:
    """Open a connection to a server, such as ``clickhouses://user:password@host:8443``; without the ``s``, no TLS."""
    parts = urlsplit(url)
    is_secure = parts.scheme in _SECURE_SCHEMES
    return clickhouse_connect.get_client(
        interface="https" if is_secure else "http",
        host=parts.hostname or "localhost",
        port=parts.port or (8443 if is_secure else 8123),
        # Signs such as ``@`` and ``/`` are spelled with percent signs in a URL.
        username=None if parts.username is None else unquote(parts.username),
        password=unquote(parts.password or ""),
        # A session would serialise what its client asks; Tocsin's statements need none.
        autogenerate_session_id=False,
    )


class ClickHousePool:
    """So many connections of one kind, each used by one thread at a time.

    All methods raise as ``translated_errors`` does. Cancelling ``fetch`` stops its query; what the other methods have
    begun is carried through.
    """

    def __init__(self, connect: Callable[[], Client], *, connections: int) -> None:
        self._connect = connect
        self._connections = connections
        #: None is a connection that is opened when it is next needed.
        self._idle: queue.SimpleQueue[Client | None] = queue.SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None
        self._stopper: _QueryStopper | None = None

    async def open(self) -> None:
        """Connect; a failed start leaves nothing open."""
        self._threads = ThreadPoolExecutor(self._connections, thread_name_prefix="clickhouse")
        self._stopper = _QueryStopper(self._connect)
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._open_connections)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Wait for running queries, then disconnect. Safe to call twice."""
        threads, self._threads = self._threads, None
        stopper, self._stopper = self._stopper, None
        if threads is not None:
            await asyncio.to_thread(self._close_connections, threads)
        if stopper is not None:
            await asyncio.to_thread(stopper.close)

    async def run(self, work: Callable[[Client], T]) -> T:
        """Run blocking ``work`` in a thread, with a connection of its own."""
        return await asyncio.wrap_future(self._submit(work))

    async def fetch(self, sql: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """The rows of a query; ``sql`` has no FORMAT clause. Strings come as bytes."""
        values = dict(parameters or {})
        name = f"/* {uuid4()} */"
        named = f"{sql}\n{name}"
        running = self._submit(lambda client: client.raw_query(named, parameters=values, fmt="ArrowStream"))
        try:
            answer = await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            if self._stopper is not None:
                self._stopper.stop(name, running)
            raise
        return pa.ipc.open_stream(answer).read_all()

    def _submit(self, work: Callable[[Client], T]) -> "Future[T]":
        if self._threads is None:
            raise StoreUnavailable("the log store is closed")
        return self._threads.submit(self._with_client, work)

    async def execute(self, *statements: str) -> None:
        """Run statements that answer nothing, in order, on one connection."""

        def work(client: Client) -> None:
            for statement in statements:
                client.command(statement)

        await self.run(work)

    async def insert(self, table: str, rows: pa.RecordBatch, *, settings: Mapping[str, Value] | None = None) -> None:
        """Insert rows by the names of their columns; durable as the table's settings say when this returns."""
        body = arrow_stream_of(rows)
        names = list(rows.schema.names)
        options = dict(settings or {})
        await self.run(lambda client: client.raw_insert(table, names, body, settings=options, fmt="ArrowStream"))

    def _open_connections(self) -> None:
        with translated_errors():
            for _ in range(self._connections):
                self._idle.put(self._connect())

    def _close_connections(self, threads: ThreadPoolExecutor) -> None:
        threads.shutdown(wait=True)
        while not self._idle.empty():
            client = self._idle.get()
            if client is not None:
                client.close()

    def _with_client(self, work: Callable[[Client], T]) -> T:
        client = self._idle.get()
        try:
            with translated_errors():
                client = client or self._connect()
                answer = work(client)
        except BaseException:
            # chDB answers the query after a failed one with what the failed one had ready: of whomever it was.
            self._idle.put(None)
            if client is not None:
                with suppress(Error):
                    client.close()
            raise
        self._idle.put(client)
        return answer


class _QueryStopper:
    """Stops queries that nobody waits for any more, over a connection that no query has.

    A query is found by the comment in its text that is its name.
    """

    def __init__(self, connect: Callable[[], Client]) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="clickhouse-stop")

    def stop(self, name: str, running: "Future[Any]") -> None:
        """Stop the query of this name, and make sure of it; returns at once."""
        if not running.done():
            self._thread.submit(self._stop, name, running)

    def close(self) -> None:
        """Disconnect; all queries have ended."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def _stop(self, name: str, running: "Future[Any]") -> None:
        if running.done():
            return
        try:
            with translated_errors():
                self._client = self._client or self._connect()
                self._client.command(f"KILL QUERY WHERE position(query, '{name}') > 0 ASYNC")
        except TocsinError as error:
            log.warning("logstore.query_not_stopped", reason=error.detail)
            return
        wait([running], timeout=_STOP_AGAIN_SECONDS)
        if not running.done():
            # Behind the others that wait to be stopped.
            with suppress(RuntimeError):
                self._thread.submit(self._stop, name, running)


def arrow_stream_of(rows: pa.RecordBatch) -> bytes:
    """The rows as a complete Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return bytes(memoryview(sink.getvalue()))
