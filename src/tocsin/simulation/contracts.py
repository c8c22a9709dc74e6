"""What goes into a simulation, and what comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Mechanism(StrEnum):
    """What a fault does to a part of the shop. A fault is a composition of some of these."""

    #: Calls take longer.
    LATENCY = "latency"
    #: Calls fail.
    ERROR = "error"
    #: A bounded pool (connections, threads, file handles) has fewer places, or gives them back later.
    EXHAUSTION = "exhaustion"
    #: Memory or disk fills over time, until the process is killed or can't write.
    LEAK = "leak"
    #: More work comes than the part can do.
    SATURATION = "saturation"
    #: The part says and does nothing.
    SILENCE = "silence"
    #: The part works by other rules since a deploy or a change of its configuration.
    CONFIG = "config"
    #: What the part needs outside of the shop (DNS, a third party, a certificate) fails.
    DEPENDENCY = "dependency"
    #: Single items (messages, rows, requests) can't be worked on.
    DATA = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One mechanism at one place."""

    mechanism: Mechanism
    #: The service whose part is concerned.
    service: str
    #: Which part: the service itself where left out, or one of its resources or dependencies, such as ``db``.
    part: str | None = None
    #: What the mechanism needs, by name: a factor, a share, a size.
    parameters: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Trouble, or what only looks like it, at a time."""

    #: Unique in a run.
    name: str
    #: The kind of trouble in the field's words: ``connection-pool-exhaustion``.
    kind: str
    effects: Sequence[Effect]
    #: After the start of the run.
    onset_seconds: float
    #: How long it takes to grow to its size; 0: at once.
    ramp_seconds: float = 0.0
    #: After the onset; None: to the end of the run.
    duration_seconds: float | None = None
    #: How strong it is once grown: 1 is as its effects say.
    size: float = 1.0
    #: A look-alike is nothing to be woken for.
    is_harmless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Faults that belong together, as a file has them."""

    name: str
    description: str
    faults: Sequence[Fault]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruth:
    """What one fault was: for whoever judges afterwards. Nothing in the product reads it."""

    fault: str
    kind: str
    is_harmless: bool
    cause_service: str
    mechanisms: Sequence[Mechanism]
    onset_unix_nano: int
    end_unix_nano: int | None
    #: Services that had errors, time-outs or slow calls because of it, by what the simulation did; the cause too.
    affected_services: Sequence[str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Logs of a while, in the order in which they were written."""

    #: One record a line, as ``POST /v1/ingest`` takes it.
    ndjson: bytes
    logs: int
    #: Every log is before this, and every later chunk's logs are not.
    until_unix_nano: int


class Simulation(Protocol):
    """A shop that goes on. The same seed, start and faults give the same bytes, however they are cut into chunks."""

    def advance(self, until_unix_nano: int) -> Chunk:
        """Let the shop go on to a moment, cut to whole seconds."""
        ...

    def inject(self, fault: Fault) -> None:
        """Let a fault begin ``onset_seconds`` after the second that comes next."""
        ...

    def truth(self) -> Sequence[GroundTruth]:
        """What every fault was that has begun so far."""
        ...
