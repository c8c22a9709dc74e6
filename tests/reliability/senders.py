"""Senders that never give up: each sends a batch until the server has acknowledged it, then the next."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.server import TocsinServer

_PAUSE_SECONDS = 0.03
_RETRY_AFTER_SECONDS = 0.05
_RETRIED_STATUSES = frozenset({429, 503})

_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_HISTORY_DAYS = 40

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """One request's logs; what is sent again is the same to the last byte."""

    body: bytes
    messages: Counter[str]

    @classmethod
    def of(cls, records: list[Record]) -> "Batch":
        return cls(json.dumps({"logs": records}).encode(), Counter(record["message"] for record in records))


class Sender(threading.Thread):
    """Sends batches, numbered from zero, while the gate is open."""

    def __init__(self, server: TocsinServer, make_batch: Callable[[int], list[Record]], gate: threading.Event) -> None:
        super().__init__(name=f"sender-{make_batch.__name__}", daemon=True)
        self._server = server
        self._make_batch = make_batch
        self._gate = gate
        self._number = 0
        #: Held while a request is under way; what follows may be read by whoever holds it.
        self.busy = threading.Lock()
        self.acknowledged: Counter[str] = Counter()
        self.in_flight: Batch | None = None
        self.retried = 0
        self.failure: str | None = None

    def run(self) -> None:
        with self._server.sender() as client:
            while self.failure is None:
                self._gate.wait()
                with self.busy:
                    delay = self._send(client) if self._gate.is_set() else 0
                time.sleep(delay)

    def _send(self, client: httpx.Client) -> float:
        """Try once; returns how long to wait before the next try."""
        if self.in_flight is None:
            self.in_flight = Batch.of(self._make_batch(self._number))
            self._number += 1
        else:
            self.retried += 1
        try:
            answer = client.post("/v1/ingest", content=self.in_flight.body)
        except httpx.TransportError:
            return _RETRY_AFTER_SECONDS
        if answer.status_code == 200 and answer.json()["received"] == self.in_flight.messages.total():
            self.acknowledged += self.in_flight.messages
            self.in_flight = None
            return _PAUSE_SECONDS
        if answer.status_code not in _RETRIED_STATUSES:
            self.failure = f"{answer.status_code} {answer.text}"
        return _RETRY_AFTER_SECONDS


class Senders:
    """Four senders of different habits, stopped and let go together."""

    def __init__(self, server: TocsinServer) -> None:
        self._gate = threading.Event()
        habits = (large_batches, small_batches, old_history, lines_that_repeat)
        self._senders = [Sender(server, habit, self._gate) for habit in habits]
        for sender in self._senders:
            sender.start()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send while the block runs; at its end no request is under way."""
        self._gate.set()
        try:
            yield
        finally:
            self._gate.clear()
            for sender in self._senders:
                with sender.busy:
                    assert sender.failure is None, sender.failure

    @property
    def acknowledged(self) -> Counter[str]:
        """The messages, and how often each, of all batches that were acknowledged."""
        return sum((sender.acknowledged for sender in self._senders), Counter())

    @property
    def in_flight(self) -> list[Counter[str]]:
        """The messages of each batch that was sent and not acknowledged: it may be stored or not."""
        return [sender.in_flight.messages for sender in self._senders if sender.in_flight is not None]

    @property
    def retried(self) -> int:
        """How many requests were sent again."""
        return sum(sender.retried for sender in self._senders)


def large_batches(number: int) -> list[Record]:
    now = time.time_ns()
    return [{"timestamp": now + row, "message": f"large {number} row {row}"} for row in range(300)]


def small_batches(number: int) -> list[Record]:
    now = time.time_ns()
    return [{"timestamp": now + row, "message": f"small {number} row {row}"} for row in range(1 + number % 3)]


def old_history(number: int) -> list[Record]:
    """Each batch over many days, in no order: the store can't tell by their times that they are new."""
    start = time.time_ns() - _HISTORY_DAYS * _DAY
    return [
        {"timestamp": start + (number * 7 + row * 5) % 20 * _DAY + row, "message": f"old {number} row {row}"}
        for row in range(40)
    ]


def lines_that_repeat(number: int) -> list[Record]:
    """The same line several times in one batch: every one of them is a log."""
    now = time.time_ns()
    return [{"timestamp": now, "message": f"repeated {number} line {row % 5}"} for row in range(20)]
