"""One database for everything: metadata and logs in PostgreSQL, and as many servers as are wanted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import PostgresServer
from tests.support.server import TocsinServer, free_port

SIGNING_KEY = "the same in every process, and long enough"


@pytest.fixture
def database_settings(postgres_server: PostgresServer) -> Iterator[dict[str, str]]:
    with postgres_server.empty_database() as url:
        yield {"TOCSIN_DATABASE_URL": url, "TOCSIN_LOGSTORE_URL": url, "TOCSIN_SIGNING_KEY": SIGNING_KEY}


@pytest.fixture
def server(tmp_path: Path, database_settings: dict[str, str]) -> Iterator[TocsinServer]:
    with TocsinServer(tmp_path / "one", settings=database_settings) as running:
        yield running


def _send(server: TocsinServer, *messages: str) -> dict[str, int]:
    with server.sender() as sender:
        answer = sender.post("/v1/ingest", json=[{"message": message} for message in messages])
    counts: dict[str, int] = answer.raise_for_status().json()
    return counts


def _found(server: TocsinServer, query: str) -> list[str]:
    with server.reader() as reader:
        logs = reader.get("/v1/logs", params={"q": query}).raise_for_status().json()["logs"]
    return [log["message"] for log in logs]


def test_logs_are_found_when_the_process_is_killed_after_the_answer(server: TocsinServer) -> None:
    assert _send(server, "survivor", "payment declined")["received"] == 2
    server.kill()
    server.start()
    assert _found(server, "survivor") == ["survivor"]
    assert _found(server, "pay OR DECLINED") == ["payment declined"]


def test_a_server_stops_cleanly_and_says_that_it_is_ready(server: TocsinServer) -> None:
    with server.client() as client:
        parts = client.get("/readyz").raise_for_status().text
    assert "PostgreSQL" in parts
    assert server.stop() == 0


def test_what_one_server_takes_another_finds(
    server: TocsinServer, tmp_path: Path, database_settings: dict[str, str]
) -> None:
    with TocsinServer(tmp_path / "two", port=free_port(), settings=database_settings) as other:
        _send(server, "sent to one")
        _send(other, "sent to the other")
        for each in (server, other):
            assert sorted(_found(each, "sent")) == ["sent to one", "sent to the other"]
