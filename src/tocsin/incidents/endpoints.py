"""``/v1/incidents``: incidents from their opening to their end."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter, SkipValidation

from tocsin.accounts.contracts import Principal
from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.incidents.contracts import IncidentFilter, Severity, Status
from tocsin.incidents.schemas import (
    CommentRequest,
    EntryResponse,
    IncidentChangeRequest,
    IncidentRequest,
    IncidentResponse,
    IncidentsResponse,
    LinkedLogResponse,
    LinkedLogsResponse,
    LinkRequest,
    ResponseTimesOf,
    StatisticsResponse,
    StatusRequest,
    TimelineItemResponse,
    TimelineResponse,
)
from tocsin.incidents.service import DEFAULT_INCIDENTS, MAX_INCIDENTS, IncidentsService
from tocsin.kit.clock import SystemClock, utc_now
from tocsin.kit.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from tocsin.kit.problem_responses import problem_responses
from tocsin.search.schemas import log_response
from tocsin.search.service import SearchService

Caller = NamedDependency[SkipValidation[Principal]]
Service = NamedDependency[SkipValidation[IncidentsService]]
Logs = NamedDependency[SkipValidation[SearchService]]
IncidentId = Annotated[UUID, PathParameter(description="The `id` of the incident.")]

READ_PROBLEMS = (Unauthenticated, Forbidden, ServiceUnavailable, TooManyRequests)
WRITE_PROBLEMS = (InvalidRequest, NotFound, Conflict, *READ_PROBLEMS)


class IncidentsController(Controller):
    """The incidents of the caller's organization; developers and administrators change them."""

    path = "/v1/incidents"
    tags = ("incidents",)
    security = ACCESS_TOKEN_SECURITY

    @get(summary="List incidents", responses=problem_responses(InvalidRequest, *READ_PROBLEMS))
    async def list_incidents(
        self,
        principal: Caller,
        incidents_service: Service,
        status: Annotated[list[Status] | None, QueryParameter(description="Any of these; left out: all.")] = None,
        severity: Annotated[list[Severity] | None, QueryParameter(description="Any of these; left out: all.")] = None,
        service: Annotated[str | None, QueryParameter(description="Of this service.")] = None,
        text: Annotated[str, QueryParameter(max_length=200, description="Stands somewhere in the title.")] = "",
        cursor: Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=MAX_INCIDENTS)] = DEFAULT_INCIDENTS,
    ) -> IncidentsResponse:
        """Incidents that match, the newest first."""
        wanted = IncidentFilter(
            statuses=frozenset(status or ()), severities=frozenset(severity or ()), service=service, text=text
        )
        below = None if cursor is None else _number(cursor)
        found = await incidents_service.find(principal.organization_id, wanted, below=below, limit=limit + 1)
        shown = found[:limit]
        return IncidentsResponse(
            incidents=[IncidentResponse.of(each) for each in shown],
            next_cursor=str(shown[-1].number) if len(found) > limit else None,
        )

    @post(summary="Open an incident", responses=problem_responses(InvalidRequest, *READ_PROBLEMS))
    async def open_incident(
        self, data: JSONBody[IncidentRequest], principal: Caller, incidents_service: Service
    ) -> IncidentResponse:
        """Open an incident by a person's word."""
        opened = await incidents_service.open(principal.organization_id, data.draft(), by=principal.user_id)
        return IncidentResponse.of(opened)

    @get("/statistics", summary="Get response times", responses=problem_responses(InvalidRequest, *READ_PROBLEMS))
    async def incident_statistics(
        self,
        principal: Caller,
        incidents_service: Service,
        days: Annotated[int, QueryParameter(ge=1, le=3_650, description="Of the last so many days.")] = 30,
    ) -> StatisticsResponse:
        """Mean times to acknowledge (MTTA) and to resolve (MTTR), of all incidents and of each service's."""
        since = utc_now(SystemClock()) - timedelta(days=days)
        of_all, *of_services = await incidents_service.response_times(principal.organization_id, since)
        return StatisticsResponse(
            since=since,
            all=ResponseTimesOf.of(of_all),
            services=[ResponseTimesOf.of(each) for each in of_services],
        )

    @get("/{incident_id:uuid}", summary="Get an incident", responses=problem_responses(NotFound, *READ_PROBLEMS))
    async def get_incident(
        self, principal: Caller, incidents_service: Service, incident_id: IncidentId
    ) -> IncidentResponse:
        """The incident as it is now."""
        return IncidentResponse.of(await incidents_service.get(principal.organization_id, incident_id))

    @patch("/{incident_id:uuid}", summary="Change an incident", responses=problem_responses(*WRITE_PROBLEMS))
    async def change_incident(
        self,
        incident_id: IncidentId,
        data: JSONBody[IncidentChangeRequest],
        principal: Caller,
        incidents_service: Service,
    ) -> IncidentResponse:
        """Change its title, severity, assignee or tags; 409 where somebody else changed it since it was seen."""
        after = await incidents_service.edit(
            principal.organization_id, incident_id, data.edit(), version=data.version, by=principal.user_id
        )
        return IncidentResponse.of(after)

    @patch(
        "/{incident_id:uuid}/status",
        summary="Acknowledge, investigate, resolve or reopen",
        responses=problem_responses(*WRITE_PROBLEMS),
    )
    async def set_incident_status(
        self, incident_id: IncidentId, data: JSONBody[StatusRequest], principal: Caller, incidents_service: Service
    ) -> IncidentResponse:
        """OPEN → ACKNOWLEDGED → INVESTIGATING → RESOLVED, where steps may be left out; RESOLVED → OPEN reopens."""
        after = await incidents_service.set_status(
            principal.organization_id, incident_id, data.status, version=data.version, by=principal.user_id
        )
        return IncidentResponse.of(after)

    @get(
        "/{incident_id:uuid}/timeline",
        summary="Get the timeline",
        responses=problem_responses(NotFound, *READ_PROBLEMS),
    )
    async def incident_timeline(
        self, principal: Caller, incidents_service: Service, incident_id: IncidentId
    ) -> TimelineResponse:
        """What happened, in order: changes, comments, signals at their onset, and deploys of services it touches."""
        items = await incidents_service.timeline(principal.organization_id, incident_id)
        return TimelineResponse(entries=[TimelineItemResponse.of(each) for each in items])

    @post(
        "/{incident_id:uuid}/comments",
        summary="Comment on an incident",
        responses=problem_responses(InvalidRequest, NotFound, *READ_PROBLEMS),
    )
    async def comment_on_incident(
        self, incident_id: IncidentId, data: JSONBody[CommentRequest], principal: Caller, incidents_service: Service
    ) -> EntryResponse:
        """Write something into the incident's timeline."""
        entry = await incidents_service.comment(principal.organization_id, incident_id, data.text, by=principal.user_id)
        return EntryResponse.of(entry)

    @get(
        "/{incident_id:uuid}/logs",
        summary="List linked logs",
        responses=problem_responses(NotFound, *READ_PROBLEMS),
    )
    async def incident_logs(
        self, principal: Caller, incidents_service: Service, incident_id: IncidentId
    ) -> LinkedLogsResponse:
        """The logs that are kept with the incident, as they were when they were linked."""
        links = await incidents_service.links(principal.organization_id, incident_id)
        return LinkedLogsResponse(logs=[LinkedLogResponse.of(each) for each in links])

    @post(
        "/{incident_id:uuid}/logs",
        summary="Link logs",
        responses=problem_responses(*WRITE_PROBLEMS),
        status_code=200,
    )
    async def link_logs(
        self,
        incident_id: IncidentId,
        data: JSONBody[LinkRequest],
        principal: Caller,
        incidents_service: Service,
        search_service: Logs,
    ) -> LinkedLogsResponse:
        """Keep copies of these logs with the incident; they outlive the logs. Answers all that it has."""
        organization_id = principal.organization_id
        found = {str(each): await search_service.get(organization_id, each) for each in dict.fromkeys(data.log_ids)}
        # As it is on the wire: metadata goes there as stored JSON, which becomes an object only by being read.
        logs = {log_id: msgspec.json.decode(msgspec.json.encode(log_response(log))) for log_id, log in found.items()}
        links = await incidents_service.link(organization_id, incident_id, logs, by=principal.user_id)
        return LinkedLogsResponse(logs=[LinkedLogResponse.of(each) for each in links])

    @delete(
        "/{incident_id:uuid}/logs/{log_id:uuid}",
        summary="Unlink a log",
        responses=problem_responses(NotFound, *READ_PROBLEMS),
    )
    async def unlink_log(
        self,
        principal: Caller,
        incidents_service: Service,
        incident_id: IncidentId,
        log_id: Annotated[UUID, PathParameter(description="The `id` of the log.")],
    ) -> None:
        """Forget the copy of a log that is kept with the incident."""
        await incidents_service.unlink(principal.organization_id, incident_id, str(log_id), by=principal.user_id)


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal()) or len(cursor) > 18:
        raise InvalidRequest("the cursor is not a next_cursor that a list of incidents has answered")
    return int(cursor)
