from typing import Any

import pytest

from tocsin.logstore.backends.clickhouse import connection


@pytest.mark.parametrize(
    ("url", "username", "password"),
    [
        ("clickhouse://ada:p%40ss%2Fword%25@db:8123", "ada", "p@ss/word%"),
        ("clickhouse://a%3Ab@db", "a:b", ""),
        ("clickhouse://db", None, ""),
    ],
)
def test_name_and_password_are_read_as_a_url_spells_them(
    url: str, username: str | None, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr("clickhouse_connect.get_client", lambda **options: asked.update(options))
    connection.http_client(url)
    assert (asked["username"], asked["password"]) == (username, password)
