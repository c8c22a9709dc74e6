"""What a shop is made of: services, their parts, and operations that use parts and call other services.

Only words and numbers; ``shop_map`` has those of the shop, ``state`` what becomes of them second by second.
"""

from dataclasses import dataclass
from enum import StrEnum


class PartKind(StrEnum):
    """What sort of thing a service needs."""

    DATABASE = "database"
    CACHE = "cache"
    QUEUE = "queue"
    THIRD_PARTY = "third-party"
    DISK = "disk"


class Style(StrEnum):
    """How a service writes."""

    NGINX = "nginx"
    JAVA = "java"
    PYTHON = "python"
    GO = "go"
    NODE = "node"
    CPP = "cpp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something that a service needs: each service has its own pool of connections to it."""

    name: str
    kind: PartKind
    #: What it is: ``postgresql``, ``redis``, ``kafka``.
    engine: str
    address: str
    median_ms: float
    #: Of the logarithm of the latency.
    sigma: float = 0.5
    #: How many uses there can be at once, at traffic 1.
    places: int = 8
    #: A use that gets no place for so long fails.
    wait_limit_ms: float = 3000
    #: A use that takes longer fails.
    limit_ms: float = 10_000
    #: Of a cache.
    hit_share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use of a part; of a cache: ``on_miss`` is done where it hasn't got what is asked for."""

    part: str
    #: What it does, as a line shows it: an SQL statement, a command.
    statement: str
    share: float = 1.0
    #: Compared with the part's median.
    weight: float = 1.0
    #: The operation goes on without it.
    is_optional: bool = False
    on_miss: tuple["Use", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of another service's operation."""

    service: str
    operation: str
    timeout_ms: float
    retries: int = 0
    share: float = 1.0
    is_optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """A message for another service's operation, through a queue of the one that publishes."""

    part: str
    service: str
    operation: str
    topic: str
    share: float = 1.0
    is_optional: bool = False


Step = Use | Call | Publish


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An operation ends early because of what was asked for, which is nobody's fault."""

    name: str
    share: float
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a service can be asked to do."""

    name: str
    route: str
    steps: tuple[Step, ...] = ()
    #: Of the service's own work.
    median_ms: float = 3.0
    sigma: float = 0.5
    rejections: tuple[Rejection, ...] = ()
    method: str = "GET"
    #: Of an answer that is fine.
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One program, on a few hosts."""

    name: str
    style: Style
    version: str
    parts: tuple[Part, ...]
    operations: tuple[Operation, ...]
    hosts: int = 2
    #: Requests that it works on at once, at traffic 1.
    workers: int = 24
    #: Of its memory, while nothing leaks.
    memory_share: float = 0.45
    port: int = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class CronJob:
    """An operation that the clock starts."""

    service: str
    operation: str
    every_seconds: int
    after_seconds: int


@dataclass(frozen=True, slots=True)
class ShopMap:
    """All of it."""

    services: tuple[Service, ...]
    cron_jobs: tuple[CronJob, ...]

    def service(self, name: str) -> Service | None:
        """The service of that name, if there is one."""
        return next((service for service in self.services if service.name == name), None)

    def callers(self, name: str) -> frozenset[str]:
        """Every service that waits for this one, directly or through others; not those that only send it messages."""
        found = {name}
        while True:
            more = {
                service.name
                for service in self.services
                for operation in service.operations
                for step in operation.steps
                if isinstance(step, Call) and step.service in found
            }
            if more <= found:
                return frozenset(found - {name})
            found |= more
