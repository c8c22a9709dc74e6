"""Inserts that know what to do where a row is there already, on either database."""

from typing import TypeAlias

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from tocsin.database.tables import Table

Insert: TypeAlias = postgresql.Insert | sqlite.Insert


def insert_into(session: AsyncSession, table: type[Table]) -> Insert:
    """An insert with ``on_conflict_do_nothing`` and ``on_conflict_do_update``, for the database of this session."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
