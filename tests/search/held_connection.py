"""A WebSocket's other end that takes messages, and lets the application wait for it."""

import asyncio
import json
from typing import Any

from litestar import Litestar

Message = dict[str, Any]


class HeldConnection:
    """A connection to the application whose messages are taken, but let go of only when it is open."""

    def __init__(self, app: Litestar, token: str) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.taken: asyncio.Queue[Message] = asyncio.Queue()
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._said.put_nowait({"type": "websocket.connect"})
        scope: Any = {
            "type": "websocket",
            "path": "/live/logs",
            "raw_path": b"/live/logs",
            "root_path": "",
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {token}".encode())],
            "subprotocols": [],
            "scheme": "ws",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        self.served = asyncio.create_task(app(scope, self._said.get, self._take))  # type: ignore[arg-type]

    async def _take(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            self.taken.put_nowait(json.loads(message["text"]))
            await self.open.wait()

    def say(self, **message: Any) -> None:
        self._said.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    async def leave(self) -> None:
        self._said.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.served
