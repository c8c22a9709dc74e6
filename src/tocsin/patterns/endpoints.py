"""``/v1/patterns``: what people decide about patterns. Reading them is a question, which ``search`` answers."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter, SkipValidation
from msgspec import UnsetType

from tocsin.accounts.contracts import Principal
from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.kit.errors import Conflict, Forbidden, InvalidRequest, NotFound, ServiceUnavailable, Unauthenticated
from tocsin.kit.problem_responses import problem_responses
from tocsin.patterns.contracts import shape_number
from tocsin.patterns.schemas import (
    EditResponse,
    EditsResponse,
    MergeRequest,
    PatternChange,
    PatternResponse,
    SplitRequest,
)
from tocsin.patterns.service import PatternsService

Caller = NamedDependency[SkipValidation[Principal]]
Service = NamedDependency[SkipValidation[PatternsService]]
PatternId = Annotated[str, PathParameter(description="The `id` of the pattern, or any shape of it.")]

_READ_PROBLEMS = (Unauthenticated, Forbidden, ServiceUnavailable)
_WRITE_PROBLEMS = problem_responses(InvalidRequest, NotFound, Conflict, *_READ_PROBLEMS)


class PatternEditsController(Controller):
    """Corrections of patterns; they hold for shapes to come, and can be undone."""

    path = "/v1/patterns"
    tags = ("patterns",)
    security = ACCESS_TOKEN_SECURITY

    @get("/edits", summary="List what people decided", responses=problem_responses(*_READ_PROBLEMS))
    async def pattern_edits(self, principal: Caller, patterns_service: Service) -> EditsResponse:
        """Every merge, split, name and mute that holds, the newest first."""
        edits = await patterns_service.edits(principal.organization_id)
        return EditsResponse(edits=[EditResponse.of(each) for each in edits])

    @delete(
        "/edits/{edit_id:uuid}",
        summary="Undo an edit",
        responses=problem_responses(NotFound, *_READ_PROBLEMS),
    )
    async def undo_pattern_edit(self, principal: Caller, patterns_service: Service, edit_id: FromPath[UUID]) -> None:
        """Forget what somebody decided; all else that was decided holds."""
        await patterns_service.undo(principal.organization_id, edit_id)

    @post("/merge", summary="Merge patterns", responses=_WRITE_PROBLEMS, status_code=200)
    async def merge_patterns(
        self, data: JSONBody[MergeRequest], principal: Caller, patterns_service: Service
    ) -> PatternResponse:
        """Make one pattern of several; no stored log is touched."""
        wanted = [_number(each) for each in data.patterns]
        merged = await patterns_service.merge(principal.organization_id, wanted, by=principal.user_id)
        return PatternResponse.of(merged)

    @post("/{pattern_id:str}/split", summary="Split a pattern", responses=_WRITE_PROBLEMS, status_code=200)
    async def split_pattern(
        self, pattern_id: PatternId, data: JSONBody[SplitRequest], principal: Caller, patterns_service: Service
    ) -> PatternResponse:
        """Make a pattern of its own of some of a pattern's shapes; answers the new one."""
        shapes = [_number(each) for each in data.shapes]
        part = await patterns_service.split(
            principal.organization_id, _number(pattern_id), shapes, by=principal.user_id
        )
        return PatternResponse.of(part)

    @patch("/{pattern_id:str}", summary="Name or mute a pattern", responses=_WRITE_PROBLEMS)
    async def change_pattern(
        self, pattern_id: PatternId, data: JSONBody[PatternChange], principal: Caller, patterns_service: Service
    ) -> PatternResponse:
        """Give a pattern a name that people know it by, or want to hear no more of it."""
        organization_id, number, by = principal.organization_id, _number(pattern_id), principal.user_id
        if not isinstance(data.name, UnsetType):
            await patterns_service.rename(organization_id, number, data.name, by=by)
        if not isinstance(data.is_muted, UnsetType):
            await patterns_service.mute(organization_id, number, muted=data.is_muted, by=by)
        return PatternResponse.of(await patterns_service.pattern(organization_id, number))


def _number(text: str) -> int:
    number = shape_number(text)
    if number is None:
        raise NotFound(f"{text!r} is not the id of a pattern, which has 16 hexadecimal digits")
    return number
