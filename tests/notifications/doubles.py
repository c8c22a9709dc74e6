"""Jobs and incidents in memory, and receivers that are real servers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from tocsin.incidents.contracts import IncidentChanged
from tocsin.jobs.ports import Handler, Job, RetryLater


class FakeJobs:
    """Does every job when told to; one that fails is kept, with the pause that it asked for."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.waiting: dict[str, Job] = {}
        self.keys: set[str] = set()
        self.pauses: list[float] = []
        self.were_attempts: list[bool] = []

    def handle(self, kind: str, handler: Handler, *, max_attempts: int = 10) -> None:
        self.handlers[kind] = handler

    async def add(
        self,
        organization_id: UUID,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str | None = None,
        not_before: datetime | None = None,
    ) -> UUID | None:
        key = key or str(uuid4())
        if key in self.keys:
            return None
        self.keys.add(key)
        job = Job(id=uuid4(), organization_id=organization_id, kind=kind, payload=payload, attempt=1)
        self.waiting[key] = job
        return job.id

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def run(self) -> None:
        for key, job in list(self.waiting.items()):
            try:
                await self.handlers[job.kind](job)
            except RetryLater as error:
                self.pauses.append(error.after_seconds)
                self.were_attempts.append(error.is_attempt)
            else:
                del self.waiting[key]


class FakeIncidents:
    def __init__(self) -> None:
        self.events: list[IncidentChanged] = []
        self.listeners: list[Callable[[IncidentChanged], None]] = []

    async def events_after(self, organization_id: UUID, sequence: int, *, limit: int) -> Sequence[IncidentChanged]:
        ours = [each for each in self.events if each.incident.organization_id == organization_id]
        return [each for each in ours if each.sequence > sequence][:limit]

    def on_change(self, listener: Callable[[IncidentChanged], None]) -> None:
        self.listeners.append(listener)

    def happen(self, event: IncidentChanged) -> None:
        self.events.append(event)
        for listener in self.listeners:
            listener(event)


@dataclass
class Receiver:
    """An HTTP server that answers what it is told to, and then 200."""

    url: str = ""
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    hangs: bool = False

    def answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.answers.append((status, headers or {}, body))

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            pairs = (line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            headers = {name.lower(): value for name, value in pairs}
            body = await reader.readexactly(int(headers["content-length"]))
            self.received.append((headers, body))
            if self.hangs:
                await reader.read()
                return
            status, more, said = self.answers.pop(0) if self.answers else (200, {}, b"")
            extra = "".join(f"{name}: {value}\r\n" for name, value in more.items())
            writer.write(
                f"HTTP/1.1 {status} X\r\nContent-Length: {len(said)}\r\n{extra}Connection: close\r\n\r\n".encode()
            )
            writer.write(said)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class MailServer:
    """A small SMTP server; it answers each recipient with ``rcpt``."""

    port: int = 0
    rcpt: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := (await reader.readline()).decode():
            verb = line[:4].upper().strip()
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                self.messages.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(b"250 ok\r\n")
            elif verb == "RCPT" and self.rcpt:
                writer.write(f"{self.rcpt.pop(0)}\r\n".encode())
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
        writer.close()


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    made = MailServer()
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()
