"""The statuses of an incident, and which may follow which. Pure, and the only place that writes a status."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tocsin.incidents.contracts import Change, Incident, Status
from tocsin.kit.errors import Conflict

FOLLOWERS: dict[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.ACKNOWLEDGED, Status.INVESTIGATING, Status.RESOLVED}),
    Status.ACKNOWLEDGED: frozenset({Status.INVESTIGATING, Status.RESOLVED}),
    Status.INVESTIGATING: frozenset({Status.RESOLVED}),
    # It was not over: somebody has to look again.
    Status.RESOLVED: frozenset({Status.OPEN}),
}
"""A step may be left out, and none goes back but by reopening."""

_CHANGES = {
    Status.OPEN: Change.REOPENED,
    Status.ACKNOWLEDGED: Change.ACKNOWLEDGED,
    Status.INVESTIGATING: Change.INVESTIGATING,
    Status.RESOLVED: Change.RESOLVED,
}


def moved(incident: Incident, status: Status, *, at: datetime) -> tuple[Incident, Change]:
    """The incident in another status, and what happened to it.

    Whoever begins to investigate has acknowledged. A reopened incident waits for an acknowledgement again, and is one
    of its own again where it was merged.

    Raises:
        Conflict: this status does not follow the one that the incident has.
    """
    allowed = FOLLOWERS[incident.status]
    if status not in allowed:
        names = " or ".join(each.value for each in Status if each in allowed)
        raise Conflict(
            f"incident {incident.number} is {incident.status.value}: it can become {names}, not {status.value}"
        )
    after = replace(incident, status=status)
    match status:
        case Status.OPEN:
            after = replace(after, reopened_at=at, acknowledged_at=None, resolved_at=None, merged_into=None)
        case Status.ACKNOWLEDGED | Status.INVESTIGATING:
            after = replace(after, acknowledged_at=incident.acknowledged_at or at)
        case Status.RESOLVED:
            after = replace(after, resolved_at=at)
    return after, _CHANGES[status]


def absorbed(incident: Incident, *, into: UUID, at: datetime) -> tuple[Incident, Change]:
    """The incident once another one has its signals: resolved, whatever it was."""
    resolved_at = incident.resolved_at or at
    return replace(incident, status=Status.RESOLVED, resolved_at=resolved_at, merged_into=into), Change.MERGED


def restored(incident: Incident, status: Status) -> tuple[Incident, Change]:
    """An absorbed incident as it was before, with the status of then: nobody has to acknowledge it again."""
    resolved_at = incident.resolved_at if status is Status.RESOLVED else None
    change = Change.REGROUPED if status is Status.RESOLVED else Change.REOPENED
    return replace(incident, status=status, resolved_at=resolved_at, merged_into=None), change
