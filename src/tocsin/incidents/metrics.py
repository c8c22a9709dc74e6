"""What incidents tell of themselves."""

from prometheus_client import Histogram

from tocsin.incidents.contracts import Incident

_HOURS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 24, 72)

INCIDENT_MTTR_HOURS = Histogram(
    "incident_mttr_hours",
    "Hours from opening an incident, the last time, until it was resolved; its mean is the MTTR.",
    buckets=_HOURS,
)


def observe_resolved(incident: Incident) -> None:
    """Count an incident that was resolved just now; one that was reopened counts from there."""
    if incident.resolved_at is not None:
        INCIDENT_MTTR_HOURS.observe((incident.resolved_at - incident.due_from).total_seconds() / 3600)
