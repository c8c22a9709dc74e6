"""Channels, rules and deliveries on the wire. No answer holds a secret."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from tocsin.incidents.contracts import Change, Severity
from tocsin.kit.text_forms import NO_CONTROL_CHARACTERS, NOT_BLANK
from tocsin.notifications.administration import ChannelDraft, RuleDraft
from tocsin.notifications.contracts import Channel, ChannelKind, Delivery, DeliveryStatus, Hours, Rule

_NAME_FORM = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?![\s\S])"
_PLAIN_FORM = r"^[^\x00-\x1f\x7f]*$(?![\s\S])"

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=_NAME_FORM, extra=NOT_BLANK)]
Plain = Annotated[str, Meta(max_length=2_000, pattern=_PLAIN_FORM, extra=NO_CONTROL_CHARACTERS)]
Minute = Annotated[int, Meta(ge=0, le=1_439)]


class ChannelRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel. `secret` is the URL of a Slack or Discord webhook, PagerDuty's routing key, a password or a signing
    secret; left out in a change, it stays.
    """

    name: Name
    kind: ChannelKind
    settings: Annotated[dict[str, Plain], Meta(max_length=10)] = msgspec.field(default_factory=dict)
    secret: Plain | None = None
    per_minute: Annotated[int, Meta(ge=1, le=600)] = 30

    def draft(self) -> ChannelDraft:
        """The channel as the service takes it."""
        return ChannelDraft(
            name=self.name, kind=self.kind, settings=self.settings, secret=self.secret, per_minute=self.per_minute
        )


class ChannelResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A channel; of its secret only a hint. Where the secret is lost, it has to be set again."""

    id: UUID
    name: str
    kind: ChannelKind
    settings: dict[str, str]
    secret_hint: str
    secret_is_lost: bool
    per_minute: int
    created_at: datetime

    @classmethod
    def of(cls, channel: Channel) -> "ChannelResponse":
        """The channel on the wire."""
        return cls(
            id=channel.id,
            name=channel.name,
            kind=channel.kind,
            settings=dict(channel.settings),
            secret_hint=channel.secret_hint,
            secret_is_lost=channel.secret_is_lost,
            per_minute=channel.per_minute,
            created_at=channel.created_at,
        )


class ChannelsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Every channel of the organization, oldest first."""

    channels: list[ChannelResponse]


class HoursBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a rule holds; days from 0, Monday. The same start and end is all day; an end before the start is the next
    day's.
    """

    days: Annotated[list[Annotated[int, Meta(ge=0, le=6)]], Meta(min_length=1, max_length=7)] = msgspec.field(
        default_factory=lambda: list(range(7))
    )
    start_minute: Minute = 0
    end_minute: Minute = 0
    time_zone: Annotated[str, Meta(min_length=1, max_length=100, examples=["Europe/Rome"])] = "UTC"


class RuleRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told of what; no services are all of them."""

    name: Name
    channel_id: UUID
    severities: Annotated[list[Severity], Meta(min_length=1, max_length=4)] = msgspec.field(
        default_factory=lambda: list(Severity)
    )
    services: Annotated[list[Name], Meta(max_length=100)] = msgspec.field(default_factory=list)
    hours: HoursBody = msgspec.field(default_factory=HoursBody)

    def draft(self) -> RuleDraft:
        """The rule as the service takes it."""
        hours = Hours(
            days=frozenset(self.hours.days),
            start_minute=self.hours.start_minute,
            end_minute=self.hours.end_minute,
            time_zone=self.hours.time_zone,
        )
        return RuleDraft(
            name=self.name,
            channel_id=self.channel_id,
            severities=frozenset(self.severities),
            services=frozenset(self.services),
            hours=hours,
        )


class RuleResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A rule."""

    id: UUID
    name: str
    channel_id: UUID
    severities: list[Severity]
    services: list[str]
    hours: HoursBody
    created_at: datetime

    @classmethod
    def of(cls, rule: Rule) -> "RuleResponse":
        """The rule on the wire."""
        hours = HoursBody(
            days=sorted(rule.hours.days),
            start_minute=rule.hours.start_minute,
            end_minute=rule.hours.end_minute,
            time_zone=rule.hours.time_zone,
        )
        return cls(
            id=rule.id,
            name=rule.name,
            channel_id=rule.channel_id,
            severities=[severity for severity in Severity if severity in rule.severities],
            services=sorted(rule.services),
            hours=hours,
            created_at=rule.created_at,
        )


class RulesResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Every rule of the organization, oldest first."""

    rules: list[RuleResponse]


class DeliveryResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one message, and why."""

    id: UUID
    rule_id: UUID
    channel_id: UUID
    incident_id: UUID
    change: Change
    status: DeliveryStatus
    reason: str
    attempts: int
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryResponse":
        """The delivery on the wire."""
        return cls(
            id=delivery.id,
            rule_id=delivery.rule_id,
            channel_id=delivery.channel_id,
            incident_id=delivery.incident_id,
            change=delivery.change,
            status=delivery.status,
            reason=delivery.reason,
            attempts=delivery.attempts,
            created_at=delivery.created_at,
            finished_at=delivery.finished_at,
        )


class DeliveriesResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The newest deliveries first."""

    deliveries: list[DeliveryResponse]


class ChannelTestResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the channel took a test, and why not."""

    delivered: bool
    reason: str
