import contextlib
import gzip
import os
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.importing import ImportCounts, check_readable, import_keys, print_counts, send_file
from tocsin.ingest.importer import Chunk
from tocsin.kit.settings import read_settings


def part(body: bytes, *, records: int = 1, blank_lines: int = 0) -> Chunk:
    return Chunk(body, records, blank_lines, end_bytes=10, idempotency_key=f"import-{body.decode()}")


class Intake:
    """Answers as a server would, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answers.pop(0)


def accepted(received: int, *, duplicates: int = 0, rejected: dict[str, int] | None = None) -> httpx.Response:
    rejected = rejected or {}
    return httpx.Response(
        200,
        json={
            "received": received,
            "duplicates_skipped": duplicates,
            "rejected": rejected,
            "dead_letters": sum(rejected.values()),
        },
    )


def connected(intake: Intake, directory: Path, pauses: list[float] | None = None) -> TocsinClient:
    settings = read_settings({"TOCSIN_TOKEN": "t"}, directory)
    pauses = [] if pauses is None else pauses
    return TocsinClient(settings, transport=httpx.MockTransport(intake), pause=pauses.append)


def test_counts_add_up_when_a_file_is_sent_in_parts(tmp_path: Path) -> None:
    intake = Intake(accepted(3, duplicates=1), accepted(4, rejected={"bad_level": 2}))
    with connected(intake, tmp_path) as client:
        counts = send_file(client, [part(b"1"), part(b"2")], api_key="svc_k", name="f", size_bytes=20)
    assert (counts.received, counts.stored, counts.duplicates_skipped, counts.dead_letters) == (7, 4, 1, 2)
    assert counts.rejected == {"bad_level": 2}
    assert [request.content for request in intake.requests] == [b"1", b"2"]
    assert {request.headers["X-API-Key"] for request in intake.requests} == {"svc_k"}
    assert [request.headers["Idempotency-Key"] for request in intake.requests] == ["import-1", "import-2"]
    assert {request.headers["Content-Type"] for request in intake.requests} == {"application/x-ndjson"}


def test_part_is_not_sent_when_it_has_only_blank_lines(tmp_path: Path) -> None:
    intake = Intake()
    with connected(intake, tmp_path) as client:
        counts = send_file(client, [part(b"", records=0, blank_lines=3)], api_key="k", name="f", size_bytes=3)
    assert (counts.received, counts.blank_lines) == (0, 3)


def test_part_is_sent_again_when_the_server_has_no_room(tmp_path: Path) -> None:
    intake = Intake(httpx.Response(429, headers={"Retry-After": "3"}), accepted(1))
    pauses: list[float] = []
    with connected(intake, tmp_path, pauses) as client:
        counts = send_file(client, [part(b"1")], api_key="k", name="f", size_bytes=1)
    assert counts.received == 1
    assert pauses == [3.0]


def test_import_ends_at_once_when_a_daily_quota_is_used_up(tmp_path: Path) -> None:
    intake = Intake(httpx.Response(429, headers={"Retry-After": "43200"}, json={"detail": "its quota is 1 byte"}))
    pauses: list[float] = []
    with connected(intake, tmp_path, pauses) as client, pytest.raises(CommandFailed, match="its quota is 1 byte"):
        send_file(client, [part(b"1")], api_key="k", name="f", size_bytes=1)
    assert pauses == []


def test_import_fails_with_the_problem_when_a_part_is_refused(tmp_path: Path) -> None:
    intake = Intake(httpx.Response(413, json={"detail": "too large a body"}))
    with connected(intake, tmp_path) as client, pytest.raises(CommandFailed, match="too large a body"):
        send_file(client, [part(b"1")], api_key="k", name="f", size_bytes=1)


def test_key_is_revoked_when_the_import_fails(tmp_path: Path) -> None:
    intake = Intake(httpx.Response(201, json={"key": {"id": "17"}, "secret": "svc_s"}), httpx.Response(204))
    with (
        connected(intake, tmp_path) as client,
        contextlib.suppress(KeyboardInterrupt),
        import_keys(client) as key_for,
    ):
        assert [key_for("shop"), key_for("shop")] == ["svc_s", "svc_s"]
        raise KeyboardInterrupt
    assert (intake.requests[-1].method, intake.requests[-1].url.path) == ("DELETE", "/v1/keys/17")


def test_token_is_made_anew_when_it_has_expired(tmp_path: Path) -> None:
    intake = Intake(httpx.Response(401, json={}), httpx.Response(200, json={"keys": []}))
    with connected(intake, tmp_path) as client:
        assert client.get("/v1/keys") == {"keys": []}
    assert len(intake.requests) == 2


def test_counts_are_printed_with_each_reason(capsys: pytest.CaptureFixture[str]) -> None:
    counts = ImportCounts(received=1_000, duplicates_skipped=1, dead_letters=2, rejected=Counter(bad_level=2))
    print_counts("a\x1b.log", counts)
    assert capsys.readouterr().out.splitlines() == [
        "a\\e.log: received 1,000 = 997 stored + 1 duplicates + 2 dead letters",
        "  bad_level: 2",
    ]


def test_a_compressed_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "app.log.gz"
    file.write_bytes(gzip.compress(b"one line\n"))
    with pytest.raises(CommandFailed, match="compressed with gzip; unpack it first"):
        check_readable(file)


def test_a_pipe_is_refused_and_a_file_of_lines_is_not(tmp_path: Path) -> None:
    pipe, file = tmp_path / "pipe", tmp_path / "app.log"
    os.mkfifo(pipe)
    with pytest.raises(CommandFailed, match="not a regular file"):
        check_readable(pipe)
    file.write_bytes(b"one line\n")
    check_readable(file)
