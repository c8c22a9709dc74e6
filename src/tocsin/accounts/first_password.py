"""Whether the password that the first start made up is still the one in use."""

from sqlalchemy import inspect, select

from tocsin.accounts.first_start import FIRST_ADMIN_EMAIL
from tocsin.accounts.tables import UserRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database


async def first_password_pending(database: Database) -> bool | None:
    """Whether the first administrator must still change the one-time password; None before the first start.

    Raises:
        ServiceUnavailable: the database can't be reached.
    """
    async with database.read_session(ALL_ORGANIZATIONS) as session:
        connection = await session.connection()
        if not await connection.run_sync(lambda sync: inspect(sync).has_table(UserRow.__tablename__)):
            return None
        pending = select(UserRow.must_change_password).where(UserRow.email == FIRST_ADMIN_EMAIL)
        return (await session.execute(pending)).scalar_one_or_none()
