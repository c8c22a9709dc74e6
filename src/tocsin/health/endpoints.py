"""``GET /v1/services``: what is said of services, and how they are."""

from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, SkipValidation
from litestar.types import Dependencies

from tocsin.accounts.contracts import Principal
from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY, provide_principal
from tocsin.health.schemas import ServiceHealthResponse, ServicesWithHealthResponse, ServiceWithHealthResponse
from tocsin.health.service import HealthService
from tocsin.kit.errors import (
    Forbidden,
    NotFound,
    QueryTimedOut,
    QueryTooExpensive,
    ServiceUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from tocsin.kit.problem_responses import problem_responses

Caller = NamedDependency[SkipValidation[Principal]]
Health = NamedDependency[SkipValidation[HealthService]]

_DEPENDENCIES: Dependencies = {"principal": Provide(provide_principal)}
_PROBLEMS = (Unauthenticated, Forbidden, TooManyRequests, ServiceUnavailable, QueryTimedOut, QueryTooExpensive)


class HealthController(Controller):
    """How the services of the caller's organization are."""

    path = "/v1/services"
    tags = ("services",)
    security = ACCESS_TOKEN_SECURITY
    dependencies = _DEPENDENCIES

    @get(summary="List services", responses=problem_responses(*_PROBLEMS))
    async def list_services(self, principal: Caller, health_service: Health) -> ServicesWithHealthResponse:
        """Every service that is registered or has logged in the last 24 hours, by name, and how it is."""
        found = await health_service.services(principal.organization_id)
        return ServicesWithHealthResponse(services=[ServiceWithHealthResponse.of(each) for each in found])

    @get(
        "/{service_id:uuid}/health",
        summary="Get a service's health",
        responses=problem_responses(NotFound, *_PROBLEMS),
    )
    async def service_health(
        self, service_id: FromPath[UUID], principal: Caller, health_service: Health
    ) -> ServiceHealthResponse:
        """How the service with this id is, and what it logged in the 24 hours before."""
        return ServiceHealthResponse.of(await health_service.service(principal.organization_id, service_id))
