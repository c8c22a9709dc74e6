"""``SavedSearchesService``: questions that an organization keeps under names."""

from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from tocsin.database.service import Database
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Conflict, NotFound
from tocsin.query.parser import parse
from tocsin.search.contracts import SavedSearch, SearchDraft
from tocsin.search.tables import SavedSearchRow
from tocsin.search.time_expressions import time_range

MAX_SAVED_SEARCHES = 1_000
"""Of one organization: all of them are listed at once."""


class SavedSearchesService:
    """Keeps questions. Every method is about one organization, and may raise ``ServiceUnavailable``."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all_of(self, organization_id: UUID) -> list[SavedSearch]:
        """Every saved search, by name."""
        saved = select(SavedSearchRow).where(SavedSearchRow.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            rows = await session.scalars(saved)
            # Databases have orders of their own.
            return sorted((_saved(row) for row in rows), key=attrgetter("name"))

    async def get(self, organization_id: UUID, search_id: UUID) -> SavedSearch:
        """One saved search.

        Raises:
            NotFound: the organization has none with this id.
        """
        async with self._database.read_session(organization_id) as session:
            row = (await session.scalars(select(SavedSearchRow).where(*_is(organization_id, search_id)))).one_or_none()
            if row is None:
                raise _not_found(search_id)
            return _saved(row)

    async def save(self, organization_id: UUID, draft: SearchDraft, *, by: UUID) -> SavedSearch:
        """Keep a question.

        Raises:
            InvalidQuery: it is not a query.
            InvalidTimeRange: a bound is not a moment, or the range is empty now.
            Conflict: there is one with this name, or there are ``MAX_SAVED_SEARCHES``.
        """
        self._check(draft)
        now = utc_now(self._clock)
        values = _values(draft) | {"id": uuid4(), "created_by": by, "created_at": now, "updated_at": now}
        number = select(func.count()).where(SavedSearchRow.organization_id == organization_id)
        with _unique_name(draft):
            async with self._database.session(organization_id) as session:
                if ((await session.execute(number)).scalar_one()) >= MAX_SAVED_SEARCHES:
                    raise Conflict(f"there are {MAX_SAVED_SEARCHES:,} saved searches; delete one first")
                saved = insert(SavedSearchRow).values(organization_id=organization_id, **values)
                return _saved((await session.scalars(saved.returning(SavedSearchRow))).one())

    async def replace(self, organization_id: UUID, search_id: UUID, draft: SearchDraft) -> SavedSearch:
        """Change a saved search.

        Raises:
            NotFound: the organization has none with this id.
            InvalidQuery, InvalidTimeRange, Conflict: as ``save``.
        """
        self._check(draft)
        values = _values(draft) | {"updated_at": utc_now(self._clock)}
        changed = update(SavedSearchRow).where(*_is(organization_id, search_id)).values(**values)
        with _unique_name(draft):
            async with self._database.session(organization_id) as session:
                row = (await session.scalars(changed.returning(SavedSearchRow))).one_or_none()
                if row is None:
                    raise _not_found(search_id)
                return _saved(row)

    async def delete(self, organization_id: UUID, search_id: UUID) -> None:
        """Forget a saved search.

        Raises:
            NotFound: the organization has none with this id.
        """
        gone = delete(SavedSearchRow).where(*_is(organization_id, search_id)).returning(SavedSearchRow.id)
        async with self._database.session(organization_id) as session:
            if (await session.scalars(gone)).one_or_none() is None:
                raise _not_found(search_id)

    def _check(self, draft: SearchDraft) -> None:
        parse(draft.query)
        time_range(draft.start, draft.end, now_unix_nano=self._clock.now_unix_nano())


@contextmanager
def _unique_name(draft: SearchDraft) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Conflict(f"there is a saved search named {draft.name!r}") from error


def _is(organization_id: UUID, search_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (SavedSearchRow.organization_id == organization_id, SavedSearchRow.id == search_id)


def _values(draft: SearchDraft) -> dict[str, object]:
    return {"name": draft.name, "query": draft.query, "range_start": draft.start, "range_end": draft.end}


def _saved(row: SavedSearchRow) -> SavedSearch:
    return SavedSearch(
        id=row.id,
        name=row.name,
        query=row.query,
        start=row.range_start,
        end=row.range_end,
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _not_found(search_id: UUID) -> NotFound:
    return NotFound(f"there is no saved search with the id {search_id}")
