"""The HTTP endpoint of usage: what came in, by API key and day."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter

from tocsin.accounts.contracts import Principal
from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY, provide_principal
from tocsin.ingest.schemas import UsageResponse
from tocsin.ingest.service import IngestService
from tocsin.kit.errors import InvalidRequest, InvalidTimeRange, ServiceUnavailable, Unauthenticated
from tocsin.kit.problem_responses import problem_responses


@get(
    "/v1/ingest/usage",
    dependencies={"principal": Provide(provide_principal)},
    operation_id="getUsage",
    summary="What came in, by API key and day",
    security=ACCESS_TOKEN_SECURITY,
    responses=problem_responses(InvalidRequest, InvalidTimeRange, Unauthenticated, ServiceUnavailable),
)
async def usage(
    principal: NamedDependency[Principal],
    ingest_service: NamedDependency[IngestService],
    first_day: Annotated[
        date | None, QueryParameter(name="from", description="The first day (UTC). Default: 30 days in all.")
    ] = None,
    last_day: Annotated[
        date | None, QueryParameter(name="to", description="The last day (UTC), itself included. Default: today.")
    ] = None,
    key_id: Annotated[UUID | None, QueryParameter(description="Only what this key sent.")] = None,
) -> UsageResponse:
    """What the organization sent on each of at most 400 days (UTC), by API key; days and keys without any are left out.

    Other processes' last seconds may not be in it yet. The organization's own sums, exact, are in the ledger.
    """
    return UsageResponse.of(await ingest_service.usage(principal.organization_id, first_day, last_day, key_id=key_id))
