"""Starting, stopping and starting again."""

import json
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from tests.support.server import API_KEY, PASSWORD, ServerEnded, TocsinServer, free_port


def found(server: TocsinServer, query: str) -> list[str]:
    """The messages that a search of the last hour finds."""
    with server.reader() as reader:
        logs = reader.get("/v1/logs", params={"q": query}).raise_for_status().json()["logs"]
    return [log["message"] for log in logs]


def test_first_start_prints_what_is_needed_and_the_curl_line_works(new_server: TocsinServer) -> None:
    del new_server.environment["TOCSIN_BOOTSTRAP_PASSWORD"]
    del new_server.environment["TOCSIN_BOOTSTRAP_API_KEY"]
    new_server.start()
    output = new_server.output
    assert new_server.url in output
    assert "admin@localhost" in output
    password = re.search(r"one-time password +(\S+)", output)
    curl = re.search(r"^curl .*$", output, re.MULTILINE)
    assert password
    assert curl

    if shutil.which("curl") is None:
        pytest.skip("this machine has no curl")
    answer = subprocess.run(curl[0], shell=True, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)["received"] == 1

    search = new_server.run("search", "hello")
    assert search.returncode == 0, search.stderr
    assert "shop hello from curl" in search.stdout

    with new_server.client() as client:
        login = client.post("/v1/auth/login", json={"email": "admin@localhost", "password": password[1]})
    assert login.json()["password_change_required"] is True


def test_secrets_that_were_given_are_not_printed(new_server: TocsinServer) -> None:
    new_server.start()
    assert PASSWORD not in new_server.output
    assert API_KEY not in new_server.output
    assert "as given by TOCSIN_BOOTSTRAP_PASSWORD" in new_server.output


def test_nothing_in_the_data_directory_is_for_others_even_when_it_was_open_before(new_server: TocsinServer) -> None:
    new_server.data_dir.mkdir(mode=0o755)
    new_server.data_dir.chmod(0o755)
    new_server.start()
    with new_server.sender() as sender:
        sender.post("/v1/ingest", json={"message": "private"}).raise_for_status()
    files = [new_server.data_dir, *new_server.data_dir.rglob("*")]
    assert len(files) > 5
    assert [path for path in files if path.stat().st_mode & 0o077 and path.parent == new_server.data_dir] == []
    assert new_server.data_dir.stat().st_mode & 0o077 == 0


def test_secrets_are_not_printed_again_when_started_again(new_server: TocsinServer) -> None:
    new_server.start().restart()
    assert "API key" not in new_server.output


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_exit_code_is_zero_and_nothing_is_lost_when_told_to_stop(
    new_server: TocsinServer, signal_number: signal.Signals
) -> None:
    new_server.start()
    with new_server.sender() as sender:
        sender.post("/v1/ingest", json={"message": "just before the end"}).raise_for_status()
    assert new_server.stop(signal_number) == 0
    assert found(new_server.start(), '"just before the end"') == ["just before the end"]


def test_request_is_finished_when_told_to_stop_in_the_middle_of_it(new_server: TocsinServer) -> None:
    new_server.start()
    key = new_server.environment["TOCSIN_BOOTSTRAP_API_KEY"]
    body = b'{"message":"slowly sent"}'
    with socket.create_connection(("127.0.0.1", new_server.port), timeout=30) as sender:
        head = f"POST /v1/ingest HTTP/1.1\r\nHost: t\r\nX-API-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        sender.sendall(head.encode() + body[:10])
        time.sleep(0.5)
        new_server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        sender.sendall(body[10:])
        assert b"200 OK" in sender.recv(4096)
    assert new_server.process.wait(30) == 0
    assert found(new_server.start(), '"slowly sent"') == ["slowly sent"]


def test_log_is_found_when_the_process_is_killed_after_the_answer(new_server: TocsinServer) -> None:
    new_server.start()
    with new_server.sender() as sender:
        sender.post("/v1/ingest", json={"message": "survivor"}).raise_for_status()
    new_server.kill()
    assert found(new_server.start(), "survivor") == ["survivor"]


def test_second_process_says_so_in_one_line_when_the_directory_is_owned(new_server: TocsinServer) -> None:
    new_server.start()
    second = new_server.run("serve", settings={"TOCSIN_PORT": str(free_port())})
    assert second.returncode == 1
    assert len(second.stderr.splitlines()) == 1, second.stderr
    assert str(new_server.data_dir) in second.stderr


def test_one_line_says_so_when_the_port_is_taken(new_server: TocsinServer) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", new_server.port))
        other.listen()
        done = new_server.run("serve")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: port {new_server.port} on 127.0.0.1 is in use")
    assert len(done.stderr.splitlines()) == 1
    assert not new_server.data_dir.exists()


def test_start_is_refused_when_a_setting_is_bad(new_server: TocsinServer) -> None:
    new_server.environment["TOCSIN_FSYNC"] = "perhaps"
    with pytest.raises(ServerEnded, match=r"exit code 1[\s\S]*TOCSIN_FSYNC is 'perhaps'"):
        new_server.start()
