"""What services say without being asked: health checks, heartbeats, statistics, and odd things of no importance."""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from tocsin.simulation.lifecycle import Say, memory_values
from tocsin.simulation.plans import Planner
from tocsin.simulation.state import Host, ServiceState
from tocsin.simulation.values import Values
from tocsin.simulation.vocabulary import Line
from tocsin.simulation.writing import SECOND_NANO

_HIGH_SECONDS = 5
"""How often a service that lacks something says so."""

_HIGH = {"pool": 0.9, "memory": 0.85, "disk": 0.85, "lag": 30.0}


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
        values = Values(self._random.random)
        at = second * SECOND_NANO + int(self._random.random() * SECOND_NANO * 0.999)
        pool = max(
            (part.pool for part in state.parts.values()), key=lambda pool: pool.in_use / pool.places, default=None
        )
        if pool is not None:
            busy = min(int(pool.places), round(pool.in_use))
            values["pool_total"], values["pool_active"] = str(int(pool.places)), str(busy)
            values["pool_idle"] = str(int(pool.places) - busy)
            values["pool_waiting"] = str(min(200, int(pool.backlog / SECOND_NANO * 4)))
        values["in_flight"] = str(round(state.workers.in_use))
        values["lag"] = str(self._lag(state.service.name))
        values["disk_percent"] = f"{100 * self._disk(state):.0f}"
        hit = next((part.hit_share for part in state.parts.values() if part.part.hit_share < 1), 1.0)
        values["hit_percent"] = f"{100 * min(1.0, max(0.0, hit + 0.02 * self._random.random() - 0.01)):.1f}"
        values |= memory_values(host.memory, self._random.random)
        self._say(state, lines, at, values, host)

    def _measure(self, state: ServiceState, what: str) -> float:
        if what == "pool":
            return max((part.pool.in_use / part.pool.places for part in state.parts.values()), default=0.0)
        if what == "memory":
            return max(host.memory for host in state.hosts)
        if what == "disk":
            return self._disk(state)
        return float(self._lag(state.service.name))

    @staticmethod
    def _disk(state: ServiceState) -> float:
        return max((part.fill for part in state.parts.values()), default=0.55)
