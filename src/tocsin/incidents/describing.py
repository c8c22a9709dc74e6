"""Says in one line what an incident is and where, and how bad it is."""

from collections.abc import Sequence
from math import log10

from tocsin.incidents.contracts import Cause, Severity, Signal
from tocsin.logmodel.levels import Level

MOST_TITLE_CHARACTERS = 100
"""What fits one line of a screen, and of a message to a phone."""

MOST_SERVICE_CHARACTERS = 48
"""Of the name of a service: what it says has to fit beside it."""

_LEVEL_POINTS = {Level.DEBUG: 0.0, Level.INFO: 0.0, Level.WARN: 1.0, Level.ERROR: 2.0, Level.FATAL: 3.0}
_MEDIUM, _HIGH, _CRITICAL = 2.0, 3.5, 5.0


def incident_title(signals: Sequence[Signal], causes: Sequence[Cause] = ()) -> str:
    """What and where, in at most ``MOST_TITLE_CHARACTERS``: "payment: charge declined by acquirer (and 2 services)"."""
    if not signals:
        return "Incident without signals"
    services = affected_services(signals)
    service = causes[0].service if causes else (services[0] if services else None)
    told = _telling(signals, service)
    others = [name for name in services if name != service]
    tail = f" (and {len(others)} service{'s' if len(others) > 1 else ''})" if others and service else ""
    text = " ".join(told.title.split()) or told.kind.replace("_", " ")
    if service is not None and service != told.service:
        text = f"named by {told.service}: {text}" if told.service else text
    head = f"{_cut(service, MOST_SERVICE_CHARACTERS)}: " if service and not text.startswith(f"{service}: ") else ""
    return head + _cut(text, MOST_TITLE_CHARACTERS - len(head) - len(tail)) + tail


def affected_services(signals: Sequence[Signal]) -> list[str]:
    """The services that signals name as their own, by name."""
    return sorted({signal.service for signal in signals if signal.service is not None})


def severity(signals: Sequence[Signal]) -> Severity:
    """How bad: from how many services are affected, the worst level, and how far from usual it is."""
    if not signals:
        return Severity.LOW
    breadth = min(2.0, 0.75 * (len(affected_services(signals)) - 1))
    level = max(_LEVEL_POINTS[signal.level] for signal in signals)
    rate = min(1.0, log10(1.0 + max(0.0, *(signal.score for signal in signals), 0.0)) / 2)
    points = max(0.0, breadth) + level + rate
    if level == 0.0:
        points = min(points, _HIGH - 0.1)
    for least, grade in ((_CRITICAL, Severity.CRITICAL), (_HIGH, Severity.HIGH), (_MEDIUM, Severity.MEDIUM)):
        if points >= least:
            return grade
    return Severity.LOW


def _telling(signals: Sequence[Signal], service: str | None) -> Signal:
    """The signal that says most about a service: its own, worst, most surprising, first one; else one that names it."""

    def rank(signal: Signal) -> tuple[bool, bool, float, float, int, str]:
        is_own, names = signal.service == service, service is not None and service in signal.title
        return is_own, names, _LEVEL_POINTS[signal.level], signal.score, -signal.onset_unix_nano, str(signal.id)

    return max(signals, key=rank)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
