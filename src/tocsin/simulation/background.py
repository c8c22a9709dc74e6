"""What services say without being asked: health checks, heartbeats, statistics, and odd things of no importance."""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from tocsin.simulation.lifecycle import Say, memory_values
from tocsin.simulation.plans import Planner
from tocsin.simulation.state import Host, ServiceState
from tocsin.simulation.values import Draw, Values
from tocsin.simulation.vocabulary import Line
from tocsin.simulation.writing import SECOND_NANO

_HIGH_SECONDS = 5
"""How often a service that lacks something says so."""

_HIGH = {"pool": 0.9, "memory": 0.85, "disk": 0.85, "lag": 12.0}


@dataclass(slots=True)
class _Clocked:
    state: ServiceState
    host: Host
    lines: tuple[Line, ...]


@dataclass(slots=True)
class _Odd:
    state: ServiceState
    lines: tuple[Line, ...]
    mean_seconds: float


class Background:
    """All of it, second by second."""

    def __init__(
        self,
        states: Mapping[str, ServiceState],
        planner: Planner,
        seed: int,
        start_second: int,
        say: Say,
        lag: Callable[[str], int],
    ) -> None:
        self._states = states
        self._seed = seed
        self._say = say
        self._lag = lag
        self._random = Random()  # noqa: S311  # a simulation's
        self._chances = Random(f"{seed}/odd")  # noqa: S311  # a simulation's
        self._clocks: dict[int, list[list[_Clocked]]] = {}
        self._odd: list[_Odd] = []
        self._high: list[tuple[ServiceState, str, tuple[Line, ...]]] = []
        for name, vocabulary in planner.vocabularies.items():
            for moment in vocabulary.moments:
                self._read(states[name], moment, vocabulary.lines(moment, has_trace=False))
        self._due = [
            (start_second + self._chances.expovariate(1 / odd.mean_seconds), number)
            for number, odd in enumerate(self._odd)
        ]
        heapq.heapify(self._due)

    def _read(self, state: ServiceState, moment: str, lines: tuple[Line, ...]) -> None:
        kind, _, rest = moment.partition(" ")
        if kind == "every":
            period = int(rest)
            seconds = self._clocks.setdefault(period, [[] for _ in range(period)])
            for host in state.hosts:
                seconds[self._chances.randrange(period)].append(_Clocked(state, host, lines))
        elif kind == "about":
            self._odd += [_Odd(state, (line,), float(rest)) for line in lines]
        elif kind == "high":
            self._high.append((state, rest, lines))

    def tick(self, second: int, level: float) -> None:
        """Write what is due; ``level`` is how busy the shop is."""
        self._random.seed((self._seed << 41) ^ second)
        for period, seconds in self._clocks.items():
            for clocked in seconds[second % period]:
                if clocked.host.down_until == 0:
                    self._write(clocked.state, clocked.lines, clocked.host, second)
        while self._due[0][0] < second + 1:
            at, number = heapq.heappop(self._due)
            odd = self._odd[number]
            pause = self._chances.expovariate(max(0.1, level) / odd.mean_seconds)
            heapq.heappush(self._due, (at + max(1.0, pause), number))
            if odd.state.up:
                self._write(odd.state, odd.lines, odd.state.up[int(self._random.random() * len(odd.state.up))], second)
        if second % _HIGH_SECONDS == 0:
            for state, what, lines in self._high:
                if state.up and self._measure(state, what) >= _HIGH[what]:
                    self._write(state, lines, state.up[-1], second)

    def _write(self, state: ServiceState, lines: tuple[Line, ...], host: Host, second: int) -> None:
        values = _StateValues(self._random.random, state, host, self._lag)
        at = second * SECOND_NANO + int(self._random.random() * SECOND_NANO * 0.999)
        self._say(state, lines, at, values, host)

    def _measure(self, state: ServiceState, what: str) -> float:
        if what == "pool":
            return max((part.pool.in_use / part.pool.places for part in state.parts.values()), default=0.0)
        if what == "memory":
            return max(host.memory for host in state.hosts)
        if what == "disk":
            return _disk(state)
        return float(self._lag(state.service.name))


class _StateValues(Values):
    """Values that say how a service is; worked out only where a line wants them."""

    __slots__ = ("_host", "_lag", "_state")

    def __init__(self, draw: Draw, state: ServiceState, host: Host, lag: Callable[[str], int]) -> None:
        super().__init__(draw)
        self._state = state
        self._host = host
        self._lag = lag

    def __missing__(self, name: str) -> str:
        first, _, _ = name.partition("_")
        if first == "pool" and name != "pool_ip":
            self |= self._pool()
        elif first in ("memory", "heap", "long"):
            self |= memory_values(self._host.memory, self.draw)
        elif name == "in_flight":
            self[name] = str(round(self._state.workers.in_use))
        elif name == "lag":
            self[name] = str(self._lag(self._state.service.name))
        elif name == "disk_percent":
            self[name] = f"{100 * _disk(self._state):.0f}"
        elif name == "hit_percent":
            hit = next((part.hit_share for part in self._state.parts.values() if part.part.hit_share < 1), 1.0)
            self[name] = f"{100 * min(1.0, max(0.0, hit + 0.02 * self.draw() - 0.01)):.1f}"
        else:
            return super().__missing__(name)
        return self[name]

    def _pool(self) -> dict[str, str]:
        pools = [part.pool for part in self._state.parts.values()]
        pool = max(pools, key=lambda pool: pool.in_use / pool.places)
        total = max(1, int(pool.places))
        busy = min(total, round(pool.in_use))
        return {
            "pool_total": str(total),
            "pool_active": str(busy),
            "pool_idle": str(total - busy),
            "pool_waiting": str(min(200, int(pool.backlog / SECOND_NANO * 4))),
        }


def _disk(state: ServiceState) -> float:
    return max((part.fill for part in state.parts.values()), default=0.55)
