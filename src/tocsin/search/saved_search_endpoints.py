"""``/v1/saved-searches``: questions that an organization keeps under names."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation
from msgspec import Meta

from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.kit.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ServiceUnavailable,
    Unauthenticated,
)
from tocsin.kit.problem_responses import problem_responses
from tocsin.kit.text_forms import NO_NUL, NOT_BLANK
from tocsin.search.contracts import SavedSearch, SearchDraft
from tocsin.search.parameters import Caller
from tocsin.search.saved_searches import SavedSearchesService

SavedSearches = NamedDependency[SkipValidation[SavedSearchesService]]

# Not blank, without control characters: PostgreSQL takes no NUL in any text.
_NAME_FORM = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?![\s\S])"
_NO_NUL = r"^[^\x00]*$(?![\s\S])"
_Moment = Annotated[str, Meta(min_length=1, max_length=100, pattern=_NO_NUL, examples=["now-1h"], extra=NO_NUL)]

_READ_PROBLEMS = (Unauthenticated, ServiceUnavailable)
_WRITE_PROBLEMS = (*_READ_PROBLEMS, InvalidRequest, Forbidden, Conflict)


class SavedSearchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question, and the name to keep it under."""

    name: Annotated[
        str, Meta(min_length=1, max_length=200, pattern=_NAME_FORM, examples=["declined cards"], extra=NOT_BLANK)
    ]
    query: Annotated[
        str,
        Meta(
            max_length=4_096,
            pattern=_NO_NUL,
            examples=['service:checkout level:>=ERROR "card declined"'],
            extra=NO_NUL,
        ),
    ]
    from_: _Moment | None = msgspec.field(name="from", default=None)
    to: _Moment | None = None

    def draft(self) -> SearchDraft:
        """The question as the service takes it."""
        return SearchDraft(name=self.name, query=self.query, start=self.from_, end=self.to)


class SavedSearchResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A question that is kept under a name; `from` and `to` are kept as they were written."""

    id: UUID
    name: str
    query: str
    from_: str | None = msgspec.field(name="from")
    to: str | None
    created_by: UUID
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, saved: SavedSearch) -> "SavedSearchResponse":
        """The saved search on the wire."""
        return cls(
            id=saved.id,
            name=saved.name,
            query=saved.query,
            from_=saved.start,
            to=saved.end,
            created_by=saved.created_by,
            created_at=saved.created_at,
            updated_at=saved.updated_at,
        )


class SavedSearchesResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Every saved search of the organization, by name."""

    saved_searches: list[SavedSearchResponse]


class SavedSearchesController(Controller):
    """The saved searches of the caller's organization; developers and administrators change them."""

    path = "/v1/saved-searches"
    tags = ("logs",)
    security = ACCESS_TOKEN_SECURITY

    @get(summary="List saved searches", responses=problem_responses(*_READ_PROBLEMS))
    async def list_saved_searches(self, principal: Caller, saved_searches: SavedSearches) -> SavedSearchesResponse:
        """Every saved search of the organization, by name."""
        found = await saved_searches.all_of(principal.organization_id)
        return SavedSearchesResponse(saved_searches=[SavedSearchResponse.of(each) for each in found])

    @post(summary="Save a search", responses=problem_responses(*_WRITE_PROBLEMS))
    async def save_search(
        self, data: JSONBody[SavedSearchRequest], principal: Caller, saved_searches: SavedSearches
    ) -> SavedSearchResponse:
        """Keep a question under a name that no other saved search has."""
        saved = await saved_searches.save(principal.organization_id, data.draft(), by=principal.user_id)
        return SavedSearchResponse.of(saved)

    @get(
        "/{search_id:uuid}",
        summary="Get a saved search",
        responses=problem_responses(NotFound, *_READ_PROBLEMS),
    )
    async def get_saved_search(
        self, search_id: FromPath[UUID], principal: Caller, saved_searches: SavedSearches
    ) -> SavedSearchResponse:
        """The saved search with this id."""
        return SavedSearchResponse.of(await saved_searches.get(principal.organization_id, search_id))

    @put(
        "/{search_id:uuid}",
        summary="Change a saved search",
        responses=problem_responses(NotFound, *_WRITE_PROBLEMS),
    )
    async def change_saved_search(
        self,
        search_id: FromPath[UUID],
        data: JSONBody[SavedSearchRequest],
        principal: Caller,
        saved_searches: SavedSearches,
    ) -> SavedSearchResponse:
        """Put another question, another name or both in its place."""
        changed = await saved_searches.replace(principal.organization_id, search_id, data.draft())
        return SavedSearchResponse.of(changed)

    @delete(
        "/{search_id:uuid}",
        summary="Delete a saved search",
        responses=problem_responses(NotFound, Forbidden, *_READ_PROBLEMS),
    )
    async def delete_saved_search(
        self, search_id: FromPath[UUID], principal: Caller, saved_searches: SavedSearches
    ) -> None:
        """Forget a saved search."""
        await saved_searches.delete(principal.organization_id, search_id)
