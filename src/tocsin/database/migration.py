"""Runs the migration scripts over a connection that is already in a transaction."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from tocsin.database.scopes import ALL_ORGANIZATIONS, SET_SCOPE, scope_text

_SCRIPTS = Path(__file__).parent / "migrations"

#: "tocsin" in ASCII: the PostgreSQL advisory lock that one migrating process holds until it commits.
_MIGRATION_LOCK = 0x746F6373696E


def upgrade(connection: Connection) -> None:
    """Run every script that the database has not seen, oldest first."""
    command.upgrade(_prepared(connection), "head")


def downgrade(connection: Connection, revision: str) -> None:
    """Undo every script after the revision, newest first."""
    command.downgrade(_prepared(connection), revision)


def _prepared(connection: Connection) -> Config:
    # SQLite needs no lock of ours: the transaction has held its write lock since it began.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        connection.execute(SET_SCOPE, {"scope": scope_text(ALL_ORGANIZATIONS)})
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
