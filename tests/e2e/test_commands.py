"""The command line against a running server."""

import json

import pytest

from tests.support.server import TocsinServer, free_port


@pytest.fixture(scope="module", autouse=True)
def some_logs(server: TocsinServer) -> None:
    with server.sender() as sender:
        for message in ("first of two", "second of two", "\x1b[2Jcleared"):
            sender.post("/v1/ingest", json={"message": message, "service": "shop"}).raise_for_status()


def test_search_prints_the_newest_log_last(server: TocsinServer) -> None:
    done = server.run("search", '"of two"', "--since", "10m")
    assert [line.split("shop ")[1] for line in done.stdout.splitlines()] == ["first of two", "second of two"]


def test_search_prints_json_when_asked(server: TocsinServer) -> None:
    done = server.run("search", "second", "--json")
    assert json.loads(done.stdout)["message"] == "second of two"


def test_search_spells_out_what_a_terminal_would_obey(server: TocsinServer) -> None:
    done = server.run("search", "*cleared*")
    assert "\x1b" not in done.stdout
    assert "\\e[2Jcleared" in done.stdout


def test_error_is_one_line_when_the_query_is_wrong(server: TocsinServer) -> None:
    done = server.run("search", "a (")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1


def test_exit_code_is_two_when_the_command_line_is_wrong(server: TocsinServer) -> None:
    assert server.run("search", "--since", "1h", "--from", "now-1h").returncode == 2


def test_error_says_what_to_do_when_no_server_answers(server: TocsinServer) -> None:
    done = server.run("search", "x", settings={"TOCSIN_URL": f"http://127.0.0.1:{free_port()}"})
    assert done.returncode == 1
    assert "tocsin serve" in done.stderr


def test_error_says_what_to_do_when_there_is_no_signing_key(server: TocsinServer) -> None:
    done = server.run("status", settings={"TOCSIN_DATA_DIR": "elsewhere"})
    assert done.returncode == 1
    assert "TOCSIN_TOKEN" in done.stderr
    assert not (server.directory / "elsewhere").exists()


def test_status_reconciles(server: TocsinServer) -> None:
    done = server.run("status", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    ledger = report["ledger"]
    assert ledger["received"] == ledger["stored"] + ledger["duplicates"] + ledger["dead_letters"] >= 3
    assert report["ready"] is True
    assert "received" in server.run("status").stdout


def test_key_works_until_it_is_revoked(server: TocsinServer) -> None:
    issued = json.loads(server.run("keys", "create", "for a test", "--service", "checkout", "--json").stdout)
    headers = {"X-API-Key": issued["secret"]}
    with server.client() as client:
        assert client.post("/v1/ingest", json={"message": "x"}, headers=headers).status_code == 200
        assert issued["key"]["id"] in server.run("keys", "list").stdout
        assert server.run("keys", "revoke", issued["key"]["id"]).returncode == 0
        assert client.post("/v1/ingest", json={"message": "x"}, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("name", "content", "query"),
    [
        (
            "nova.log",
            "2026-11-20 10:00:00.1 ERROR disk is full\n\n2026-11-20 10:00:01.2 INFO all well\n",
            "disk service:nova",
        ),
        (
            "shop.ndjson",
            '{"timestamp": 1763632800, "message": "paid"}\n{"timestamp": 1763632801, "message": "paid"}\n',
            "paid service:shop",
        ),
    ],
)
def test_import_stores_each_line_once_however_often_it_is_run(
    server: TocsinServer, name: str, content: str, query: str
) -> None:
    (server.directory / name).write_text(content)
    first = server.run("import", name)
    assert first.returncode == 0, first.stderr
    assert "received 2 = 2 stored + 0 duplicates" in first.stdout
    assert "received 2 = 0 stored + 2 duplicates" in server.run("import", name).stdout
    assert server.run("search", query, "--from", "2025-01-01", "--json").stdout.count('"message"') >= 1


def test_import_is_refused_when_there_is_no_such_file(server: TocsinServer) -> None:
    assert server.run("import", "missing.log").returncode == 2


def test_version_is_printed(server: TocsinServer) -> None:
    assert server.run("version").stdout.startswith("tocsin ")
