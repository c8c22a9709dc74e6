import pytest

from tocsin.database.engine import driver_url


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///tocsin.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///tocsin.db", "sqlite+aiosqlite"),
        ("postgresql://user@host/tocsin", "postgresql+psycopg"),
        ("postgres://user@host/tocsin", "postgresql+psycopg"),
        ("postgresql+psycopg2://user@host/tocsin", "postgresql+psycopg"),
    ],
)
def test_driver_url_names_the_driver_when_the_database_is_known(url: str, driver: str) -> None:
    assert driver_url(url).drivername == driver


def test_driver_url_keeps_the_rest_when_the_driver_changes() -> None:
    url = driver_url("postgresql://user:pass%40word@host:5433/tocsin?sslmode=require")
    assert (url.username, url.password, url.host, url.port) == ("user", "pass@word", "host", 5433)
    assert (url.database, url.query["sslmode"]) == ("tocsin", "require")
