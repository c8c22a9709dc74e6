"""``/v1/incidents/…``: what an incident is made of, and people's corrections of that."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import JSONBody, PathParameter

from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.incidents.corrections import Corrected
from tocsin.incidents.endpoints import READ_PROBLEMS, WRITE_PROBLEMS, Caller, IncidentId, Service
from tocsin.incidents.schemas import IncidentResponse
from tocsin.incidents.signal_schemas import (
    CorrectionResponse,
    CorrectionsResponse,
    MergeRequest,
    MoveRequest,
    SignalsResponse,
    SplitRequest,
)
from tocsin.kit.errors import NotFound
from tocsin.kit.problem_responses import problem_responses


class CorrectedResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A correction, and the incidents that it changed, by number."""

    correction: CorrectionResponse
    incidents: list[IncidentResponse]

    @classmethod
    def of(cls, corrected: Corrected) -> "CorrectedResponse":
        """What was done on the wire."""
        return cls(
            correction=CorrectionResponse.of(corrected.correction),
            incidents=[IncidentResponse.of(each) for each in corrected.incidents],
        )


class CorrectionsController(Controller):
    """Why signals are grouped; developers and administrators group them otherwise."""

    path = "/v1/incidents"
    tags = ("incidents",)
    security = ACCESS_TOKEN_SECURITY

    @get(
        "/{incident_id:uuid}/signals",
        summary="List an incident's signals",
        responses=problem_responses(NotFound, *READ_PROBLEMS),
    )
    async def incident_signals(
        self, principal: Caller, incidents_service: Service, incident_id: IncidentId
    ) -> SignalsResponse:
        """The signals of the incident, and why each was grouped with another."""
        return SignalsResponse.of(*await incidents_service.signals(principal.organization_id, incident_id))

    @get(
        "/{incident_id:uuid}/corrections",
        summary="List corrections",
        responses=problem_responses(NotFound, *READ_PROBLEMS),
    )
    async def incident_corrections(
        self, principal: Caller, incidents_service: Service, incident_id: IncidentId
    ) -> CorrectionsResponse:
        """What holds of what people corrected in the incident, the latest first."""
        kept = await incidents_service.corrections(principal.organization_id, incident_id)
        return CorrectionsResponse(corrections=[CorrectionResponse.of(each) for each in kept])

    @post(
        "/{incident_id:uuid}/split",
        summary="Split an incident",
        responses=problem_responses(*WRITE_PROBLEMS),
        status_code=200,
    )
    async def split_incident(
        self, incident_id: IncidentId, data: JSONBody[SplitRequest], principal: Caller, incidents_service: Service
    ) -> CorrectedResponse:
        """Make a new incident of some signals; 409 where one is not in the incident any more."""
        return CorrectedResponse.of(
            await incidents_service.split(principal.organization_id, incident_id, data.signal_ids, by=principal.user_id)
        )

    @post(
        "/{incident_id:uuid}/merge",
        summary="Merge incidents into one",
        responses=problem_responses(*WRITE_PROBLEMS),
        status_code=200,
    )
    async def merge_incidents(
        self, incident_id: IncidentId, data: JSONBody[MergeRequest], principal: Caller, incidents_service: Service
    ) -> CorrectedResponse:
        """Make other incidents part of this one: they are resolved, and it has their signals."""
        return CorrectedResponse.of(
            await incidents_service.merge(
                principal.organization_id, incident_id, data.incident_ids, by=principal.user_id
            )
        )

    @post(
        "/{incident_id:uuid}/move",
        summary="Move signals to another incident",
        responses=problem_responses(*WRITE_PROBLEMS),
        status_code=200,
    )
    async def move_signals(
        self, incident_id: IncidentId, data: JSONBody[MoveRequest], principal: Caller, incidents_service: Service
    ) -> CorrectedResponse:
        """Put signals into another incident; 409 where one is not in the incident any more."""
        return CorrectedResponse.of(
            await incidents_service.move(
                principal.organization_id, incident_id, data.signal_ids, data.to, by=principal.user_id
            )
        )

    @delete(
        "/corrections/{correction_id:uuid}",
        summary="Undo a correction",
        responses=problem_responses(NotFound, *READ_PROBLEMS),
        status_code=200,
    )
    async def undo_correction(
        self,
        principal: Caller,
        incidents_service: Service,
        correction_id: Annotated[UUID, PathParameter(description="The `id` of the correction.")],
    ) -> CorrectedResponse:
        """Take a correction back; the signals go where they would be without it."""
        return CorrectedResponse.of(
            await incidents_service.undo(principal.organization_id, correction_id, by=principal.user_id)
        )
