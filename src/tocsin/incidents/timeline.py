"""One line of time for an incident: what was done, what was noticed, and what was rolled out. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tocsin.incidents.contracts import Deploy, Entry, Incident, Signal, TimelineItem, TimelineKind
from tocsin.incidents.grouping import moment
from tocsin.incidents.grouping_repository import DEPLOY_BEFORE_SECONDS

_KINDS = list(TimelineKind)


def deploys_between(incident: Incident, now: datetime) -> tuple[datetime, datetime]:
    """From when to when deploys belong to an incident's story: from shortly before it until it was resolved."""
    return incident.started_at - timedelta(seconds=DEPLOY_BEFORE_SECONDS), incident.resolved_at or now


def timeline(
    incident: Incident, entries: Sequence[Entry], signals: Sequence[Signal], deploys: Sequence[Deploy]
) -> list[TimelineItem]:
    """All of it in order. Of the deploys, those of services that the incident touches."""
    services = {incident.service, *incident.affected_services, *(cause.service for cause in incident.causes)}
    items = [
        *(TimelineItem(kind=TimelineKind.CHANGE, at=entry.at, entry=entry) for entry in entries),
        *(
            TimelineItem(kind=TimelineKind.SIGNAL, at=moment(signal.onset_unix_nano), signal=signal)
            for signal in signals
        ),
        *(
            TimelineItem(kind=TimelineKind.DEPLOY, at=moment(deploy.at_unix_nano), deploy=deploy)
            for deploy in deploys
            if deploy.service in services
        ),
    ]
    return sorted(items, key=lambda item: (item.at, _KINDS.index(item.kind)))
