"""An application behind the real HTTP server, in this process: what a test of connections needs."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from tocsin.api.serving import server_config
from tocsin.kit.setting_sections import EdgeSettings

EDGE = EdgeSettings(trusted_proxies=(), cors_origins=(), slow_client_seconds=30.0)


class _Server(uvicorn.Server):
    """A server that says when it answers, and leaves this process's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answers.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(application: Any, edge: EdgeSettings = EDGE) -> AsyncIterator[int]:
    """Serve the application as Tocsin would while the block runs; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = server_config(application, edge)
    config.timeout_graceful_shutdown = 1
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        await server.answers.wait()
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def asked(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which a GET has been sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    await writer.drain()
    return reader, writer


async def sent(port: int, *pieces: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which these bytes have been sent, each piece on its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    return reader, writer


async def everything(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server closes."""
    async with asyncio.timeout(30):
        return await reader.read()
