"""Who calls whom, as correlation and ranking need it."""

from collections import deque

from tocsin.topology.contracts import CallGraph

MOST_STEPS = 6
"""How far a failure is followed along calls: more finds longer cascades, and costs more time in large graphs."""

ENTRY_CALLEES = 3
"""A service that nobody calls and that calls at least so many is an entry: it shows all failures, and has few."""


class Neighbourhood:
    """Answers questions about one call graph; each answer is worked out once."""

    def __init__(self, graph: CallGraph) -> None:
        """Read the graph's calls; a service's calls to itself say nothing."""
        self._callees: dict[str, set[str]] = {}
        self._callers: dict[str, set[str]] = {}
        for caller, callee in graph.calls:
            if caller != callee:
                self._callees.setdefault(caller, set()).add(callee)
                self._callers.setdefault(callee, set()).add(caller)
        self._steps: dict[str, dict[str, int]] = {}
        self.services = frozenset(self._callees) | frozenset(self._callers)

    def callees(self, service: str) -> frozenset[str]:
        """The services that it calls itself."""
        return frozenset(self._callees.get(service, ()))

    def callers(self, service: str) -> frozenset[str]:
        """The services that call it themselves."""
        return frozenset(self._callers.get(service, ()))

    def steps(self, caller: str, callee: str) -> int | None:
        """How many calls lead from one to the other: 0 for the same, None for none within ``MOST_STEPS``."""
        if caller not in self._steps:
            self._steps[caller] = self._reach(caller)
        return self._steps[caller].get(callee)

    def common_callees(self, first: str, second: str) -> frozenset[str]:
        """The services that both call themselves."""
        return self.callees(first) & self.callees(second)

    def is_entry(self, service: str) -> bool:
        """Whether it is where requests come in, such as a gateway."""
        return not self._callers.get(service) and len(self._callees.get(service, ())) >= ENTRY_CALLEES

    def _reach(self, start: str) -> dict[str, int]:
        reached = {start: 0}
        waiting = deque([start])
        while waiting:
            service = waiting.popleft()
            if reached[service] == MOST_STEPS:
                continue
            for callee in self._callees.get(service, ()):
                if callee not in reached:
                    reached[callee] = reached[service] + 1
                    waiting.append(callee)
        return reached
