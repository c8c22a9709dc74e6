"""The shop as a ``Simulation``: a seed, a start and faults go in, logs and the truth about them come out."""

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

from tocsin.simulation.background import Background
from tocsin.simulation.checking import InvalidFault, complaints
from tocsin.simulation.contracts import Chunk, Effect, Fault, GroundTruth, Mechanism
from tocsin.simulation.faults import RunningFault, apply, seconds_of
from tocsin.simulation.lifecycle import Lifecycle, dress
from tocsin.simulation.parameters import number, text
from tocsin.simulation.plans import Planner
from tocsin.simulation.queues import Queues
from tocsin.simulation.shop_map import GATEWAY, SHOP
from tocsin.simulation.state import Host, ServiceState
from tocsin.simulation.traffic import Request, Traffic, poisson
from tocsin.simulation.truth import truth_of
from tocsin.simulation.values import Values
from tocsin.simulation.vocabulary import Line
from tocsin.simulation.walking import Observer, Walker
from tocsin.simulation.writing import SECOND_NANO, Writer

_ENTRY_LIMIT_NANO = 60 * SECOND_NANO
_JOB_LIMIT_NANO = 120 * SECOND_NANO


class Shop:
    """A shop of microservices that goes on, second by second."""

    def __init__(
        self,
        seed: int,
        start_unix_nano: int,
        faults: Sequence[Fault] = (),
        traffic: float = 1.0,
        observer: Observer | None = None,
    ) -> None:
        """Open it. ``traffic`` is how many customers there are, 1 being usual; its pools are of a size that fits.

        An ``observer`` is told every span.
        """
        self._seed = seed
        self._factor = traffic
        self._second = start_unix_nano // SECOND_NANO
        self._states = new_states(seed, max(1.0, traffic))
        self._planner = Planner(SHOP, self._states)
        self._writer = Writer()
        self._queues = Queues(self._states)
        self._walker = Walker(len(self._states), self._writer, self._queues.publish)
        self._walker.observer = observer
        self._traffic = Traffic(seed, traffic, self._second)
        self._lifecycle = Lifecycle(self._states, self._planner, seed, self._say)
        self._background = Background(self._states, self._planner, seed, self._second, self._say, self._queues.waiting)
        self._faults: list[RunningFault] = []
        self._is_troubled = False
        for fault in faults:
            self.inject(fault)

    def advance(self, until_unix_nano: int) -> Chunk:
        """Let the shop go on to a moment, cut to whole seconds."""
        until = max(self._second, until_unix_nano // SECOND_NANO)
        lines: list[str] = []
        for second in range(self._second, until):
            self._tick(second)
            lines += self._writer.take(second)
        self._second = until
        ndjson = "\n".join([*lines, ""]).encode() if lines else b""
        return Chunk(ndjson, len(lines), until * SECOND_NANO)

    def inject(self, fault: Fault) -> None:
        """Let a fault begin ``onset_seconds`` after the second that comes next.

        Raises:
            InvalidFault: it names what there isn't, or its name is taken.
        """
        found = complaints(fault)
        if any(running.fault.name == fault.name for running in self._faults):
            found.append(f"name: there is a fault {fault.name!r} already")
        if found:
            raise InvalidFault("; ".join(found))
        onset, end = seconds_of(fault, self._second)
        self._faults.append(RunningFault(fault, 1 << len(self._faults), onset, end))

    def truth(self) -> Sequence[GroundTruth]:
        """What every fault was that has begun so far."""
        names = [state.service.name for state in self._states.values()]
        return [
            truth_of(running, names, self._walker.affected)
            for running in self._faults
            if running.onset_second < self._second
        ]

    def _say(self, state: ServiceState, lines: Sequence[Line], at: int, values: Values, host: Host) -> None:
        self._walker.speaker.say_oddly(lines, at, values, host, state.trouble)

    def _tick(self, second: int) -> None:
        added = self._apply_faults(second)
        self._lifecycle.tick(second)
        begin = second * SECOND_NANO
        for request in self._traffic.requests(second):
            self._serve(request, begin, None)
        for effect, request in added:
            self._serve(request, begin, effect)
        for job in SHOP.cron_jobs:
            if second % job.every_seconds == job.after_seconds:
                self._run_job(job.service, job.operation, second)
        self._queues.consume(second, self._walker)
        self._background.tick(second, self._traffic.level(second))
        for state in self._states.values():
            state.settle()

    def _apply_faults(self, second: int) -> list[tuple[Effect, Request]]:
        added: list[tuple[Effect, Request]] = []
        if self._is_troubled:
            for state in self._states.values():
                state.clear_trouble()
            self._is_troubled = False
        for running in self._faults:
            if second == running.onset_second:
                self._begin(running, second)
            strength = running.strength(second)
            if strength:
                self._is_troubled = True
                for effect in running.fault.effects:
                    apply(effect, strength, running.bit, self._states)
                    if effect.mechanism is Mechanism.SATURATION:
                        added += self._additional(effect, strength, second)
        return added

    def _begin(self, running: RunningFault, second: int) -> None:
        for effect in running.fault.effects:
            if effect.mechanism is Mechanism.DEPENDENCY:
                ended = datetime.fromtimestamp(second, UTC)
                self._walker.speaker.facts = {
                    "not_after": f"{ended:%Y-%m-%dT%H:%M:%SZ}",
                    "not_after_java": f"{ended:%a %b %d %H:%M:%S UTC %Y}",
                }
            if effect.mechanism is Mechanism.CONFIG and text(effect, "version"):
                warnings = int(number(effect, "warnings"))
                self._lifecycle.deploy(effect.service, text(effect, "version"), second, warnings)

    def _additional(self, effect: Effect, strength: float, second: int) -> list[tuple[Effect, Request]]:
        rate = number(effect, "rate") * strength * self._factor
        if not rate:
            return []
        random = Random((self._seed << 42) ^ second)  # noqa: S311  # a simulation's
        operation, outcome = text(effect, "operation"), text(effect, "outcome")
        return [
            (effect, Request(operation, int(random.random() * 1e9), random.getrandbits(62), None, outcome))
            for _ in range(poisson(rate, random))
        ]

    def _serve(self, request: Request, begin: int, effect: Effect | None) -> None:
        walker = self._walker
        plan = self._planner.plans[GATEWAY, request.operation]
        if not plan.state.up:
            return
        walker.seed(request.seed)
        values = Values(walker.draw)
        values["trace"] = f"{walker.bits(128):032x}"
        session = request.session
        if session is not None:
            values["user"] = session.user
            values["ip"] = session.address
            values["agent"] = session.agent
            values["session"] = session.session
            values["cart"] = session.cart
        elif effect is None:
            values["ip"], values["agent"] = values["bot_ip"], values["bot_agent"]
        else:
            number_of_address = int(walker.draw() * number(effect, "addresses"))
            values["ip"] = f"45.155.{number_of_address // 250}.{1 + number_of_address % 250}"
            values["agent"] = text(effect, "agent")
            values.forced = request.forced
        at = begin + request.after_nano
        walker.operate(plan, at, at + _ENTRY_LIMIT_NANO, values, "")

    def _run_job(self, service: str, operation: str, second: int) -> None:
        walker = self._walker
        plan = self._planner.plans[service, operation]
        if not plan.state.up:
            return
        walker.seed(zlib.crc32(f"{self._seed}/{second}/{operation}".encode()))
        values = Values(walker.draw)
        values["trace"] = f"{walker.bits(128):032x}"
        at = second * SECOND_NANO + int(walker.draw() * SECOND_NANO * 0.2)
        walker.operate(plan, at, at + _JOB_LIMIT_NANO, values, "")


def new_states(seed: int, scale: float) -> dict[str, ServiceState]:
    """Every service with its hosts, by name; ``scale`` is by how much its pools are larger than at traffic 1."""
    states = {}
    for index, service in enumerate(SHOP.services):
        random = Random(f"{seed}/hosts/{service.name}")  # noqa: S311  # a simulation's
        letters = "bcdfghjklmnpqrstvwxz2456789"
        replica_set = "".join(random.choices(letters, k=9))
        hosts = []
        for _ in range(service.hosts):
            name = f"{service.name}-{replica_set}-{''.join(random.choices(letters, k=5))}"
            host = Host(name, service.version, service.memory_share, random.uniform(0.8, 1.2))
            dress(host, service)
            hosts.append(host)
        states[service.name] = ServiceState(service, index, hosts, scale)
    return states
