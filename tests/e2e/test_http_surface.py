"""What a running server shows beside the features of its rooms."""

import re

import pytest

from tests.support.server import TocsinServer


def test_metrics_have_the_names_that_were_agreed(server: TocsinServer) -> None:
    with server.sender() as sender:
        sender.post("/v1/ingest", json={"message": "counted"}).raise_for_status()
        page = sender.get("/metrics").text
    assert re.search(r"^logs_ingested_total [1-9]", page, re.MULTILINE)
    assert re.search(r"^ingestion_latency_ms_count [1-9]", page, re.MULTILINE)
    assert re.search(r"^tocsin_logstore_disk_bytes ", page, re.MULTILINE)


def test_each_part_is_ready(server: TocsinServer) -> None:
    with server.client() as client:
        assert client.get("/healthz").json()["status"] == "ok"
        answer = client.get("/readyz")
    assert answer.status_code == 200
    assert {name for name, part in answer.json()["parts"].items() if part["ready"]} == {"database", "logstore"}


def test_root_leads_to_the_documentation(server: TocsinServer) -> None:
    with server.client() as client:
        answer = client.get("/", follow_redirects=True)
    assert answer.url.path == "/docs"
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/docs/scalar", "/docs/swagger"])
def test_documentation_page_loads_only_from_this_server(server: TocsinServer, path: str) -> None:
    with server.client() as client:
        page = client.get(path)
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        from_here = [url for url in loaded if not url.startswith("data:")]
        assert from_here
        for url in from_here:
            assert url.startswith("/"), url
            assert client.get(url).status_code == 200, url
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_documentation_answers_not_found_when_there_is_no_such_asset(server: TocsinServer) -> None:
    with server.client() as client:
        assert client.get("/docs/assets/nothing.js").status_code == 404
        assert client.get("/docs/assets/..%2f..%2fwiring.py").status_code == 404


def test_request_is_logged_and_intake_is_not(server: TocsinServer) -> None:
    with server.sender() as sender:
        sender.post("/v1/ingest", json={"message": "quiet"}).raise_for_status()
        sender.get("/problems/not-found").raise_for_status()
    assert '"path": "/problems/not-found"' in server.log
    assert '"path": "/v1/ingest"' not in server.log


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("PUT", "/healthz", 405, "method-not-allowed"),
        ("GET", "/v1/logs", 401, "unauthenticated"),
        ("POST", "/v1/auth/login", 400, "malformed-body"),
        ("POST", "/v1/ingest", 401, "unauthenticated"),
    ],
)
def test_error_is_a_problem_that_its_type_explains(
    server: TocsinServer, method: str, path: str, status: int, slug: str
) -> None:
    with server.client() as client:
        answer = client.request(method, path, content=b'{"cut off')
        problem = answer.json()
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert (answer.status_code, problem["status"], problem["type"]) == (status, status, f"/problems/{slug}")
        assert problem["instance"] == path
        assert problem["title"] in client.get(problem["type"]).text
