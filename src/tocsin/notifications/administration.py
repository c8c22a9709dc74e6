"""``NotificationSettings``: the channels and rules that administrators keep, and the log of deliveries."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tocsin.incidents.contracts import Severity
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Conflict, InvalidRequest, NotFound
from tocsin.notifications.channels.dispatch import check_channel
from tocsin.notifications.contracts import Channel, ChannelKind, Delivery, Hours, Rule
from tocsin.notifications.repository import NotificationsRepository

MAX_CHANNELS = 100
"""Of one organization: all of them are listed at once."""

MAX_RULES = 200
"""Of one organization: each change of an incident is held against all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDraft:
    """A channel as an administrator wants it."""

    name: str
    kind: ChannelKind
    settings: Mapping[str, str]
    #: None keeps the one that the channel has.
    secret: str | None = field(repr=False)
    per_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDraft:
    """A rule as an administrator wants it."""

    name: str
    channel_id: UUID
    severities: frozenset[Severity]
    services: frozenset[str]
    hours: Hours


class NotificationSettings:
    """Keeps channels and rules. Every method is about one organization, and may raise ``ServiceUnavailable``."""

    def __init__(self, repository: NotificationsRepository, *, clock: Clock, allow_insecure: bool = False) -> None:
        self._repository = repository
        self._clock = clock
        self._allow_insecure = allow_insecure

    async def channels(self, organization_id: UUID) -> list[Channel]:
        """Every channel, oldest first."""
        return await self._repository.channels(organization_id)

    async def channel(self, organization_id: UUID, channel_id: UUID) -> Channel:
        """One channel.

        Raises:
            NotFound: the organization has none with this id.
        """
        found = await self._repository.channel(organization_id, channel_id)
        if found is None:
            raise NotFound(f"there is no notification channel with the id {channel_id}")
        return found

    async def add_channel(self, organization_id: UUID, draft: ChannelDraft) -> Channel:
        """Keep a channel.

        Raises:
            InvalidRequest: nothing could be sent to it.
            Conflict: there are ``MAX_CHANNELS``.
        """
        if len(await self._repository.channels(organization_id)) >= MAX_CHANNELS:
            raise Conflict(f"there are {MAX_CHANNELS} notification channels; delete one first")
        return await self._save(uuid4(), organization_id, draft, None)

    async def change_channel(self, organization_id: UUID, channel_id: UUID, draft: ChannelDraft) -> Channel:
        """Put another channel in its place. Its secret stays only where it goes to the same place.

        Raises:
            NotFound: the organization has none with this id.
            InvalidRequest: nothing could be sent to it, or its secret has to be given again.
        """
        before = await self.channel(organization_id, channel_id)
        moved = (draft.kind, dict(draft.settings)) != (before.kind, dict(before.settings))
        if draft.secret is None and before.secret_is_lost:
            raise InvalidRequest("the secret of this channel can't be read any more; give it again")
        if draft.secret is None and before.secret and moved:
            # Or whoever may change a channel could have its secret sent to a server of their own.
            raise InvalidRequest("give the secret again when the kind or the settings of a channel change")
        return await self._save(channel_id, organization_id, draft, before)

    async def delete_channel(self, organization_id: UUID, channel_id: UUID) -> None:
        """Forget a channel.

        Raises:
            NotFound: the organization has none with this id.
            Conflict: a rule sends to it.
        """
        await self.channel(organization_id, channel_id)
        for rule in await self._repository.rules(organization_id):
            if rule.channel_id == channel_id:
                raise Conflict(f"the rule {rule.name!r} sends to this channel; delete or change it first")
        await self._repository.delete_channel(organization_id, channel_id)

    async def rules(self, organization_id: UUID) -> list[Rule]:
        """Every rule, oldest first."""
        return await self._repository.rules(organization_id)

    async def rule(self, organization_id: UUID, rule_id: UUID) -> Rule:
        """One rule.

        Raises:
            NotFound: the organization has none with this id.
        """
        for rule in await self._repository.rules(organization_id):
            if rule.id == rule_id:
                return rule
        raise NotFound(f"there is no notification rule with the id {rule_id}")

    async def add_rule(self, organization_id: UUID, draft: RuleDraft) -> Rule:
        """Keep a rule; it is about what happens from now on.

        Raises:
            InvalidRequest: it names no channel or time zone that is there.
            Conflict: there are ``MAX_RULES``.
        """
        if len(await self._repository.rules(organization_id)) >= MAX_RULES:
            raise Conflict(f"there are {MAX_RULES} notification rules; delete one first")
        rule = Rule(
            id=uuid4(),
            organization_id=organization_id,
            name=draft.name,
            channel_id=draft.channel_id,
            severities=draft.severities,
            created_at=utc_now(self._clock),
        )
        return await self._save_rule(rule, draft)

    async def change_rule(self, organization_id: UUID, rule_id: UUID, draft: RuleDraft) -> Rule:
        """Put another rule in its place.

        Raises:
            NotFound: the organization has none with this id.
            InvalidRequest: as ``add_rule``.
        """
        return await self._save_rule(await self.rule(organization_id, rule_id), draft)

    async def delete_rule(self, organization_id: UUID, rule_id: UUID) -> None:
        """Forget a rule.

        Raises:
            NotFound: the organization has none with this id.
        """
        if not await self._repository.delete_rule(organization_id, rule_id):
            raise NotFound(f"there is no notification rule with the id {rule_id}")

    async def deliveries(self, organization_id: UUID, *, limit: int) -> list[Delivery]:
        """The log of deliveries, the newest first."""
        return await self._repository.deliveries(organization_id, limit=limit)

    async def _save(
        self, channel_id: UUID, organization_id: UUID, draft: ChannelDraft, before: Channel | None
    ) -> Channel:
        secret = draft.secret if draft.secret is not None else (before.secret if before else "")
        check_channel(draft.kind, dict(draft.settings), secret, allow_insecure=self._allow_insecure)
        channel = Channel(
            id=channel_id,
            organization_id=organization_id,
            name=draft.name,
            kind=draft.kind,
            settings=draft.settings,
            secret=secret,
            per_minute=draft.per_minute,
            created_at=before.created_at if before else utc_now(self._clock),
        )
        await self._repository.save_channel(channel)
        return channel

    async def _save_rule(self, rule: Rule, draft: RuleDraft) -> Rule:
        try:
            ZoneInfo(draft.hours.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidRequest(
                f"there is no time zone {draft.hours.time_zone!r}; write it like Europe/Rome"
            ) from error
        if await self._repository.channel(rule.organization_id, draft.channel_id) is None:
            raise InvalidRequest(f"there is no notification channel with the id {draft.channel_id}")
        changed = replace(
            rule,
            name=draft.name,
            channel_id=draft.channel_id,
            severities=draft.severities,
            services=draft.services,
            hours=draft.hours,
        )
        await self._repository.save_rule(changed)
        return changed
