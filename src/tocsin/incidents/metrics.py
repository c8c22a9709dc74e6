"""What incidents tell of themselves."""

from prometheus_client import Histogram

_HOURS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 24, 72)

INCIDENT_MTTR_HOURS = Histogram(
    "incident_mttr_hours", "Hours from opening an incident until it was resolved; its mean is the MTTR.", buckets=_HOURS
)
