"""What becomes of the shop second by second: pools fill, memory leaks, hosts go and come back.

A pool is a fluid queue. In each second it is asked for so many place-seconds, and gives as many as it has places;
what it can't give waits, and delays whoever comes next (Little's law: places in use = arrivals · time each).
"""

from dataclasses import dataclass, field

from tocsin.simulation.topology import Part, Service
from tocsin.simulation.writing import SECOND_NANO

MILLISECOND_NANO = 1_000_000
CROWDED_SHARE = 0.6
"""From this share of its places on, a pool makes all that it does slower."""

CROWDED_FACTOR = 2.5
"""How much slower, when all places are in use."""

LONGEST_WAIT = 1.5
"""As a multiple of a pool's limit: who would wait longer goes away."""

_REMEMBERED = 0.7
"""Of a second's use in the next: work doesn't end with the second that it began in."""

Chance = tuple[float, str, int, str]
"""A share of uses, what goes wrong with them, the faults at work, and the only operation concerned (or "")."""


@dataclass(slots=True)
class Trouble:
    """What faults do to a service or a part in this second. ``…_causes`` are bits, one a fault."""

    factor: float = 1.0
    added_nano: int = 0
    slow_share: float = 1.0
    slow_causes: int = 0
    #: What goes wrong inside.
    errors: list[Chance] = field(default_factory=list)
    #: Why it can't be reached at all.
    unreachable: list[Chance] = field(default_factory=list)
    places_share: float = 1.0
    hold_factor: float = 1.0
    #: Of all places, taken by others.
    load: float = 0.0
    pool_causes: int = 0
    #: Memory of a service, or the disk under a part, a second.
    leak: float = 0.0
    leak_causes: int = 0
    is_silent: bool = False
    is_quiet: bool = False
    silence_causes: int = 0
    retries: int | None = None
    timeout_factor: float = 1.0
    config_causes: int = 0
    hit_share: float | None = None
    skew_nano: int = 0
    debug_share: float = 0.0
    #: Of items, that can't be worked on.
    poison_share: float = 0.0
    poison_causes: int = 0


class Pool:
    """Places that are given and come back."""

    __slots__ = (
        "_calm",
        "backlog",
        "base_places",
        "causes",
        "in_use",
        "limit",
        "places",
        "slowdown",
        "taint",
        "wait",
        "work",
    )

    def __init__(self, places: float, limit_nano: int) -> None:
        self.base_places = self.places = places
        self._calm = places * CROWDED_SHARE * SECOND_NANO
        self.limit = limit_nano
        #: Place-nanoseconds asked for in this second, and the faults that made some of them longer.
        self.work = 0
        self.taint = 0
        self.backlog = 0.0
        #: How long the next one waits, in nanoseconds, and the faults that are why.
        self.wait = 0
        self.causes = 0
        self.in_use = 0.0
        self.slowdown = 1.0

    def settle(self, trouble: Trouble | None) -> None:
        """End a second."""
        if trouble is None and not self.backlog and self.work <= self._calm:
            self.in_use = max(self.work / SECOND_NANO, self.in_use * _REMEMBERED)
            self.places = self.base_places
            self.work = self.wait = self.taint = self.causes = 0
            self.slowdown = 1.0
            return
        self.places = places = self.base_places
        asked = self.work + self.backlog
        if trouble is not None:
            self.places = places = max(0.01, places * trouble.places_share)
            asked += trouble.load * self.base_places * SECOND_NANO + self.work * (trouble.hold_factor - 1)
            self.taint |= trouble.pool_causes
        self.work = 0
        needed = asked / SECOND_NANO
        self.in_use = min(places, max(needed, self.in_use * _REMEMBERED))
        if needed <= places * CROWDED_SHARE and not self.backlog:
            self.wait = self.taint = self.causes = 0
            self.slowdown = 1.0
            return
        self.backlog = min(max(0.0, asked - places * SECOND_NANO), LONGEST_WAIT * self.limit * places)
        self.wait = int(self.backlog / places)
        crowd = min(1.0, max(0.0, (needed / places - CROWDED_SHARE) / (1 - CROWDED_SHARE)))
        self.slowdown = 1 + crowd * (CROWDED_FACTOR - 1)
        self.causes |= self.taint
        self.taint = 0


class PartState:
    """A part as it is now."""

    __slots__ = ("fill", "full_causes", "hit_share", "limit", "median", "part", "pool", "trouble")

    def __init__(self, part: Part, scale: float) -> None:
        self.part = part
        self.median = part.median_ms * MILLISECOND_NANO
        self.limit = int(part.limit_ms * MILLISECOND_NANO)
        self.pool = Pool(part.places * scale, int(part.wait_limit_ms * MILLISECOND_NANO))
        self.trouble: Trouble | None = None
        self.hit_share = part.hit_share
        #: Of its disk.
        self.fill = 0.55
        self.full_causes = 0

    def settle(self) -> None:
        """End a second."""
        trouble = self.trouble
        self.pool.settle(trouble)
        if trouble is None:
            self.hit_share = self.part.hit_share
            if self.full_causes:
                self.fill, self.full_causes = 0.55, 0
            return
        self.hit_share = self.part.hit_share if trouble.hit_share is None else trouble.hit_share
        if trouble.leak_causes:
            self.fill = min(1.0, self.fill + trouble.leak)
            if self.fill >= 1.0:
                self.full_causes = trouble.leak_causes
        elif self.full_causes:
            self.fill, self.full_causes = 0.55, 0


class Host:
    """One of a service's machines."""

    __slots__ = ("down_until", "leak_factor", "memory", "name", "tail", "version")

    def __init__(self, name: str, version: str, memory: float, leak_factor: float) -> None:
        self.name = name
        self.version = version
        self.memory = memory
        self.leak_factor = leak_factor
        #: The second in which it is back; 0 while it is up.
        self.down_until = 0
        #: What ends every line: where it was written.
        self.tail = ""


class ServiceState:
    """A service as it is now."""

    __slots__ = ("gone_causes", "gone_share", "hosts", "index", "parts", "service", "trouble", "up", "workers")

    def __init__(self, service: Service, index: int, hosts: list[Host], scale: float) -> None:
        self.service = service
        self.index = index
        self.hosts = hosts
        self.up = list(hosts)
        self.parts = {part.name: PartState(part, scale) for part in service.parts}
        self.workers = Pool(service.workers * scale, 2000 * MILLISECOND_NANO)
        self.trouble: Trouble | None = None
        #: Of calls, that go to a host that isn't there any more.
        self.gone_share = 0.0
        self.gone_causes = 0

    def settle(self) -> None:
        """End a second."""
        self.workers.settle(self.trouble)
        for part in self.parts.values():
            part.settle()

    def trouble_at(self, part: str | None) -> Trouble:
        """What faults do to the service or one of its parts, to be added to."""
        target: ServiceState | PartState = self if part is None else self.parts[part]
        if target.trouble is None:
            target.trouble = Trouble()
        return target.trouble

    def clear_trouble(self) -> None:
        """Nothing is wrong any more, unless it is said again."""
        self.trouble = None
        for part in self.parts.values():
            part.trouble = None
