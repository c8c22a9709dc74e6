"""``Corrections``: people decide which signals belong together. What they decide holds, until they take it back."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from tocsin.incidents.applying import Round, apply
from tocsin.incidents.contracts import (
    Correction,
    CorrectionKind,
    Entry,
    Incident,
    KeptCorrection,
    Signal,
)
from tocsin.incidents.correlation import regroup
from tocsin.incidents.grouping import Known, Placement, place
from tocsin.incidents.grouping_repository import GroupingRepository, Turn
from tocsin.incidents.grouping_service import CallGraphOf
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Conflict, InvalidRequest, NotFound
from tocsin.logstore.ports import OrganizationId
from tocsin.topology.contracts import CallGraph


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """What a correction did."""

    correction: KeptCorrection
    #: Those that it changed, by number.
    incidents: Sequence[Incident]
    told: Sequence[tuple[Entry, Incident]]


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where one correction is worked out."""

    turn: Turn
    graph: CallGraph
    by: UUID


class Corrections:
    """Every method may raise ``ServiceUnavailable``, ``NotFound`` where an incident is not there, and ``Conflict``
    where it has changed so that the correction makes no sense any more."""

    def __init__(self, repository: GroupingRepository, call_graph: CallGraphOf, *, clock: Clock) -> None:
        self._repository = repository
        self._call_graph = call_graph
        self._clock = clock

    async def split(
        self, organization_id: OrganizationId, incident_id: UUID, signal_ids: frozenset[UUID], *, by: UUID
    ) -> Corrected:
        """Make a new incident of some signals of one.

        Raises:
            InvalidRequest: none of its signals would stay.
        """
        async with self._desk(organization_id, by) as desk:
            known = await desk.turn.known_of([incident_id])
            own = _members(known, incident_id, signal_ids)
            if own == signal_ids:
                raise InvalidRequest("at least one signal must stay in the incident: name fewer")
            placements = [
                Placement(incident_id=incident_id, signals=_signals(known, own - signal_ids)),
                Placement(incident_id=None, signals=_signals(known, signal_ids)),
            ]
            sides = (signal_ids, own - signal_ids)
            return await _correct(desk, known, CorrectionKind.SPLIT, incident_id, placements, sides)

    async def merge(
        self, organization_id: OrganizationId, incident_id: UUID, others: frozenset[UUID], *, by: UUID
    ) -> Corrected:
        """Make other incidents part of this one.

        Raises:
            InvalidRequest: there is no other.
        """
        others -= {incident_id}
        if not others:
            raise InvalidRequest("name another incident that becomes part of this one")
        async with self._desk(organization_id, by) as desk:
            known = await desk.turn.known_of([incident_id, *others])
            for each in (incident_id, *others):
                _check_alive(known, each)
            ids = frozenset(known.homes)
            ended = tuple(sorted(others, key=lambda each: known.incidents[each].number))
            placements = [Placement(incident_id=incident_id, signals=_signals(known, ids), absorbed=ended)]
            return await _correct(desk, known, CorrectionKind.MERGE, incident_id, placements, (ids,))

    async def move(
        self, organization_id: OrganizationId, incident_id: UUID, signal_ids: frozenset[UUID], to: UUID, *, by: UUID
    ) -> Corrected:
        """Put signals of one incident into another; one that signals opened ends when none is left in it.

        Raises:
            InvalidRequest: both are the same.
        """
        if to == incident_id:
            raise InvalidRequest("the signals are in that incident already: name another one")
        async with self._desk(organization_id, by) as desk:
            known = await desk.turn.known_of([incident_id, to])
            _check_alive(known, to)
            own = _members(known, incident_id, signal_ids)
            theirs = frozenset(signal.id for signal in known.members(to)) | signal_ids
            stay = own - signal_ids
            is_over = not stay and known.incidents[incident_id].from_signals
            absorbed = (incident_id,) if is_over else ()
            placements = [Placement(incident_id=to, signals=_signals(known, theirs), absorbed=absorbed)]
            if stay:
                placements.append(Placement(incident_id=incident_id, signals=_signals(known, stay)))
            return await _correct(desk, known, CorrectionKind.MOVE, incident_id, placements, (theirs, stay))

    async def undo(self, organization_id: OrganizationId, correction_id: UUID, *, by: UUID) -> Corrected:
        """Take a correction back: its signals are where what is left of corrections, and their edges, have them.

        Raises:
            NotFound: there is no such correction (any more).
        """
        async with self._desk(organization_id, by) as desk:
            kept = await desk.turn.take_back(correction_id)
            if kept is None:
                raise NotFound(f"there is no correction with the id {correction_id}")
            ids = frozenset().union(*kept.correction.sides)
            known = await desk.turn.known_of(kept.incident_ids, ids)
            groups = regroup(known.groups(), [each.correction for each in known.corrections])
            votes = _votes(known, kept, ids)
            placements = place(groups, homes=known.homes, votes=votes, incidents=known.incidents)
            placed = {placement.incident_id for placement in placements}
            # What had no signals, and so no group that could bring it back.
            bare = [each for each in kept.ended if _is_bare(known, kept, each) and each not in placed]
            placements += [Placement(incident_id=each, signals=()) for each in sorted(bare)]
            round_ = Round(known, desk.graph, by=by, ended=kept.ended)
            await apply(desk.turn, round_, placements)
            return Corrected(correction=kept, incidents=round_.touched(), told=desk.turn.told)

    async def of(self, organization_id: OrganizationId, incident_id: UUID) -> list[KeptCorrection]:
        """What holds of what people decided about an incident, the latest first."""
        return await self._repository.corrections(organization_id, incident_id)

    @asynccontextmanager
    async def _desk(self, organization_id: OrganizationId, by: UUID) -> AsyncIterator[_Desk]:
        graph = await self._call_graph(organization_id)
        async with self._repository.turn(organization_id, utc_now(self._clock)) as turn:
            yield _Desk(turn, graph, by)


async def _correct(
    desk: _Desk,
    known: Known,
    kind: CorrectionKind,
    incident_id: UUID,
    placements: Sequence[Placement],
    sides: tuple[frozenset[UUID], ...],
) -> Corrected:
    round_ = Round(known, desk.graph, by=desk.by)
    await apply(desk.turn, round_, placements)
    kept = KeptCorrection(
        id=uuid4(),
        kind=kind,
        sequence=desk.turn.told[-1][0].sequence,
        incident_id=incident_id,
        correction=Correction(sides=sides),
        moves={id_: (home, round_.homes[id_]) for id_, home in known.homes.items() if round_.homes[id_] != home},
        ended={each: known.incidents[each].status for placement in placements for each in placement.absorbed},
        by=desk.by,
        at=desk.turn.now,
    )
    await desk.turn.correct(kept)
    return Corrected(correction=kept, incidents=round_.touched(), told=desk.turn.told)


def _members(known: Known, incident_id: UUID, signal_ids: frozenset[UUID]) -> frozenset[UUID]:
    """All signals of an incident, which must have these."""
    _check_alive(known, incident_id)
    if not signal_ids:
        raise InvalidRequest("name at least one signal")
    own = frozenset(signal.id for signal in known.members(incident_id))
    if strange := sorted(signal_ids - own):
        number = known.incidents[incident_id].number
        raise Conflict(f"the signal {strange[0]} is not in incident {number}; look at it again")
    return own


def _check_alive(known: Known, incident_id: UUID) -> None:
    incident = known.incidents.get(incident_id)
    if incident is None:
        raise NotFound(f"there is no incident with the id {incident_id}")
    if incident.merged_into is not None:
        raise Conflict(f"incident {incident.number} is part of another one; look at it again")


def _signals(known: Known, ids: frozenset[UUID]) -> tuple[Signal, ...]:
    return tuple(sorted((known.signals[id_] for id_ in ids), key=lambda each: (each.onset_unix_nano, each.id)))


def _votes(known: Known, kept: KeptCorrection, ids: frozenset[UUID]) -> dict[UUID, UUID]:
    """Which incident each signal belongs to once a correction is gone: the one before, if it is still where it was put.

    What came to those incidents since then says nothing: it goes with what explains it.
    """
    votes = {}
    for id_, home in known.homes.items():
        before, after = kept.moves.get(id_, (home, home))
        if home == after and before in known.incidents:
            votes[id_] = before
        elif id_ in ids:
            votes[id_] = home
    touched = kept.incident_ids
    others = {id_: home for id_, home in known.homes.items() if id_ not in ids and home not in touched}
    return {id_: vote for id_, vote in votes.items() if id_ in ids} | others


def _is_bare(known: Known, kept: KeptCorrection, incident_id: UUID) -> bool:
    """Whether an incident without signals still is where the correction put it."""
    incident = known.incidents.get(incident_id)
    had_signals = any(before == incident_id for before, _ in kept.moves.values())
    return incident is not None and incident.merged_into is not None and not had_signals
