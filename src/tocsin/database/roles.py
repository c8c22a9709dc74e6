"""As whom the database is used, and what that role may pass by."""

from dataclasses import dataclass

from sqlalchemy import text

from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database

_CURRENT_ROLE = text("SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")


@dataclass(frozen=True, slots=True)
class DatabaseRole:
    """A PostgreSQL role."""

    name: str
    #: Row-level security does not hold for superusers, and for roles that have BYPASSRLS.
    sees_all_rows: bool


async def current_role(database: Database) -> DatabaseRole | None:
    """The role of this connection; None on SQLite, which has none.

    Raises:
        ServiceUnavailable: the database can't be reached.
    """
    async with database.read_session(ALL_ORGANIZATIONS) as session:
        if session.get_bind().dialect.name != "postgresql":
            return None
        name, sees_all_rows = (await session.execute(_CURRENT_ROLE)).one()
    return DatabaseRole(name, sees_all_rows)
