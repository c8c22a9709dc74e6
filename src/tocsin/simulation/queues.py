"""Messages that wait for their consumers."""

import heapq
from collections import deque
from collections.abc import Mapping

from tocsin.simulation.state import ServiceState
from tocsin.simulation.walking import CANCELLED, Message, Walker
from tocsin.simulation.writing import SECOND_NANO

MAX_DELIVERIES = 5
"""After so many, a message that can't be worked on is put aside."""

_CONSUME_LIMIT_NANO = 60 * SECOND_NANO
_REDELIVERY_NANO = 2 * SECOND_NANO
LONGEST_QUEUE = 200_000
"""Messages; older ones are lost then, as a topic's retention does it."""


class Queues:
    """One queue for each service that consumes."""

    def __init__(self, states: Mapping[str, ServiceState]) -> None:
        self._states = states
        #: Sent, by when they arrive: a slow order sends its message later than quick ones that began after it.
        self._sent: dict[str, list[tuple[int, int, Message]]] = {}
        self._queues: dict[str, deque[Message]] = {}
        self._lanes: dict[str, list[int]] = {}

    def publish(self, message: Message) -> None:
        """Send a message."""
        name = message.plan.state.service.name
        if name not in self._queues:
            self._sent[name] = []
            self._queues[name] = deque(maxlen=LONGEST_QUEUE)
            self._lanes[name] = [0] * max(1, int(message.plan.state.workers.base_places))
        heapq.heappush(self._sent[name], (message.at, message.seed, message))

    def waiting(self, service: str) -> int:
        """How many messages wait: for a service, or for any if it consumes none itself."""
        if service in self._queues:
            return len(self._queues[service])
        return sum(map(len, self._queues.values()))

    def consume(self, second: int, walker: Walker) -> None:
        """Let every consumer work on what it has time for in this second."""
        for name, queue in self._queues.items():
            sent = self._sent[name]
            while sent and sent[0][0] < (second + 1) * SECOND_NANO:
                queue.append(heapq.heappop(sent)[-1])
            state = self._states[name]
            if not state.up or (state.trouble is not None and state.trouble.is_silent):
                continue
            self._consume(queue, self._lanes[name], second, walker)

    def _consume(self, queue: deque[Message], lanes: list[int], second: int, walker: Walker) -> None:
        begin, end = second * SECOND_NANO, (second + 1) * SECOND_NANO
        while queue and queue[0].at < end:
            lane = min(range(len(lanes)), key=lanes.__getitem__)
            at = max(lanes[lane], queue[0].at, begin)
            if at >= end:
                return
            lanes[lane] = self._deliver(queue, queue.popleft(), at, walker)

    def _deliver(self, queue: deque[Message], message: Message, at: int, walker: Walker) -> int:
        """Work on one message: when that is done."""
        message.deliveries += 1
        walker.seed(message.seed + message.deliveries)
        message.values["delivery"] = str(message.deliveries)
        limit = at + _CONSUME_LIMIT_NANO
        ended, status, _ = walker.operate(message.plan, at, limit, message.values, message.parent, message)
        if status >= CANCELLED:
            if message.deliveries < MAX_DELIVERIES:
                # In its place, as a partition keeps its order: those behind it wait.
                message.at = ended + _REDELIVERY_NANO
                queue.appendleft(message)
                return message.at
            walker.put_aside(message, ended)
        return ended
