"""Alerts with labels and annotations, as Prometheus has made them usual. Pure."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from tocsin.notifications.incoming.alerts import (
    SERVICE_LABELS,
    TITLE_ANNOTATIONS,
    Alert,
    BadAlert,
    Moment,
    fingerprint_of_labels,
    first_of,
    level_of_labels,
)


class LabelledAlert(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What Alertmanager and Grafana say of one alert, as far as it is used here."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")
    fingerprint: str | None = None


class LabelledPayload(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A notification about a group of alerts; what is said of the group is said of each alert too."""

    alerts: list[msgspec.Raw]


_DECODER = msgspec.json.Decoder(LabelledPayload)


def split_payload(body: bytes) -> list[msgspec.Raw]:
    """The alerts of a notification, unread."""
    return _DECODER.decode(body).alerts


def alert_of(body: LabelledAlert, *, url: str | None) -> Alert:
    """What an alert with labels says.

    Raises:
        BadAlert: nothing tells it from others.
    """
    labels: Mapping[str, str] = body.labels or {}
    if not body.fingerprint and not labels:
        raise BadAlert("it has neither a fingerprint nor labels")
    title = first_of(body.annotations or {}, TITLE_ANNOTATIONS) or labels.get("alertname", "")
    return Alert(
        fingerprint=body.fingerprint or fingerprint_of_labels(labels),
        title=title,
        service=first_of(labels, SERVICE_LABELS),
        level=level_of_labels(labels),
        is_over=body.status == "resolved",
        started_at=body.starts_at,
        ended_at=body.ends_at,
        labels=labels,
        url=url or "",
    )
