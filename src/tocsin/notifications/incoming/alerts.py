"""What the alerts of every sender come down to, and the signal that each becomes. Pure."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID, uuid5

import msgspec
from msgspec import Meta

from tocsin.incidents.contracts import Signal, SignalSource
from tocsin.kit.errors import MalformedBody
from tocsin.kit.moments import unix_nano
from tocsin.logmodel.levels import Level
from tocsin.logstore.ports import OrganizationId
from tocsin.notifications.wording import one_line

MAX_TITLE_CHARACTERS = 500
MAX_SERVICE_CHARACTERS = 200
MAX_URL_CHARACTERS = 2_000
"""Of an alert; a longer title is cut, a longer URL is left out, a longer service is refused."""

MAX_LABELS = 64
MAX_LABEL_CHARACTERS = 1_000
"""What is kept of the labels of an alert; the rest is left out. The fingerprint is made of all of them."""

SERVICE_LABELS = ("service", "service.name", "service_name", "job", "app")
"""Where an alert says which service it is about; the first that is there counts."""

SEVERITY_LABELS = ("severity", "level", "priority")
TITLE_ANNOTATIONS = ("summary", "description", "message")

_SEVERITIES = {
    Level.FATAL: ("critical", "crit", "fatal", "emergency", "emerg", "disaster", "page", "p0", "p1", "sev0", "sev1"),
    Level.ERROR: ("error", "err", "high", "major", "p2", "sev2"),
    Level.WARN: ("warning", "warn", "medium", "moderate", "average", "minor", "p3", "sev3"),
    Level.INFO: ("info", "information", "informational", "notice", "low", "none", "ok", "debug", "p4", "p5", "sev4"),
}
LEVELS = {word: level for level, words in _SEVERITIES.items() for word in words}
"""What senders call how bad it is, in lower case."""

UNKNOWN_SEVERITY = Level.WARN
"""What an alert without a severity, or with an unknown one, is taken for."""

OPENING = frozenset({Level.WARN, Level.ERROR, Level.FATAL})
"""What is enough to open an incident; lesser alerts join one that is there."""

_SCORES = {Level.DEBUG: 1.0, Level.INFO: 3.0, Level.WARN: 10.0, Level.ERROR: 20.0, Level.FATAL: 30.0}
"""What an alert is worth beside findings: somebody has thought about its threshold, so it is no chance."""

_LATEST_UNIX_NANO = 2**63 - 1

Moment = Annotated[datetime, Meta(tz=True)]


class BadAlert(Exception):
    """An alert that can't become a signal; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert, whoever sent it."""

    #: The same whenever the sender speaks of the same trouble.
    fingerprint: str
    title: str
    service: str | None
    level: Level
    is_over: bool = False
    #: None, or a moment that can't be: when it was received.
    started_at: datetime | None = None
    ended_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    url: str = ""


Reader = Callable[[msgspec.Raw], Alert]
"""Reads one alert. Raises ``BadAlert`` or an error of msgspec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A kind of program that sends alerts."""

    #: As signals have it.
    name: str
    #: The alerts of a body, unread. Raises an error of msgspec.
    split: Callable[[bytes], Sequence[msgspec.Raw]]
    read: Reader


def split_body(sender: Sender, body: bytes) -> Sequence[msgspec.Raw]:
    """The alerts of a body, unread.

    Raises:
        MalformedBody: it is not what the sender sends.
    """
    try:
        return sender.split(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"this is not a body of {sender.name}: {error}") from error
    except RecursionError as error:
        raise MalformedBody(f"this is not a body of {sender.name}: it is nested too deeply") from error


def read_alert(sender: Sender, raw: msgspec.Raw) -> Alert:
    """One alert.

    Raises:
        BadAlert: it is not what the sender sends.
    """
    try:
        return sender.read(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAlert(str(error)) from error
    except RecursionError as error:
        raise BadAlert("it is nested too deeply") from error


def signal_of(organization_id: OrganizationId, sender: str, alert: Alert, *, now_unix_nano: int) -> Signal:
    """The signal that an alert becomes; its id follows from the sender and the fingerprint.

    Raises:
        BadAlert: it says nothing, or names a service that none can be.
    """
    title = _cut(one_line(alert.title), MAX_TITLE_CHARACTERS)
    if not title:
        raise BadAlert("it has no title: neither a summary, a description nor a name")
    onset = _moment(alert.started_at, now_unix_nano)
    last = _moment(alert.ended_at, now_unix_nano) if alert.is_over else now_unix_nano
    return Signal(
        id=signal_id(organization_id, sender, alert.fingerprint),
        source=SignalSource.ALERT,
        kind=sender,
        service=_service(alert.service),
        title=title,
        level=alert.level,
        onset_unix_nano=onset,
        last_unix_nano=max(onset, last),
        score=_SCORES[alert.level],
        is_over=alert.is_over,
        # Alerts that always fire, as Prometheus' "Watchdog" does, are none of trouble.
        opens=not alert.is_over and alert.level in OPENING,
        labels=_kept_labels(alert.labels),
        url=alert.url if _is_link(alert.url) else None,
    )


def signal_id(organization_id: OrganizationId, sender: str, fingerprint: str) -> UUID:
    """The id of the signal that speaks of an alert."""
    return uuid5(organization_id, f"{sender}\n{fingerprint}")


def fingerprint_of(*parts: str) -> str:
    """A fingerprint for what brings none of its own."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def fingerprint_of_labels(labels: Mapping[str, str]) -> str:
    """A fingerprint of labels, in whatever order."""
    return fingerprint_of(*(part for pair in sorted(labels.items()) for part in pair))


def first_of(texts: Mapping[str, str], names: Sequence[str]) -> str | None:
    """What stands under the first of these names that has anything."""
    return next((texts[name] for name in names if texts.get(name, "").strip()), None)


def level_of_labels(labels: Mapping[str, str]) -> Level:
    """How bad labels say it is."""
    said = first_of(labels, SEVERITY_LABELS)
    return UNKNOWN_SEVERITY if said is None else LEVELS.get(said.strip().lower(), UNKNOWN_SEVERITY)


def _service(name: str | None) -> str | None:
    if name is None or not (name := one_line(name)):
        return None
    if len(name) > MAX_SERVICE_CHARACTERS:
        raise BadAlert(f"the name of its service has more than {MAX_SERVICE_CHARACTERS} characters")
    return name


def _moment(said: datetime | None, now_unix_nano: int) -> int:
    """When it was; what Go writes for no time at all, and what has yet to come, is now."""
    found = 0 if said is None else unix_nano(said)
    return found if 0 < found <= min(now_unix_nano, _LATEST_UNIX_NANO) else now_unix_nano


def _kept_labels(labels: Mapping[str, str]) -> dict[str, str]:
    kept = sorted(labels.items())[:MAX_LABELS]
    return {
        _cut(one_line(name), MAX_LABEL_CHARACTERS): _cut(one_line(text), MAX_LABEL_CHARACTERS) for name, text in kept
    }


def _is_link(url: str) -> bool:
    """Whether somebody may be led there: a page would run what begins with ``javascript:``."""
    if not url or len(url) > MAX_URL_CHARACTERS or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
