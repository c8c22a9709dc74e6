import gzip
import threading
from pathlib import Path

import httpx
import pytest
import zstandard

from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.sinks import FileSink, InFlight, IntakeSink, bodies
from tocsin.kit.settings import read_settings
from tocsin.simulation.contracts import Chunk


def chunk(ndjson: bytes) -> Chunk:
    return Chunk(ndjson, ndjson.count(b"\n"), 0)


def test_bodies_are_cut_at_the_end_of_lines() -> None:
    lines = b"1111\n22\n333333333333\n4\n5\n"
    assert list(bodies(lines, max_bytes=8)) == [b"1111\n22\n", b"333333333333\n", b"4\n5\n"]
    assert b"".join(bodies(lines, max_bytes=3)) == lines
    assert list(bodies(b"", max_bytes=3)) == []


def test_calls_wait_for_a_place() -> None:
    goes_on, taken = threading.Event(), list[int]()
    calls = InFlight(lambda _: assert_set(goes_on), threads=2, waiting=1)

    def put_all() -> None:
        for number in range(6):
            calls.put(b"")
            taken.append(number)

    putting = threading.Thread(target=put_all)
    putting.start()
    putting.join(0.3)
    assert taken == [0, 1, 2]
    goes_on.set()
    putting.join()
    calls.settle()
    calls.close()
    assert len(taken) == 6


def assert_set(event: threading.Event) -> None:
    assert event.wait(5)


def _put_until_it_fails(calls: InFlight) -> None:
    for _ in range(10_000):
        calls.put(b"good")


def test_failure_of_a_call_comes_out_at_a_later_one() -> None:
    goes_on, failed = threading.Event(), threading.Event()

    def work(item: bytes) -> None:
        goes_on.wait(5)
        if item == b"bad":
            failed.set()
            raise CommandFailed("no room")

    for later in (InFlight.settle, _put_until_it_fails):
        goes_on.clear()
        failed.clear()
        calls = InFlight(work, threads=1, waiting=2)
        calls.put(b"bad")
        goes_on.set()
        assert failed.wait(5)
        with pytest.raises(CommandFailed, match="no room"):
            later(calls)
        calls.close()


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a.ndjson", bytes),
        ("a.ndjson.gz", gzip.decompress),
        ("a.ndjson.zst", lambda data: zstandard.ZstdDecompressor().stream_reader(data).read()),
    ],
)
def test_file_has_the_chunks_in_their_order(tmp_path: Path, name: str, read: "type[bytes]") -> None:
    with FileSink(tmp_path / name) as sink:
        for number in range(20):
            sink.put(chunk(f"{number}\n".encode()))
        sink.settle()
    assert read((tmp_path / name).read_bytes()) == "".join(f"{number}\n" for number in range(20)).encode()


def test_intake_is_sent_lines_with_the_key_and_adds_up_the_answers(tmp_path: Path) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        received = request.content.count(b"\n")
        return httpx.Response(
            200, json={"received": received, "duplicates_skipped": 1, "rejected": {}, "dead_letters": 0}
        )

    client = TocsinClient(read_settings({}, tmp_path), shows_token=False, transport=httpx.MockTransport(answer))
    with client, IntakeSink(client, api_key="svc_k", in_flight=2) as sink:
        for _ in range(3):
            sink.put(chunk(b"{}\n{}\n"))
        sink.put(chunk(b""))
        sink.settle()
    assert (sink.counts.received, sink.counts.duplicates_skipped, len(requests)) == (6, 3, 3)
    assert {request.headers["X-API-Key"] for request in requests} == {"svc_k"}
    assert not any("Authorization" in request.headers for request in requests)
