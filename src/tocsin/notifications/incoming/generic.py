"""Alerts in a form of our own, for whatever can send JSON: one, or a list of them.

    {"title": "disk is full", "service": "orders", "severity": "critical", "fingerprint": "disk-orders-1",
     "status": "firing", "starts_at": "2026-11-25T10:00:00Z", "labels": {"disk": "sda"}, "url": "https://…"}

Only ``title`` must be there. Without a fingerprint, title and service tell one alert from another.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tocsin.notifications.incoming.alerts import (
    LEVELS,
    UNKNOWN_SEVERITY,
    Alert,
    BadAlert,
    Moment,
    Sender,
    fingerprint_of,
)


class GenericAlert(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One alert. A severity is LOW, MEDIUM, HIGH or CRITICAL, or a usual word such as `warning`, in any case."""

    title: Annotated[str, Meta(min_length=1, examples=["disk is full"])]
    fingerprint: Annotated[
        str | None, Meta(description="The same again replaces an alert; title and service where left out.")
    ] = None
    service: str | None = None
    severity: Annotated[str | None, Meta(examples=["CRITICAL"])] = None
    status: Literal["firing", "resolved"] = "firing"
    starts_at: Moment | None = None
    labels: dict[str, str] | None = None
    url: str | None = None


_DECODER = msgspec.json.Decoder(GenericAlert)
_LIST_DECODER = msgspec.json.Decoder(list[msgspec.Raw])
_RAW_DECODER = msgspec.json.Decoder(msgspec.Raw)


def _split(body: bytes) -> list[msgspec.Raw]:
    return _LIST_DECODER.decode(body) if body.lstrip().startswith(b"[") else [_RAW_DECODER.decode(body)]


def _read(raw: msgspec.Raw) -> Alert:
    body = _DECODER.decode(raw)
    level = UNKNOWN_SEVERITY if body.severity is None else LEVELS.get(body.severity.strip().lower())
    if level is None:
        raise BadAlert("its severity is none of LOW, MEDIUM, HIGH and CRITICAL")
    return Alert(
        fingerprint=body.fingerprint or fingerprint_of(body.title, body.service or ""),
        title=body.title,
        service=body.service,
        level=level,
        is_over=body.status == "resolved",
        started_at=body.starts_at,
        labels=body.labels or {},
        url=body.url or "",
    )


GENERIC = Sender(name="generic", split=_split, read=_read)
