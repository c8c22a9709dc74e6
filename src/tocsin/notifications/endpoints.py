"""``/v1/notifications``: channels, rules, the log of deliveries, and a test."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, Parameter, SkipValidation

from tocsin.accounts.contracts import Principal
from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.kit.errors import Conflict, Forbidden, InvalidRequest, NotFound, ServiceUnavailable, Unauthenticated
from tocsin.kit.problem_responses import problem_responses
from tocsin.notifications.administration import NotificationSettings
from tocsin.notifications.repository import KEPT_DELIVERIES_LISTED
from tocsin.notifications.schemas import (
    ChannelRequest,
    ChannelResponse,
    ChannelsResponse,
    ChannelTestResponse,
    DeliveriesResponse,
    DeliveryResponse,
    RuleRequest,
    RuleResponse,
    RulesResponse,
)
from tocsin.notifications.service import NotificationsService

Caller = NamedDependency[Principal]
Settings = NamedDependency[SkipValidation[NotificationSettings]]
Notifications = NamedDependency[SkipValidation[NotificationsService]]
Limit = Annotated[int, Parameter(ge=1, le=KEPT_DELIVERIES_LISTED)]

_COMMON = (Unauthenticated, Forbidden, ServiceUnavailable)
_WRITE = (*_COMMON, InvalidRequest, Conflict)


class NotificationsController(Controller):
    """Administrators change; developers look, and see no secret."""

    path = "/v1/notifications"
    tags = ("notifications",)
    security = ACCESS_TOKEN_SECURITY

    @get("/channels", summary="List notification channels", responses=problem_responses(*_COMMON))
    async def list_channels(self, principal: Caller, notification_settings: Settings) -> ChannelsResponse:
        """Every channel of the organization, oldest first."""
        found = await notification_settings.channels(principal.organization_id)
        return ChannelsResponse(channels=[ChannelResponse.of(each) for each in found])

    @post("/channels", summary="Add a notification channel", responses=problem_responses(*_WRITE))
    async def add_channel(
        self, data: JSONBody[ChannelRequest], principal: Caller, notification_settings: Settings
    ) -> ChannelResponse:
        """Keep a place that messages can go to."""
        return ChannelResponse.of(await notification_settings.add_channel(principal.organization_id, data.draft()))

    @get(
        "/channels/{channel_id:uuid}",
        summary="Get a notification channel",
        responses=problem_responses(NotFound, *_COMMON),
    )
    async def get_channel(
        self, channel_id: FromPath[UUID], principal: Caller, notification_settings: Settings
    ) -> ChannelResponse:
        """The channel with this id."""
        return ChannelResponse.of(await notification_settings.channel(principal.organization_id, channel_id))

    @put(
        "/channels/{channel_id:uuid}",
        summary="Change a notification channel",
        responses=problem_responses(NotFound, *_WRITE),
    )
    async def change_channel(
        self,
        channel_id: FromPath[UUID],
        data: JSONBody[ChannelRequest],
        principal: Caller,
        notification_settings: Settings,
    ) -> ChannelResponse:
        """Put another channel in its place; its secret stays where none is given and it goes to the same place."""
        changed = await notification_settings.change_channel(principal.organization_id, channel_id, data.draft())
        return ChannelResponse.of(changed)

    @delete(
        "/channels/{channel_id:uuid}",
        summary="Delete a notification channel",
        responses=problem_responses(NotFound, Conflict, *_COMMON),
    )
    async def delete_channel(
        self, channel_id: FromPath[UUID], principal: Caller, notification_settings: Settings
    ) -> None:
        """Forget a channel that no rule sends to."""
        await notification_settings.delete_channel(principal.organization_id, channel_id)

    @post(
        "/channels/{channel_id:uuid}/test",
        summary="Test a notification channel",
        responses=problem_responses(NotFound, *_COMMON),
        status_code=200,
    )
    async def test_channel(
        self, channel_id: FromPath[UUID], principal: Caller, notifications: Notifications
    ) -> ChannelTestResponse:
        """Send a test now, and say what the receiver said."""
        delivered, reason = await notifications.test(principal.organization_id, channel_id)
        return ChannelTestResponse(delivered=delivered, reason=reason)

    @get("/rules", summary="List notification rules", responses=problem_responses(*_COMMON))
    async def list_rules(self, principal: Caller, notification_settings: Settings) -> RulesResponse:
        """Every rule of the organization, oldest first."""
        found = await notification_settings.rules(principal.organization_id)
        return RulesResponse(rules=[RuleResponse.of(each) for each in found])

    @post("/rules", summary="Add a notification rule", responses=problem_responses(*_WRITE))
    async def add_rule(
        self, data: JSONBody[RuleRequest], principal: Caller, notification_settings: Settings
    ) -> RuleResponse:
        """Have a channel told of what happens from now on."""
        return RuleResponse.of(await notification_settings.add_rule(principal.organization_id, data.draft()))

    @get("/rules/{rule_id:uuid}", summary="Get a notification rule", responses=problem_responses(NotFound, *_COMMON))
    async def get_rule(
        self, rule_id: FromPath[UUID], principal: Caller, notification_settings: Settings
    ) -> RuleResponse:
        """The rule with this id."""
        return RuleResponse.of(await notification_settings.rule(principal.organization_id, rule_id))

    @put("/rules/{rule_id:uuid}", summary="Change a notification rule", responses=problem_responses(NotFound, *_WRITE))
    async def change_rule(
        self, rule_id: FromPath[UUID], data: JSONBody[RuleRequest], principal: Caller, notification_settings: Settings
    ) -> RuleResponse:
        """Put another rule in its place."""
        return RuleResponse.of(
            await notification_settings.change_rule(principal.organization_id, rule_id, data.draft())
        )

    @delete(
        "/rules/{rule_id:uuid}", summary="Delete a notification rule", responses=problem_responses(NotFound, *_COMMON)
    )
    async def delete_rule(self, rule_id: FromPath[UUID], principal: Caller, notification_settings: Settings) -> None:
        """Forget a rule."""
        await notification_settings.delete_rule(principal.organization_id, rule_id)

    @get("/deliveries", summary="List deliveries", responses=problem_responses(InvalidRequest, *_COMMON))
    async def list_deliveries(
        self, principal: Caller, notification_settings: Settings, limit: Limit = 100
    ) -> DeliveriesResponse:
        """What was sent, what waits and what failed, with the reasons; the newest first."""
        found = await notification_settings.deliveries(principal.organization_id, limit=limit)
        return DeliveriesResponse(deliveries=[DeliveryResponse.of(each) for each in found])
