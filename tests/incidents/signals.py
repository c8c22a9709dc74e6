"""Signals and call graphs for tests of grouping and ranking."""

from uuid import UUID

from hypothesis import strategies as st

from tests.support.logs import NOON_UNIX_NANO
from tocsin.incidents.contracts import Signal, SignalSource
from tocsin.logmodel.levels import Level
from tocsin.topology.contracts import CallGraph

SECOND = 1_000_000_000
NOW = NOON_UNIX_NANO


def make_signal(
    number: int,
    service: str | None,
    at: float,
    *,
    lasts: float = 60,
    title: str = "",
    traces: str = "",
    pattern: int | None = None,
    level: Level = Level.ERROR,
    score: float = 10.0,
    kind: str = "spike",
    opens: bool = True,
    is_over: bool = False,
) -> Signal:
    """A signal that began ``at`` seconds after a fixed moment; ``traces`` are ids separated by blanks."""
    return Signal(
        id=UUID(int=number),
        source=SignalSource.FINDING,
        kind=kind,
        service=service,
        pattern=pattern,
        title=title or f"errors of kind {number}",
        level=level,
        onset_unix_nano=NOW + int(at * SECOND),
        last_unix_nano=NOW + int((at + lasts) * SECOND),
        score=score,
        trace_ids=frozenset(traces.split()),
        opens=opens,
        is_over=is_over,
    )


def calls(*pairs: str) -> CallGraph:
    """A graph from ``caller>callee``."""
    return CallGraph({(pair.partition(">")[0], pair.partition(">")[2]): 100 for pair in pairs})


@st.composite
def cascades(draw: st.DrawFn, prefix: str = "s", first: int = 1) -> tuple[CallGraph, list[Signal], str]:
    """A random call tree, a failure somewhere in it, and a signal of each service up to the tree's root.

    Each service begins to show it after the one it calls, as a timeout takes its time.
    """
    size = draw(st.integers(2, 9))
    parents = {number: draw(st.integers(0, number - 1)) for number in range(1, size)}
    graph = CallGraph({(f"{prefix}{parent}", f"{prefix}{child}"): 50 for child, parent in parents.items()})
    at = draw(st.integers(0, 30))
    failing = draw(st.integers(1, size - 1))
    signals: list[Signal] = []
    service: int | None = failing
    while service is not None:
        signals.append(make_signal(first + len(signals), f"{prefix}{service}", at, lasts=300))
        at += draw(st.integers(1, 20))
        service = parents.get(service)
    return graph, signals, f"{prefix}{failing}"


@st.composite
def many_signals(draw: st.DrawFn) -> list[Signal]:
    """Signals of a few services within an hour, which share traces now and then."""
    found = []
    for number in range(1, draw(st.integers(1, 10)) + 1):
        service = draw(st.sampled_from(["gateway", "cart", "checkout", "payment", "mail", None]))
        traces = draw(st.sampled_from(["", "", "t1", "t1 t2", "t3"]))
        found.append(
            make_signal(number, service, draw(st.integers(0, 3600)), lasts=draw(st.integers(0, 900)), traces=traces)
        )
    return found


SHOP = calls("gateway>cart", "gateway>checkout", "gateway>mail", "checkout>payment", "checkout>cart")
