"""Whatever a server answers, no command lets it steer the terminal."""

import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from tocsin.cli import output
from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.doctor.findings import unsafe
from tocsin.cli.doctor.report import print_findings
from tocsin.cli.exporting import export_to
from tocsin.cli.importing import ImportCounts, print_counts
from tocsin.cli.main import app, main
from tocsin.kit.settings import read_settings

#: Sets the title, clears the screen, and turns the text around; each in another way.
EVIL = "\x1b]0;title\x07 \x9b2J \u202e \x7f"
STEERING = "\x1b\x07\x9b\u202e\x7f"


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What was printed on either console since it was asked last, colours left out."""
    return lambda: "".join(capsys.readouterr())


def assert_harmless(text: str) -> None:
    assert text.strip()
    assert not set(STEERING) & set(text), repr(text)


def print_log() -> None:
    output.print_log({"level": EVIL, "timestamp": EVIL, "service": EVIL, "message": EVIL})


def print_status() -> None:
    ledger = dict.fromkeys(("received", "stored", "duplicates", "dead_letters"), 1)
    disk = {"logstore_bytes": 1, "free_bytes": 1}
    parts = {EVIL: {"ready": False, "detail": EVIL}}
    output.print_status(EVIL, {"ready": True, "version": EVIL, "parts": parts, "ledger": ledger, "disk": disk})


def print_import() -> None:
    counts = ImportCounts(received=1)
    counts.rejected[EVIL] = 1
    print_counts(EVIL, counts)


PRINTERS = [
    print_log,
    print_status,
    print_import,
    lambda: output.print_error(f"{EVIL}\n{EVIL}"),
    lambda: output.print_notice(EVIL),
    lambda: print_findings([unsafe(EVIL, EVIL, EVIL)]),
]


@pytest.mark.parametrize("print_it", PRINTERS)
def test_fields_are_spelled_out(print_it: Callable[[], None], printed: Callable[[], str]) -> None:
    print_it()
    assert_harmless(printed())


def test_lines_of_an_error_stay_lines(printed: Callable[[], str]) -> None:
    output.print_error("Invalid settings:\n  one\r\n  two")
    assert printed().splitlines() == ["Error: Invalid settings:", "  one", "  two"]


def evil_client(answer: Callable[[httpx.Request], httpx.Response], directory: Path) -> TocsinClient:
    settings = read_settings({"TOCSIN_TOKEN": "t"}, directory)
    return TocsinClient(settings, transport=httpx.MockTransport(answer))


def problem(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(400, json={"detail": f"{EVIL}\n{EVIL}", "suggestion": EVIL})


def test_problem_of_a_server_is_one_harmless_line(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as caught, evil_client(problem, tmp_path) as client:
        client.get("/v1/logs")
    assert_harmless(caught.value.detail)
    assert "\n" not in caught.value.detail


ANSWERS: dict[str, Any] = {
    "/v1/logs": {
        "logs": [{"level": EVIL, "timestamp": EVIL, "service": EVIL, "message": EVIL}],
        "from": EVIL,
        "to": EVIL,
    },
    "/v1/logs/count": {"count": EVIL},
    "/v1/keys": {"secret": EVIL, "keys": []},
    "/v1/saved-searches": {"saved_searches": [{"name": EVIL, "query": "", "from": "", "to": ""}]},
}


@pytest.fixture
def evil_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=ANSWERS[request.url.path])

    real = httpx.Client
    monkeypatch.setenv("TOCSIN_TOKEN", "t")
    monkeypatch.setattr(httpx, "Client", lambda **given: real(**{**given, "transport": httpx.MockTransport(answer)}))


@pytest.mark.usefixtures("evil_server")
@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "x"],
        ["search", "x", "--json"],
        ["search", "x", "--count"],
        ["keys", "create", "x"],
        ["keys", "create", "x", "--json"],
    ],
)
def test_output_of_a_command_is_harmless(arguments: list[str], printed: Callable[[], str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.exception
    assert_harmless(result.stdout + printed())


@pytest.mark.usefixtures("evil_server")
def test_error_of_a_command_is_harmless(monkeypatch: pytest.MonkeyPatch, printed: Callable[[], str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tocsin", "search", "--saved", "missing"])
    with pytest.raises(SystemExit):
        main()
    assert_harmless(printed())


CSV = f'message\r\n"{EVIL}"\r\n'


def exported(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=CSV.encode())


def test_export_is_harmless_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        with evil_client(exported, tmp_path) as client:
            export_to(client, None, {"format": "csv"})
        terminal.flush()
        shown = os.read(master, 65_536).decode()
    os.close(master)
    assert_harmless(shown)
    assert shown.startswith("message\r\n")


def test_export_is_as_it_is_in_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    with evil_client(exported, tmp_path) as client:
        export_to(client, None, {"format": "csv"})
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == CSV.encode()
