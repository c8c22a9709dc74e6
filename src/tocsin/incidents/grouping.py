"""Which incident has which signals, and what an incident is by them. Pure.

What ``correlation`` groups has no names: here each group becomes the incident that had most of it.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tocsin.incidents.contracts import (
    Cause,
    Deploy,
    Edge,
    Incident,
    KeptCorrection,
    Severity,
    Signal,
    Status,
)
from tocsin.incidents.correlation import Group
from tocsin.incidents.describing import affected_services, incident_title, severity
from tocsin.incidents.ranking import likely_causes
from tocsin.kit.moments import unix_nano
from tocsin.topology.contracts import CallGraph

CLEARLY = 0.05
"""A cause takes the first place of another by so much, while no signal is new: less makes incidents flicker."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MICROSECOND = 253_402_300_799_999_999
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SEVERITIES = list(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is kept of an organization, as far as it bears on some signals."""

    incidents: Mapping[UUID, Incident]
    #: Those of the incidents, and those that wait for one.
    signals: Mapping[UUID, Signal]
    #: The incident of each signal; none of those that wait.
    homes: Mapping[UUID, UUID]
    #: By the signal that each explains.
    edges: Mapping[UUID, Edge]
    #: In the order in which they were made.
    corrections: Sequence[KeptCorrection] = ()
    deploys: Sequence[Deploy] = ()

    def members(self, incident_id: UUID) -> list[Signal]:
        """The signals of an incident."""
        return [self.signals[id_] for id_, home in self.homes.items() if home == incident_id]

    def groups(self) -> list[Group]:
        """The incidents that have signals, as correlation takes them."""
        by_home: dict[UUID, list[Signal]] = {}
        for id_, home in self.homes.items():
            by_home.setdefault(home, []).append(self.signals[id_])
        return [
            Group(
                id=incident_id,
                signals=members,
                edges=[self.edges[signal.id] for signal in members if signal.id in self.edges],
                resolved_unix_nano=_resolved_unix_nano(self.incidents[incident_id]),
            )
            for incident_id, members in by_home.items()
        ]

    def waiting(self) -> list[Signal]:
        """The signals that are in no incident."""
        return [signal for id_, signal in self.signals.items() if id_ not in self.homes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A group of signals, and the incident that it is."""

    #: None: a new one.
    incident_id: UUID | None
    signals: tuple[Signal, ...]
    edges: tuple[Edge, ...] = ()
    #: Incidents that are part of this one now.
    absorbed: tuple[UUID, ...] = ()


def news(known: Known, signals: Sequence[Signal]) -> list[Signal]:
    """Of what was told, what was not known; of several tellings of one signal the latest, and none that is older."""
    latest: dict[UUID, Signal] = {}
    for signal in signals:
        before = latest.get(signal.id) or known.signals.get(signal.id)
        if before is None or (signal != before and _follows(signal, before)):
            latest[signal.id] = signal
    return list(latest.values())


def place(
    groups: Sequence[Group],
    *,
    homes: Mapping[UUID, UUID],
    votes: Mapping[UUID, UUID],
    incidents: Mapping[UUID, Incident],
    first: UUID | None = None,
) -> list[Placement]:
    """Which incident each group is: every incident claims the group with most of the signals that vote for it.

    Of several that claim one, ``first`` goes on, or else the open one with the lowest number; the others are absorbed.
    So are incidents that signals opened and that keep none. An incident that was absorbed earlier lives again only
    where no other claims its group.
    """
    ordered = sorted(groups, key=lambda group: min((signal.onset_unix_nano, signal.id) for signal in group.signals))
    rank = _rank(incidents, first)
    claims: dict[int, list[UUID]] = {}
    where = {signal.id: number for number, group in enumerate(ordered) for signal in group.signals}
    for incident_id in sorted(set(votes.values()), key=rank):
        claims.setdefault(_most(where, votes, incident_id), []).append(incident_id)
    claiming = {incident_id for claimed in claims.values() for incident_id in claimed}
    for incident_id in sorted(set(homes.values()) - claiming, key=rank):
        if incidents[incident_id].from_signals:
            claims.setdefault(_most(where, homes, incident_id), []).append(incident_id)
    return [
        _placement(group, sorted(claims.get(number, []), key=rank), claiming, incidents)
        for number, group in enumerate(ordered)
    ]


def described(
    incident: Incident,
    signals: Sequence[Signal],
    *,
    graph: CallGraph,
    deploys: Sequence[Deploy],
    is_joined: bool,
    is_left: bool,
) -> Incident:
    """The incident as its signals have it; what a person decided stays.

    What people see must not flicker. Severity does not fall before a signal has left. Numbers in the title do not
    change, nor causes that are about equally likely their places, before a signal has joined or left.
    """
    if not signals:
        return replace(incident, causes=(), last_signal_at=None)
    said = incident.edited
    causes = tuple(likely_causes(signals, graph, deploys))
    is_same = not is_joined and not is_left
    if is_same:
        causes = _steady(incident.causes, causes)
    began = moment(min(signal.onset_unix_nano for signal in signals))
    own = {incident.service} if "service" in said and incident.service else set()
    after = replace(
        incident,
        causes=causes,
        affected_services=tuple(sorted({*affected_services(signals), *own})),
        last_signal_at=moment(max(signal.last_unix_nano for signal in signals)),
    )
    if "service" not in said:
        after = replace(after, service=causes[0].service if causes else None)
    if "started_at" not in said:
        after = replace(after, started_at=began if incident.from_signals else min(began, incident.started_at))
    if "title" not in said:
        title = incident_title(signals, causes)
        is_kept = is_same and _NUMBER.sub("#", title) == _NUMBER.sub("#", incident.title)
        after = replace(after, title=incident.title if is_kept else title)
    if "severity" not in said:
        grade = severity(signals)
        after = replace(after, severity=grade if is_left else max(grade, incident.severity, key=_SEVERITIES.index))
    return after


def what_changed(before: Incident, after: Incident) -> list[str]:
    """What people see differently by the signals, for people; empty where they see nothing."""
    parts = []
    if after.title != before.title:
        parts.append(f"title: {after.title}")
    if after.severity != before.severity:
        parts.append(f"severity: {before.severity.value} → {after.severity.value}")
    came = [name for name in after.affected_services if name not in before.affected_services]
    went = [name for name in before.affected_services if name not in after.affected_services]
    if came:
        parts.append(f"also affected: {', '.join(came)}")
    if went:
        parts.append(f"not affected any more: {', '.join(went)}")
    if _first(after.causes) != _first(before.causes):
        cause = after.causes[0] if after.causes else None
        parts.append("likely cause: unknown" if cause is None else f"likely cause: {_named(cause)}")
    return parts


def goes_on(incident: Incident, signals: Sequence[Signal], after: timedelta) -> bool:
    """Whether a resolved incident is not over: a signal of it lasts so much longer."""
    if incident.resolved_at is None:
        return False
    until = unix_nano(incident.resolved_at + after)
    return any(not signal.is_over and signal.last_unix_nano > until for signal in signals)


def moment(nanoseconds: int) -> datetime:
    """Nanoseconds since the epoch as a moment; what no moment can say becomes the nearest one that can be said."""
    return _EPOCH + timedelta(microseconds=max(0, min(nanoseconds // 1_000, _LAST_MICROSECOND)))


def _follows(signal: Signal, before: Signal) -> bool:
    """What was told later lasts longer, or is over; after a crash, older tellings come again."""
    return (signal.last_unix_nano, signal.is_over) >= (before.last_unix_nano, before.is_over) or (
        signal.is_over and not before.is_over
    )


def _rank(incidents: Mapping[UUID, Incident], first: UUID | None) -> Callable[[UUID], tuple[bool, bool, bool, int]]:
    def rank(incident_id: UUID) -> tuple[bool, bool, bool, int]:
        incident = incidents[incident_id]
        is_merged = incident.merged_into is not None
        return is_merged, incident_id != first, incident.status is Status.RESOLVED, incident.number

    return rank


def _most(where: Mapping[UUID, int], votes: Mapping[UUID, UUID], incident_id: UUID) -> int:
    """The number of the group that has most of the signals that vote for an incident; of equals, the earliest."""
    counted = Counter(where[id_] for id_, voted in votes.items() if voted == incident_id)
    return min(counted, key=lambda number: (-counted[number], number))


def _placement(
    group: Group, claims: Sequence[UUID], claiming: set[UUID], incidents: Mapping[UUID, Incident]
) -> Placement:
    winner = next((each for each in claims if each in claiming), None)
    others = [each for each in claims if each != winner and incidents[each].merged_into is None]
    return Placement(incident_id=winner, signals=tuple(group.signals), edges=tuple(group.edges), absorbed=tuple(others))


def _steady(before: tuple[Cause, ...], after: tuple[Cause, ...]) -> tuple[Cause, ...]:
    """The new causes, unless another one comes first by little."""
    if not before or not after or before[0].service == after[0].service:
        return after
    again = [cause for cause in after if cause.service == before[0].service]
    return before if again and after[0].score - again[0].score < CLEARLY else after


def _first(causes: Sequence[Cause]) -> tuple[str | None, ...]:
    return (causes[0].service, causes[0].location, causes[0].deploy) if causes else ()


def _named(cause: Cause) -> str:
    place = f" in {cause.location}" if cause.location else ""
    return f"{cause.service}{place}" + (f", deploy {cause.deploy}" if cause.deploy else "")


def _resolved_unix_nano(incident: Incident) -> int | None:
    return None if incident.resolved_at is None else unix_nano(incident.resolved_at)
