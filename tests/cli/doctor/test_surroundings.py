from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import OWNER, PostgresServer
from tocsin.cli.doctor.surroundings import look_around
from tocsin.database.roles import DatabaseRole, current_role
from tocsin.database.service import Database
from tocsin.kit.settings import read_settings
from tocsin.wiring import build


@pytest.fixture
def variables() -> dict[str, str]:
    # Nobody listens on that port.
    return {"TOCSIN_LOGSTORE_URL": "memory:", "TOCSIN_PORT": "1"}


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


async def test_looking_makes_nothing_when_nothing_was_started(tmp_path: Path, variables: dict[str, str]) -> None:
    seen = await look_around(read_settings(variables, tmp_path), tmp_path)
    assert names_in(tmp_path) == set()
    assert (seen.modes, seen.has_started_before, seen.first_password_pending) == ({}, False, None)
    assert (seen.database_problem, seen.server_version) == (None, None)


async def test_first_start_and_its_one_time_password_are_seen(tmp_path: Path, variables: dict[str, str]) -> None:
    settings = read_settings(variables, tmp_path)
    async with build(settings):
        pass
    (tmp_path / ".env").touch(mode=0o604)
    seen = await look_around(settings, tmp_path)
    assert (seen.has_started_before, seen.first_password_pending, seen.role) == (True, True, None)
    data_dir = tmp_path / "tocsin-data"
    assert seen.modes == {tmp_path / ".env": 0o604, data_dir: 0o700, data_dir / "signing.key": 0o600}
    assert seen.free_disk_bytes is not None


async def test_password_that_was_given_is_not_a_one_time_password(tmp_path: Path, variables: dict[str, str]) -> None:
    settings = read_settings({**variables, "TOCSIN_BOOTSTRAP_PASSWORD": "correct horse battery"}, tmp_path)
    async with build(settings):
        pass
    assert (await look_around(settings, tmp_path)).first_password_pending is False


async def test_problem_is_seen_when_the_database_can_not_be_reached(tmp_path: Path, variables: dict[str, str]) -> None:
    variables["TOCSIN_DATABASE_URL"] = "postgresql://t:hunter2@127.0.0.1:1/t"
    seen = await look_around(read_settings(variables, tmp_path), tmp_path)
    assert seen.database_problem
    assert "hunter2" not in seen.database_problem


@pytest.mark.parametrize(("attributes", "sees_all_rows"), [("", False), ("BYPASSRLS", True), ("SUPERUSER", True)])
async def test_role_is_seen_with_what_it_may_pass_by(
    postgres_server: PostgresServer, attributes: str, sees_all_rows: bool
) -> None:
    with postgres_server.empty_database() as url:
        with psycopg.connect(postgres_server.url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE doctored LOGIN {attributes}")
        database = Database(url.replace(f"//{OWNER}", "//doctored", 1))
        try:
            role = await current_role(database)
        finally:
            await database.close()
            with psycopg.connect(postgres_server.url, autocommit=True) as connection:
                connection.execute("DROP ROLE doctored")
    assert role is not None
    assert (role.name, role.sees_all_rows) == ("doctored", sees_all_rows)


async def test_database_before_its_first_start_has_no_first_password(
    postgres_server: PostgresServer, tmp_path: Path, variables: dict[str, str]
) -> None:
    with postgres_server.empty_database() as url:
        seen = await look_around(read_settings({**variables, "TOCSIN_DATABASE_URL": url}, tmp_path), tmp_path)
    assert (seen.database_problem, seen.first_password_pending, seen.has_started_before) == (None, None, False)
    assert seen.role == DatabaseRole(OWNER, sees_all_rows=False)
