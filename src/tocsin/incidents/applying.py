"""Writes what became of groups of signals: incidents that are new, changed, or part of another one now."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID, uuid4

from tocsin.incidents.contracts import Change, Incident, Severity, Signal, Status
from tocsin.incidents.grouping import Known, Placement, described, goes_on, moment, what_changed
from tocsin.incidents.grouping_repository import Turn
from tocsin.incidents.rows import Note
from tocsin.incidents.state_machine import absorbed, moved, restored
from tocsin.topology.contracts import CallGraph

STILL = timedelta(minutes=5)
"""A signal that lasts so much longer than its incident, which was resolved, opens it again: what is about to end, or
was told late, does not."""

MOST_NAMED = 3
"""So many new signals an entry names; the others it counts."""


@dataclass(slots=True)
class Round:
    """What happens to incidents in one turn."""

    known: Known
    graph: CallGraph
    #: Who corrects; None: signals came.
    by: UUID | None = None
    #: Signals that were not known, or say something new.
    fresh: Mapping[UUID, Signal] = field(default_factory=dict)
    #: Of an undone correction: the status of each incident that ended by it.
    ended: Mapping[UUID, Status] = field(default_factory=dict)
    #: Incidents to work out anew in any case.
    due: frozenset[UUID] = frozenset()
    #: The incident of each signal, afterwards; none of those that wait.
    homes: dict[UUID, UUID] = field(default_factory=dict)
    #: All that are known or new, as they are afterwards.
    incidents: dict[UUID, Incident] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.homes = dict(self.known.homes)
        self.incidents = dict(self.known.incidents)

    def number(self, incident_id: UUID) -> int:
        """The number of an incident, by which people know it."""
        return self.incidents[incident_id].number

    def touched(self) -> list[Incident]:
        """The incidents that are not as they were, by number."""
        before = self.known.incidents
        changed = [each for each in self.incidents.values() if each != before.get(each.id)]
        return sorted(changed, key=lambda each: each.number)


async def apply(turn: Turn, round_: Round, placements: Sequence[Placement]) -> None:
    """Make the incidents what the placements say, and note what people see of it."""
    kept: list[tuple[UUID, Placement]] = []
    for placement in placements:
        incident_id = placement.incident_id
        if incident_id is None:
            if not _is_enough(round_, placement):
                continue
            incident_id = (await _open(turn, round_, placement)).id
        kept.append((incident_id, placement))
        round_.homes.update({signal.id: incident_id for signal in placement.signals})
    await _write_signals(turn, round_, [placement for _, placement in kept])
    placed = {incident_id for incident_id, _ in kept} | {each for _, placement in kept for each in placement.absorbed}
    emptied = sorted(set(round_.known.homes.values()) - placed)
    for incident_id, placement in [*kept, *((each, Placement(incident_id=each, signals=())) for each in emptied)]:
        if incident_id in round_.known.incidents:
            await _change(turn, round_, placement, round_.known.incidents[incident_id])
    for incident_id, placement in kept:
        for each in placement.absorbed:
            await _absorb(turn, round_, each, into=incident_id)


def _is_enough(round_: Round, placement: Placement) -> bool:
    """Whether signals are an incident: one of them is by itself, or a person says so, or they were one before."""
    return (
        round_.by is not None
        or any(signal.opens for signal in placement.signals)
        or any(signal.id in round_.known.homes for signal in placement.signals)
    )


async def _open(turn: Turn, round_: Round, placement: Placement) -> Incident:
    sources = Counter(home for signal in placement.signals if (home := round_.known.homes.get(signal.id)))
    text, change = "", Change.OPENED
    begun = Incident(
        id=uuid4(),
        organization_id=turn.organization_id,
        number=0,
        title="",
        status=Status.OPEN,
        severity=Severity.LOW,
        service=None,
        affected_services=(),
        started_at=turn.now,
        opened_at=turn.now,
        from_signals=True,
    )
    if sources:
        # It waits for people since then, and whoever works on it does so still.
        source = round_.incidents[min(sources, key=lambda each: (-sources[each], round_.number(each)))]
        begun = replace(
            source, id=begun.id, number=0, severity=Severity.LOW, from_signals=True, edited=(), version=1, causes=()
        )
        text = f"split from incident {source.number}"
        change = Change.REGROUPED if begun.status is Status.RESOLVED else Change.OPENED
    known = round_.known
    after = described(
        begun, placement.signals, graph=round_.graph, deploys=known.deploys, is_joined=True, is_left=False
    )
    opened = await turn.open(after, Note(change=change, text=text, by=round_.by, at=turn.now))
    round_.incidents[opened.id] = opened
    return opened


async def _change(turn: Turn, round_: Round, placement: Placement, before: Incident) -> None:
    ids = {signal.id for signal in placement.signals}
    had = {id_ for id_, home in round_.known.homes.items() if home == before.id}
    joined, left = ids - had, had - ids
    is_touched = joined or left or placement.absorbed or not ids.isdisjoint(round_.fresh) or before.id in round_.due
    if not is_touched and before.merged_into is None:
        return
    after = described(
        before,
        placement.signals,
        graph=round_.graph,
        deploys=round_.known.deploys,
        is_joined=bool(joined),
        is_left=bool(left),
    )
    parts = [*_comings_and_goings(round_, placement, joined, left), *what_changed(before, after)]
    change = Change.UPDATED if round_.by is None else Change.REGROUPED
    if before.merged_into is not None:
        after, change = restored(after, round_.ended.get(before.id, Status.OPEN))
    elif before.status is Status.RESOLVED and _is_not_over(round_, placement, before, joined):
        after, change = moved(after, Status.OPEN, at=turn.now)
    is_seen = bool(parts) or after.status is not before.status or after.merged_into != before.merged_into
    note = Note(change=change, text="; ".join(parts), by=round_.by, at=turn.now) if is_seen else None
    if note is not None or after != before:
        round_.incidents[before.id] = await turn.save(after, note)


async def _absorb(turn: Turn, round_: Round, incident_id: UUID, *, into: UUID) -> None:
    after, change = absorbed(round_.known.incidents[incident_id], into=into, at=turn.now)
    note = Note(change=change, text=f"merged into incident {round_.number(into)}", by=round_.by, at=turn.now)
    round_.incidents[incident_id] = await turn.save(after, note)


async def _write_signals(turn: Turn, round_: Round, placements: Sequence[Placement]) -> None:
    await turn.put(list(round_.fresh.values()), round_.homes)
    moving: dict[UUID, list[UUID]] = {}
    for id_, home in round_.homes.items():
        if id_ not in round_.fresh and round_.known.homes.get(id_) != home:
            moving.setdefault(home, []).append(id_)
    for home, ids in moving.items():
        await turn.move(ids, home)
    edges = [edge for placement in placements for edge in placement.edges if edge.second not in round_.known.edges]
    await turn.explain(edges)


def _is_not_over(round_: Round, placement: Placement, before: Incident, joined: Collection[UUID]) -> bool:
    """Whether a resolved incident has to be looked at again."""
    known = round_.known.incidents
    if any(known[each].status is not Status.RESOLVED for each in placement.absorbed):
        return True
    if round_.by is not None:
        return False
    new = [signal for signal in placement.signals if signal.id in joined]
    if any(not signal.is_over or _is_later(signal, before) for signal in new):
        return True
    told = [signal for signal in placement.signals if signal.id in round_.fresh]
    begun_again = [signal for signal in told if signal.id not in joined and round_.known.signals[signal.id].is_over]
    return goes_on(before, told, STILL) or goes_on(before, begun_again, timedelta())


def _comings_and_goings(
    round_: Round, placement: Placement, joined: Collection[UUID], left: Collection[UUID]
) -> list[str]:
    """Which signals came and went, for people."""
    homes = round_.known.homes
    parts = [f"incident {round_.number(each)} is part of this one now" for each in placement.absorbed]
    new = [signal for signal in placement.signals if signal.id in joined and signal.id not in homes]
    if new:
        named = "; ".join(signal.title for signal in new[:MOST_NAMED])
        parts.append(f"new: {named}" + (f" and {len(new) - MOST_NAMED} more" if len(new) > MOST_NAMED else ""))
    came = Counter(homes[id_] for id_ in joined if id_ in homes and homes[id_] not in placement.absorbed)
    went = Counter(round_.homes[id_] for id_ in left)
    for verb, counted in (("came from", came), ("went to", went)):
        for home in sorted(counted, key=round_.number):
            count = counted[home]
            parts.append(f"{count} signal{'s' if count > 1 else ''} {verb} incident {round_.number(home)}")
    return parts


def _is_later(signal: Signal, resolved: Incident) -> bool:
    return resolved.resolved_at is not None and moment(signal.last_unix_nano) > resolved.resolved_at
