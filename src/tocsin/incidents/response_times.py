"""How fast people acknowledge and resolve. Pure."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from tocsin.incidents.contracts import Incident, ResponseTimes


def response_times(incidents: Sequence[Incident]) -> list[ResponseTimes]:
    """Of all incidents, then of each service's by name; those without a service count among all alone.

    One that was reopened counts from there. One that became part of another counts there alone.
    """
    incidents = [each for each in incidents if each.merged_into is None]
    services = sorted({each.service for each in incidents if each.service is not None})
    groups = [(service, [each for each in incidents if each.service == service]) for service in services]
    return [_of(None, incidents), *(_of(service, group) for service, group in groups)]


def _of(service: str | None, incidents: Sequence[Incident]) -> ResponseTimes:
    return ResponseTimes(
        service=service,
        incidents=len(incidents),
        to_acknowledge_seconds=_mean(
            each.acknowledged_at - each.due_from for each in incidents if each.acknowledged_at is not None
        ),
        to_resolve_seconds=_mean(
            each.resolved_at - each.due_from for each in incidents if each.resolved_at is not None
        ),
    )


def _mean(times: Iterable[timedelta]) -> float | None:
    seconds = [time.total_seconds() for time in times]
    return sum(seconds) / len(seconds) if seconds else None
