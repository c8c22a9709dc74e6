"""``/v1/webhooks`` and ``/v1/events``: what other programs say, with an API key."""

from dataclasses import dataclass
from typing import Any

import structlog
from litestar import Controller, Request, Router, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.params import JSONBody, SkipValidation

from tocsin.accounts.contracts import KeyIdentity
from tocsin.accounts.guards import API_KEY_SECURITY, provide_key_identity
from tocsin.kit.errors import (
    Forbidden,
    InvalidRequest,
    MalformedBody,
    PayloadTooLarge,
    RequestTimeout,
    ServiceUnavailable,
    TooManyRequests,
    Unauthenticated,
    UnsupportedMediaType,
)
from tocsin.kit.problem_responses import problem_responses
from tocsin.notifications.incoming.alertmanager import ALERTMANAGER
from tocsin.notifications.incoming.alerts import Sender
from tocsin.notifications.incoming.generic import GENERIC
from tocsin.notifications.incoming.grafana import GRAFANA
from tocsin.notifications.incoming.schemas import AlertsResponse, DeployRequest, DeployResponse
from tocsin.notifications.incoming.service import IncomingEvents

MAX_ALERTS_BODY_BYTES = 2 * 1024 * 1024
"""Of a request with alerts: a thousand of them with long annotations."""

log = structlog.get_logger(__name__)

Key = NamedDependency[KeyIdentity]
Incoming = NamedDependency[SkipValidation[IncomingEvents]]
AnyRequest = Request[Any, Any, Any]

_PROBLEMS = problem_responses(
    InvalidRequest,
    MalformedBody,
    Unauthenticated,
    Forbidden,
    RequestTimeout,
    PayloadTooLarge,
    UnsupportedMediaType,
    TooManyRequests,
    ServiceUnavailable,
)
_OBJECT = Schema(type="object")  # type: ignore[arg-type]


def _described(schema: Schema) -> type[Operation]:
    """An operation that describes a body, which its handler reads by itself."""

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            media = OpenAPIMediaType(schema=schema)
            self.request_body = RequestBody(required=True, content={"application/json": media})

    return Described


_NOTIFICATION = Schema(
    description="A notification about a group of alerts",
    type="object",  # type: ignore[arg-type]
    properties={"alerts": Schema(type="array", items=_OBJECT)},  # type: ignore[arg-type]
    required=["alerts"],
)
_GENERIC = Schema(
    description='One alert or a list: {"title", "fingerprint", "service", "severity", "status", "starts_at", …}',
    one_of=[_OBJECT, Schema(type="array", items=_OBJECT)],  # type: ignore[arg-type]
)


class WebhooksController(Controller):
    """Alerts from outside. A 200 means that each is taken, or told in ``reasons``; a bad one costs only itself."""

    path = "/v1/webhooks"
    request_max_body_size = MAX_ALERTS_BODY_BYTES

    @post(
        "/alertmanager",
        summary="Take alerts of Alertmanager",
        operation_class=_described(_NOTIFICATION),
        status_code=200,
        responses=_PROBLEMS,
    )
    async def alertmanager(self, request: AnyRequest, key: Key, incoming: Incoming) -> AlertsResponse:
        """Take what an Alertmanager's ``webhook_configs`` send (version 4)."""
        return await _take(request, key, incoming, ALERTMANAGER)

    @post(
        "/grafana",
        summary="Take alerts of Grafana",
        operation_class=_described(_NOTIFICATION),
        status_code=200,
        responses=_PROBLEMS,
    )
    async def grafana(self, request: AnyRequest, key: Key, incoming: Incoming) -> AlertsResponse:
        """Take what a webhook contact point of Grafana's alerting sends."""
        return await _take(request, key, incoming, GRAFANA)

    @post(
        "/generic",
        summary="Take alerts of anything else",
        operation_class=_described(_GENERIC),
        status_code=200,
        responses=_PROBLEMS,
    )
    async def generic(self, request: AnyRequest, key: Key, incoming: Incoming) -> AlertsResponse:
        """Take one alert or a list of them in Tocsin's own form."""
        return await _take(request, key, incoming, GENERIC)


@post("/v1/events/deploys", summary="Note a deploy", operation_id="noteDeploy", status_code=200, responses=_PROBLEMS)
async def note_deploy(data: JSONBody[DeployRequest], key: Key, incoming: Incoming) -> DeployResponse:
    """Say that a version of a service was deployed: what breaks soon after may come from it."""
    deploy = await incoming.take_deploy(key, data.service, data.version, data.at)
    log.info("notifications.deployed", service=data.service, version=data.version, by=data.by, url=data.url)
    return DeployResponse.of(deploy)


router = Router(
    "/",
    route_handlers=[WebhooksController, note_deploy],
    dependencies={"key": Provide(provide_key_identity)},
    security=API_KEY_SECURITY,
    tags=["incidents"],
)


async def _take(request: AnyRequest, key: KeyIdentity, incoming: IncomingEvents, sender: Sender) -> AlertsResponse:
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() not in {"", "identity"}:
        raise UnsupportedMediaType(f"alerts are read without a content encoding, not as {encoding!r}")
    return AlertsResponse.of(await incoming.take_alerts(key, sender, await request.body()))
