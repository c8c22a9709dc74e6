"""Activities and incidents for the tests of health."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from tocsin.health.contracts import Activity, Counts
from tocsin.incidents.contracts import Incident, Severity, Status

NOW = datetime(2025, 12, 3, 12, 30, tzinfo=UTC)


def activity(
    *,
    usual: tuple[int, int],
    now: tuple[int, int],
    quiet_quarters: int = 0,
    known_quarters: int = 96,
) -> Activity:
    """So many logs and errors in each usual quarter of an hour, after some of the known ones that were quiet, and now.

    Of the known quarters the first one has logs.
    """
    nothing, one = Counts(), Counts(logs=usual[0], errors=usual[1])
    quarters = [nothing] * (96 - known_quarters) + [one] + [nothing] * quiet_quarters
    quarters += [one] * (96 - len(quarters))
    minutes = [nothing] * 59 + [Counts(logs=now[0], errors=now[1])]
    return Activity(minutes=minutes, quarters=quarters)


def incident(*, started: timedelta = timedelta(hours=1), lasted: timedelta | None = None) -> Incident:
    """A HIGH one of cart that began so long ago, and is open or lasted so long."""
    begun = NOW - started
    return Incident(
        id=UUID(int=7),
        organization_id=UUID(int=1),
        number=7,
        title="cart fails",
        status=Status.OPEN if lasted is None else Status.RESOLVED,
        severity=Severity.HIGH,
        service="cart",
        affected_services=("cart", "web"),
        started_at=begun,
        opened_at=begun,
        resolved_at=None if lasted is None else begun + lasted,
    )
