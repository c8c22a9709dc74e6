"""What other rooms see of notifications."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from tocsin.incidents.contracts import Change, IncidentChanged, Severity
from tocsin.logstore.ports import OrganizationId

OVER = frozenset({Change.RESOLVED, Change.MERGED})
"""The changes after which nobody needs to look at an incident any more."""


class ChannelKind(StrEnum):
    """Where a message can go."""

    SLACK = "slack"
    DISCORD = "discord"
    PAGERDUTY = "pagerduty"
    EMAIL = "email"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One place that messages go to."""

    id: UUID
    organization_id: OrganizationId
    name: str
    kind: ChannelKind
    #: What anybody may see; each kind says which it takes.
    settings: Mapping[str, str]
    #: What nobody is shown: the webhook's URL of Slack and Discord, a routing key, a password, a signing secret.
    secret: str = field(repr=False)
    #: At most so many messages a minute.
    per_minute: int
    created_at: datetime
    #: Whether it had a secret that can't be read any more, see ``sealing``.
    secret_is_lost: bool = False

    @property
    def secret_hint(self) -> str:
        """Enough of the secret to tell it from another; nothing of a short one."""
        return f"…{self.secret[-4:]}" if len(self.secret) >= 16 else ("…" if self.secret else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When a rule holds: from one time of the day to another, on some days of the week, in a time zone."""

    #: 0 is Monday; a span over midnight belongs to the day on which it begins.
    days: frozenset[int] = frozenset(range(7))
    #: Minutes after midnight by the zone's clock, and the minute after the last; both the same is all day.
    start_minute: int = 0
    end_minute: int = 0
    #: An IANA name.
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who is told of what."""

    id: UUID
    organization_id: OrganizationId
    name: str
    channel_id: UUID
    severities: frozenset[Severity]
    #: Empty for all.
    services: frozenset[str] = frozenset()
    hours: Hours = field(default_factory=Hours)
    created_at: datetime


class DeliveryStatus(StrEnum):
    """What became of a message."""

    PENDING = "pending"
    SENT = "sent"
    #: Part of the message of another change of the same incident.
    GROUPED = "grouped"
    #: Not sent, since people know something newer by now.
    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was, or will be, said by one rule of one change."""

    id: UUID
    rule_id: UUID
    channel_id: UUID
    incident_id: UUID
    sequence: int
    change: Change
    status: DeliveryStatus
    #: Why it failed or waits, for people; empty where there is nothing to say.
    reason: str
    attempts: int
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one message says."""

    #: The same whenever the same message is sent again.
    id: UUID
    #: The newest change last; at least one, all of one incident.
    events: Sequence[IncidentChanged]
    #: Whether it only shows that the channel works.
    is_test: bool = False

    @property
    def newest(self) -> IncidentChanged:
        """What holds now."""
        return self.events[-1]


class IncidentEvents(Protocol):
    """What notifications need of incidents."""

    async def events_after(
        self, organization_id: OrganizationId, sequence: int, *, limit: int
    ) -> Sequence[IncidentChanged]:
        """The changes after one, oldest first."""
        ...

    def on_change(self, listener: Callable[[IncidentChanged], None]) -> object:
        """Call this with each change that this process makes."""
        ...
