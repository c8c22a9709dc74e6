"""Exports and saved searches from the command line, of a server with the embedded store."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.server import TocsinServer

LOGS = 12_000


@pytest.fixture(scope="module", autouse=True)
def some_logs(server: TocsinServer) -> None:
    lines = "\n".join(
        json.dumps({"message": f'log "{n}",\n', "service": "shop", "metadata": {"n": n}}) for n in range(LOGS)
    )
    with server.sender() as sender:
        headers = {"Content-Type": "application/x-ndjson"}
        sender.post("/v1/ingest", content=lines, headers=headers).raise_for_status()
    server.await_logs("service:shop", LOGS)
    with server.reader() as reader:
        draft = {"name": "late ones", "query": "service:shop n:>=11990", "from": "now-2h"}
        reader.post("/v1/saved-searches", json=draft).raise_for_status()


def _numbers(file: Path) -> list[int]:
    if file.suffix == ".parquet":
        rows = pq.read_table(file).to_pylist()
    elif file.suffix == ".csv":
        with file.open(newline="") as opened:
            rows = list(csv.DictReader(opened))
    else:
        return [json.loads(line)["metadata"]["n"] for line in file.read_text().splitlines()]
    return [json.loads(row["metadata"])["n"] for row in rows]


@pytest.mark.parametrize("name", ["logs.ndjson", "logs.csv", "logs.parquet"])
def test_export_writes_every_log_that_matches(server: TocsinServer, name: str) -> None:
    done = server.run("export", "service:shop", "--since", "1h", "--output", name)
    assert done.returncode == 0, done.stderr
    assert sorted(_numbers(server.directory / name)) == list(range(LOGS))
    assert not list(server.directory.glob("*.part"))


def test_export_prints_lines_when_no_file_is_named(server: TocsinServer) -> None:
    done = server.run("export", "n:<3", "--limit", "2")
    assert [json.loads(line)["metadata"]["n"] < 3 for line in done.stdout.splitlines()] == [True, True]


def test_export_leaves_no_file_when_it_is_refused(server: TocsinServer) -> None:
    done = server.run("export", "a (", "--output", "refused.csv")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert not list(server.directory.glob("refused*"))
    assert server.run("export", "--format", "xml").returncode == 1


def test_saved_search_is_run_by_its_name(server: TocsinServer) -> None:
    assert server.run("search", "--saved", "late ones", "--count").stdout == "10\n"
    assert len(server.run("search", "--saved", "late ones", "--json", "--since", "1h").stdout.splitlines()) == 10
    assert len(server.run("export", "--saved", "late ones").stdout.splitlines()) == 10


def test_error_names_the_saved_searches_when_there_is_no_such_one(server: TocsinServer) -> None:
    done = server.run("search", "--saved", "early ones")
    assert done.returncode == 1
    assert "late ones" in done.stderr
    assert server.run("search", "word", "--saved", "late ones").returncode == 2
