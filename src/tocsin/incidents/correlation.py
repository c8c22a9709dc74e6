"""Groups signals that have one cause.

Every signal is explained by at most one other, the likeliest (``affinity``): the edges make a forest, and each tree is
an incident. So a gateway, which shows everybody's failures, can't tie two incidents together: each of its signals
belongs to one. What is in an incident stays there; later signals join it, begin a new one, or, when they explain the
heads of two, merge these.

People's corrections win over everything, the latest over earlier ones. Edges that a correction cuts are kept, so that
undoing it (``regroup`` without the correction) brings back what was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tocsin.incidents.affinity import SECOND_NANO, Affinity, see
from tocsin.incidents.contracts import Correction, Deploy, Edge, Signal
from tocsin.incidents.forest import Forest
from tocsin.incidents.graph import Neighbourhood
from tocsin.topology.contracts import CallGraph

LINK_WEIGHT = 0.5
"""From which weight on a signal joins: lower makes fewer, larger incidents."""

MERGE_WEIGHT = 0.65
"""From which weight on a new signal explains the head of another incident, so that both become one."""

REOPEN_WEIGHT = 0.8
"""From which weight on a signal joins an incident that was resolved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """An incident as correlation sees it."""

    #: None where it is new.
    id: UUID | None
    signals: Sequence[Signal]
    #: Why each is in it: ``first`` explains ``second``, which is in this group. An edge from elsewhere was cut by a
    #: correction; keep it for undoing.
    edges: Sequence[Edge] = ()
    #: None while it is open.
    resolved_unix_nano: int | None = None
    #: Incidents whose signals are all in this one now.
    absorbed: Sequence[UUID] = ()


@dataclass(slots=True)
class _Pool:
    """All that is known, by signal."""

    signals: dict[UUID, Signal] = field(default_factory=dict)
    home: dict[UUID, Group] = field(default_factory=dict)
    edges: dict[UUID, Edge] = field(default_factory=dict)
    fresh: set[UUID] = field(default_factory=set)


def correlate(
    groups: Sequence[Group],
    signals: Sequence[Signal],
    *,
    graph: CallGraph,
    deploys: Sequence[Deploy] = (),
    corrections: Sequence[Correction] = (),
) -> list[Group]:
    """The incidents after these signals, the earliest first: what was there, what is new, what became one.

    ``groups`` are the open incidents and those that were resolved lately; ``corrections`` are in the order in which
    they were made. A signal with the id of a known one replaces it. The order of signals and groups doesn't matter.
    Costs one comparison for each pair of a new signal and any other.
    """
    pool = _gather(groups, signals)
    forest = _corrected(pool, corrections)
    for group in sorted((group for group in groups if group.signals), key=_age):
        ids = sorted((signal.id for signal in group.signals), key=lambda id_: _order(pool.signals[id_]))
        forest.join_all(ids)
    for edge in _candidates(pool, graph, deploys):
        if edge.second not in pool.edges and forest.join(edge.first, edge.second):
            pool.edges[edge.second] = edge
    return _settled(groups, pool, forest)


def regroup(groups: Sequence[Group], corrections: Sequence[Correction]) -> list[Group]:
    """The incidents as their edges and these corrections alone make them: for undoing a correction.

    Incidents that people made by hand hold together only by a correction that says so.
    """
    pool = _gather(groups, ())
    forest = _corrected(pool, corrections)
    for edge in sorted(pool.edges.values(), key=_strongest_first):
        if edge.first in pool.signals:
            forest.join(edge.first, edge.second)
    return _settled(groups, pool, forest)


def _gather(groups: Sequence[Group], signals: Iterable[Signal]) -> _Pool:
    pool = _Pool()
    for group in groups:
        pool.signals.update({signal.id: signal for signal in group.signals})
        pool.home.update({signal.id: group for signal in group.signals})
        pool.edges.update({edge.second: edge for edge in group.edges})
    for signal in sorted(signals, key=lambda signal: (signal.last_unix_nano, repr(signal))):
        pool.signals[signal.id] = signal
        pool.fresh.add(signal.id)
    return pool


def _corrected(pool: _Pool, corrections: Sequence[Correction]) -> Forest:
    """What corrections alone make of the signals, the latest first, so that it wins."""
    forest = Forest(pool.signals)
    for correction in reversed(corrections):
        sides = [sorted(side & pool.signals.keys()) for side in correction.sides]
        for side in sides:
            forest.join_all(side)
        for number, side in enumerate(sides):
            for other in sides[number + 1 :]:
                forest.keep_apart(side, other)
    return forest


def _candidates(pool: _Pool, graph: CallGraph, deploys: Sequence[Deploy]) -> list[Edge]:
    """Edges that would explain a new signal, or by a new one the head of an incident; the strongest first."""
    neighbourhood = Neighbourhood(graph)
    services = neighbourhood.services | {signal.service for signal in pool.signals.values() if signal.service}
    affinity = Affinity(neighbourhood)
    seen = {id_: see(signal, services, deploys) for id_, signal in pool.signals.items()}
    starts = {id_: min(signal.onset_unix_nano for signal in group.signals) for id_, group in pool.home.items()}
    heads = _heads(pool)
    found = []
    for effect in pool.signals:
        is_new = effect not in pool.home
        if not is_new and effect not in heads:
            continue
        for cause in pool.signals if is_new else pool.fresh:
            if cause != effect and not _same_home(pool, cause, effect):
                onset = pool.signals[effect].onset_unix_nano
                age = (onset - starts.get(cause, onset)) / SECOND_NANO
                edge = affinity.edge(seen[cause], seen[effect], max(0.0, age))
                if edge.weight >= _needed(pool, cause, effect):
                    found.append(edge)
    return sorted(found, key=_strongest_first)


def _needed(pool: _Pool, cause: UUID, effect: UUID) -> float:
    """The weight from which on an edge counts; above 1 where none does."""
    cause_home, effect_home = pool.home.get(cause), pool.home.get(effect)
    homes = [home for home in (cause_home, effect_home) if home is not None]
    is_resolved = any(home.resolved_unix_nano is not None for home in homes)
    if effect_home is None:
        return REOPEN_WEIGHT if is_resolved else LINK_WEIGHT
    return 2.0 if is_resolved else MERGE_WEIGHT


def _heads(pool: _Pool) -> set[UUID]:
    """Of each group, the signal that nothing explains; of several, the one under which most others stand."""
    heads = set()
    for group in {id(group): group for group in pool.home.values()}.values():
        below = dict.fromkeys((signal.id for signal in group.signals), 0)
        for member in list(below):
            top, passed = member, {member}
            while (edge := pool.edges.get(top)) is not None and edge.first in below and edge.first not in passed:
                top = edge.first
                passed.add(top)
            below[top] += 1
        heads.add(min(below, key=lambda id_: (-below[id_], _order(pool.signals[id_]))))
    return heads - pool.edges.keys()


def _settled(groups: Sequence[Group], pool: _Pool, forest: Forest) -> list[Group]:
    """The sets as groups: each keeps the oldest id of those whose larger part it has."""
    sets = [sorted(members, key=lambda id_: _order(pool.signals[id_])) for members in forest.sets()]
    claims: dict[UUID, list[Group]] = {}
    for group in groups:
        if group.signals:
            own = {signal.id for signal in group.signals}
            largest = max(sets, key=lambda members: (len(own.intersection(members)), own.__contains__(members[0])))
            claims.setdefault(largest[0], []).append(group)
    settled = [_settled_one(members, claims.get(members[0], []), pool) for members in sets]
    return sorted(settled, key=_age)


def _settled_one(members: Sequence[UUID], claims: Sequence[Group], pool: _Pool) -> Group:
    oldest = sorted(claims, key=lambda group: (group.resolved_unix_nano is not None, _age(group)))
    return Group(
        id=oldest[0].id if oldest else None,
        signals=tuple(pool.signals[member] for member in members),
        edges=tuple(pool.edges[member] for member in members if member in pool.edges),
        resolved_unix_nano=oldest[0].resolved_unix_nano if oldest else None,
        absorbed=tuple(group.id for group in oldest[1:] if group.id is not None),
    )


def _same_home(pool: _Pool, first: UUID, second: UUID) -> bool:
    return first in pool.home and pool.home[first] is pool.home.get(second)


def _order(signal: Signal) -> tuple[int, UUID]:
    return signal.onset_unix_nano, signal.id


def _age(group: Group) -> tuple[int, UUID]:
    return min(map(_order, group.signals))


def _strongest_first(edge: Edge) -> tuple[float, UUID, UUID]:
    return -edge.weight, edge.first, edge.second
