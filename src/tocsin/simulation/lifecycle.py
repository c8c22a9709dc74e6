"""Hosts come and go: deploys on ordinary days, deploys that faults bring, and what the kernel kills for its memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tocsin.simulation.plans import Planner
from tocsin.simulation.state import Host, ServiceState
from tocsin.simulation.topology import Service
from tocsin.simulation.values import Values
from tocsin.simulation.vocabulary import Line
from tocsin.simulation.writing import SECOND_NANO

FULL_MEMORY = 0.985
"""From here on, a process is killed."""

_PRESSED_MEMORY = 0.85
"""From here on, collecting garbage takes time from requests."""

_PRESSURE = 22.0
_ROLLING_SECONDS = 38
_START_SECONDS = 7
_RESTART_SECONDS = 5
_NOTICED_SECONDS = 4
"""After so long, nobody is sent any more to a host that is gone."""

_DEPLOY_CHANCE = 0.4
_DEPLOY_HOURS = (9, 16)
_DAY_SECONDS = 86_400
_EPOCH_WEEKDAY = 3
_FRIDAY = 4
_RELOAD_CHANCE = 0.5
_DECAY = 0.03

Say = Callable[[ServiceState, Sequence[Line], int, Values, Host], None]


@dataclass(slots=True)
class _Event:
    state: ServiceState
    kind: str
    host: int = 0
    version: str = ""
    warnings: int = 0


class Lifecycle:
    """Every host of the shop."""

    def __init__(self, states: Mapping[str, ServiceState], planner: Planner, seed: int, say: Say) -> None:
        self._states = states
        self._seed = seed
        self._say = say
        self._random = Random()  # noqa: S311  # a simulation's
        self._events: dict[int, list[_Event]] = {}
        self._day = -1
        self._gone: list[tuple[int, ServiceState]] = []
        self._lines: dict[tuple[str, str], tuple[Line, ...]] = {}
        for name, vocabulary in planner.vocabularies.items():
            for moment in ("startup", "shutdown", "killed", "reload", "deprecated"):
                self._lines[name, moment] = vocabulary.lines(moment, has_trace=False)

    def deploy(self, service: str, version: str, second: int, warnings: int = 0) -> None:
        """Replace a service host by host, from a second on."""
        state = self._states[service]
        for number in range(len(state.hosts)):
            at = second + number * _ROLLING_SECONDS
            self._at(at, _Event(state, "stop", number))
            self._at(at + _START_SECONDS, _Event(state, "start", number, version, warnings))

    def tick(self, second: int) -> None:
        """Do what is due in this second."""
        day = second // _DAY_SECONDS
        if day != self._day:
            self._plan_day(day, second)
            self._day = day
        for state in self._states.values():
            if state.trouble is not None and state.trouble.leak:
                self._leak(state, second)
            elif state.hosts[0].memory != state.service.memory_share:
                for host in state.hosts:
                    host.memory += (state.service.memory_share - host.memory) * _DECAY
                    if abs(host.memory - state.service.memory_share) < 0.001:
                        host.memory = state.service.memory_share
        for event in self._events.pop(second, ()):
            self._do(event, second)
        if self._gone:
            self._notice(second)

    def _plan_day(self, day: int, now: int) -> None:
        for name, state in self._states.items():
            random = Random(f"{self._seed}/{day}/{name}")  # noqa: S311  # a simulation's
            weekday = (day + _EPOCH_WEEKDAY) % 7
            second = day * _DAY_SECONDS + random.randint(_DEPLOY_HOURS[0] * 3600, _DEPLOY_HOURS[1] * 3600)
            if random.random() < _DEPLOY_CHANCE and weekday < _FRIDAY and second >= now:
                self._at(second, _Event(state, "deploy"))
            second = day * _DAY_SECONDS + random.randint(0, _DAY_SECONDS - 1)
            if random.random() < _RELOAD_CHANCE and second >= now:
                self._at(second, _Event(state, "reload"))

    def _at(self, second: int, event: _Event) -> None:
        self._events.setdefault(second, []).append(event)

    def _do(self, event: _Event, second: int) -> None:
        state = event.state
        if event.kind == "deploy":
            self.deploy(state.service.name, next_version(state.hosts[0].version), second)
            for due in self._events.pop(second, ()):
                self._do(due, second)
            return
        host = state.hosts[event.host]
        if event.kind == "stop":
            if host.down_until == 0 and (len(state.up) > 1 or len(state.hosts) == 1):
                self._tell(state, "shutdown", host, second, 2.0)
                self._down(state, host, second + _START_SECONDS, 0, second)
        elif event.kind == "start":
            self._start(event, host, second)
        else:
            self._tell(state, "reload", host, second, 0.6)

    def _start(self, event: _Event, host: Host, second: int) -> None:
        state = event.state
        host.down_until = 0
        host.memory = state.service.memory_share
        if event.version:
            host.version = event.version
        dress(host, state.service)
        state.up = [one for one in state.hosts if one.down_until == 0]
        self._tell(state, "startup", host, second - 3, 2.9)
        for _ in range(event.warnings):
            self._tell(state, "deprecated", host, second, 0.9)

    def _tell(self, state: ServiceState, moment: str, host: Host, second: int, seconds: float) -> None:
        """Write the lines of a moment, spread over so many seconds."""
        lines = self._lines[state.service.name, moment]
        if not lines:
            return
        self._random.seed(f"{self._seed}/{second}/{host.name}/{moment}")
        values = Values(self._random.random)
        values["version"] = host.version
        values |= memory_values(host.memory, self._random.random)
        # Nothing may be written for seconds that are over.
        begin = second * SECOND_NANO if moment != "startup" else (second + 3) * SECOND_NANO
        step = int(seconds * SECOND_NANO / (len(lines) + 1))
        for number, line in enumerate(lines):
            at = begin + int(step * (number + self._random.random()))
            self._say(state, (line,), at, values, host)

    def _leak(self, state: ServiceState, second: int) -> None:
        trouble = state.trouble
        assert trouble is not None
        for host in state.up:
            host.memory += trouble.leak * host.leak_factor
        pressed = max((host.memory for host in state.up), default=0.0) - _PRESSED_MEMORY
        if pressed > 0:
            trouble.factor *= 1 + pressed * _PRESSURE
            trouble.slow_causes |= trouble.leak_causes
        for host in list(state.up):
            if host.memory >= FULL_MEMORY:
                self._tell(state, "killed", host, second, 0.9)
                number = state.hosts.index(host)
                back = second + _START_SECONDS + _RESTART_SECONDS
                self._down(state, host, back, trouble.leak_causes, second)
                self._at(back, _Event(state, "start", number))

    def _down(self, state: ServiceState, host: Host, until: int, causes: int, second: int) -> None:
        host.down_until = until
        state.up = [one for one in state.hosts if one.down_until == 0]
        if causes:
            state.gone_causes |= causes
            self._gone.append((second + _NOTICED_SECONDS, state))
        self._notice(second)

    def _notice(self, second: int) -> None:
        self._gone = [(until, state) for until, state in self._gone if until > second]
        for state in self._states.values():
            recent = sum(1 for _, gone in self._gone if gone is state)
            state.gone_share = 1.0 if not state.up else recent / len(state.hosts)
            if not state.gone_share:
                state.gone_causes = 0


def dress(host: Host, service: Service) -> None:
    """Say in every line of a host where it was written."""
    host.tail = (
        f'"host.name":"{host.name}","service.version":"{host.version}","deployment.environment":"production"}}}}'
    )


def next_version(version: str) -> str:
    """The version after this one."""
    *first, last = version.split(".")
    return ".".join((*first, str(int(last) + 1)))


def memory_values(memory: float, draw: Callable[[], float]) -> dict[str, str]:
    """A host's memory, in the units that lines want."""
    shown = min(0.999, memory * (0.97 + 0.06 * draw()))
    return {
        "memory_percent": f"{100 * shown:.1f}",
        "heap_mb": str(int(2048 * shown)),
        "heap_before_mb": str(int(2048 * min(0.999, shown + 0.18 + 0.2 * draw()))),
        "heap_kb": str(int(2_097_152 * shown)),
        "heap_bytes": str(int(2_147_483_648 * shown)),
        "long_pause": f"{700 + 2600 * draw():.1f}",
    }
