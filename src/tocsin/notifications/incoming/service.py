"""``IncomingEvents``: alerts and deploys from outside, given to incidents."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import structlog
from prometheus_client import Counter

from tocsin.accounts.contracts import KeyIdentity
from tocsin.incidents.contracts import Deploy, Incident, Signal
from tocsin.kit.clock import Clock
from tocsin.kit.errors import Forbidden, InvalidRequest
from tocsin.kit.moments import NANOSECONDS_A_SECOND, unix_nano
from tocsin.logstore.ports import OrganizationId
from tocsin.notifications.incoming.alerts import BadAlert, Sender, read_alert, signal_of, split_body

MAX_ALERTS = 1_000
"""Of one request: more are refused."""

SIGNALS_AT_ONCE = 100
"""So many join incidents in one transaction; each is held against all that are known, and others wait meanwhile."""

MAX_REASONS = 100
"""So many refused alerts are told with their reasons; all are counted."""

MAX_CLOCK_SKEW_NANO = 300 * NANOSECONDS_A_SECOND
"""So far in the future a deploy may be said to be: its machine's clock may be wrong. It is noted as of now."""

_alerts = Counter("tocsin_notifications_alerts_total", "Alerts from outside.", ["sender", "outcome"])

log = structlog.get_logger(__name__)


class Incidents(Protocol):
    """What is needed of incidents."""

    async def take_signals(self, organization_id: OrganizationId, signals: Sequence[Signal]) -> list[Incident]:
        """Have signals join incidents; one with a known id replaces what was known."""
        ...

    async def deployed(self, organization_id: OrganizationId, deploy: Deploy) -> None:
        """Note a deploy."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An alert that was not taken."""

    #: Counts from 0 in the body.
    index: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsOutcome:
    """What became of the alerts of a request: all of them are taken or refused."""

    received: int
    accepted: int
    #: In order, at most ``MAX_REASONS``.
    refusals: Sequence[Refusal]

    @property
    def refused(self) -> int:
        """How many were not taken."""
        return self.received - self.accepted


class IncomingEvents:
    """Takes what other programs say. Every method may raise ``ServiceUnavailable``: then it is to be sent again.

    What was taken already stays, and hearing of it again changes nothing.
    """

    def __init__(self, incidents: Incidents, *, clock: Clock) -> None:
        self._incidents = incidents
        self._clock = clock

    async def take_alerts(self, key: KeyIdentity, sender: Sender, body: bytes) -> AlertsOutcome:
        """Give a body's alerts to incidents. A bad one costs only itself; of those with one id the last one counts.

        Raises:
            MalformedBody: it is not what the sender sends.
            InvalidRequest: it has alerts, and none could be taken.
        """
        raw_alerts = split_body(sender, body)
        now = self._clock.now_unix_nano()
        signals: list[Signal] = []
        refusals: list[Refusal] = []
        for index, raw in enumerate(raw_alerts[:MAX_ALERTS]):
            try:
                signal = signal_of(key.organization_id, sender.name, read_alert(sender, raw), now_unix_nano=now)
                signals.append(_of_key(key, signal))
            except BadAlert as error:
                refusals.append(Refusal(index=index, reason=str(error)))
        if len(raw_alerts) > MAX_ALERTS:
            reason = f"a request has at most {MAX_ALERTS:,} alerts, this one has {len(raw_alerts):,}"
            refusals.append(Refusal(index=MAX_ALERTS, reason=f"{reason}: from here on none was taken"))
        outcome = AlertsOutcome(received=len(raw_alerts), accepted=len(signals), refusals=tuple(refusals[:MAX_REASONS]))
        if signals:
            await self._give(key, list({signal.id: signal for signal in signals}.values()))
        self._count(sender, outcome)
        if outcome.refused and not signals:
            first = refusals[0]
            raise InvalidRequest(f"none of the alerts could be taken; of the one at {first.index}: {first.reason}")
        return outcome

    async def take_deploy(self, key: KeyIdentity, service: str, version: str, at: datetime | None) -> Deploy:
        """Note that a version of a service was deployed, now or at a moment of the past.

        Raises:
            Forbidden: the key is for another service.
            InvalidRequest: it is said to be in the future, or before 1970.
        """
        if service != key.default_service and not key.allows_other_services:
            raise Forbidden(_other_service(key, service))
        now = self._clock.now_unix_nano()
        at_unix_nano = now if at is None else unix_nano(at)
        if not 0 <= at_unix_nano <= now + MAX_CLOCK_SKEW_NANO:
            raise InvalidRequest(f"at must be a moment of the past, not {at}")
        deploy = Deploy(service=service, version=version, at_unix_nano=min(at_unix_nano, now))
        await self._incidents.deployed(key.organization_id, deploy)
        return deploy

    async def _give(self, key: KeyIdentity, signals: Sequence[Signal]) -> None:
        for start in range(0, len(signals), SIGNALS_AT_ONCE):
            await self._incidents.take_signals(key.organization_id, signals[start : start + SIGNALS_AT_ONCE])
            # Whoever waits for the event loop has it in between.
            await asyncio.sleep(0)

    def _count(self, sender: Sender, outcome: AlertsOutcome) -> None:
        _alerts.labels(sender.name, "accepted").inc(outcome.accepted)
        _alerts.labels(sender.name, "refused").inc(outcome.refused)
        if outcome.refused:
            first = outcome.refusals[0].reason
            log.warning("notifications.alerts_refused", sender=sender.name, alerts=outcome.refused, reason=first)


def _of_key(key: KeyIdentity, signal: Signal) -> Signal:
    """The signal, if the key may speak of its service; a key for one service speaks of that one.

    Raises:
        BadAlert: it is about another.
    """
    if key.allows_other_services:
        return signal
    if signal.service is not None and signal.service != key.default_service:
        raise BadAlert(_other_service(key, signal.service))
    return replace(signal, service=key.default_service)


def _other_service(key: KeyIdentity, service: str) -> str:
    return f"the API key is for the service {key.default_service!r} only, and this is about {service!r}"
