"""What other rooms see of the topology."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

Calls = Mapping[tuple[str, str], float]
"""(caller, callee) → how many calls were seen."""


@dataclass(frozen=True, slots=True)
class CallCount:
    """What traces showed of one service calling another; in parts, where it is only probable."""

    calls: float
    #: Of these, the calls in which the callee logged an error.
    failed: float = 0.0
    #: How often it called the other one through services in between.
    indirect: float = 0.0


CallCounts = Mapping[tuple[str, str], CallCount]
"""(caller, callee) → what was seen of these."""


@dataclass(frozen=True)
class CallGraph:
    """Which services call which; what is derived from ``calls`` is computed once, when it is first asked for."""

    calls: Calls = field(default_factory=dict)
    #: Of these, the calls in which the callee logged an error.
    failed: Calls = field(default_factory=dict)

    def failed_share(self, caller: str, callee: str) -> float:
        """Which share of the calls failed; 0 where none is known."""
        calls = self.calls.get((caller, callee), 0.0)
        return min(1.0, self.failed.get((caller, callee), 0.0) / calls) if calls else 0.0

    @property
    def services(self) -> frozenset[str]:
        """All services that call or are called."""
        return frozenset(service for call in self.calls for service in call)

    def callees(self, service: str) -> frozenset[str]:
        """The services that this one calls; none for an unknown one."""
        return self._callees.get(service, frozenset())

    def callers(self, service: str) -> frozenset[str]:
        """The services that call this one; none for an unknown one."""
        return self._callers.get(service, frozenset())

    def distance(self, first: str, second: str) -> int | None:
        """How many calls lie between two services, in whichever direction each goes; None where none connect them.

        0 for a service and itself, known or not.
        """
        distances = {first: 0}
        waiting = deque([first])
        while waiting:
            service = waiting.popleft()
            if service == second:
                return distances[service]
            for neighbour in self.callees(service) | self.callers(service):
                if neighbour not in distances:
                    distances[neighbour] = distances[service] + 1
                    waiting.append(neighbour)
        return None

    @cached_property
    def _callees(self) -> Mapping[str, frozenset[str]]:
        return _grouped(self.calls)

    @cached_property
    def _callers(self) -> Mapping[str, frozenset[str]]:
        return _grouped((callee, caller) for caller, callee in self.calls)


def _grouped(pairs: Iterable[tuple[str, str]]) -> Mapping[str, frozenset[str]]:
    grouped: dict[str, set[str]] = {}
    for first, second in pairs:
        grouped.setdefault(first, set()).add(second)
    return {first: frozenset(seconds) for first, seconds in grouped.items()}
