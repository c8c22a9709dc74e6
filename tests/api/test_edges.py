"""What every answer of the application has, and what it takes in."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from litestar.response import Stream
from websockets.asyncio.client import connect

from tests.api.conftest import API_KEY, PASSWORD, RULES_OF_TESTS
from tests.support.serving import EDGE, everything, sent, served
from tocsin.api.application import MAX_BODY_BYTES, create_app
from tocsin.api.edges import CONTENT_SECURITY_POLICY, NO_STORE, SECURITY_HEADERS, STRICT_TRANSPORT_SECURITY
from tocsin.kit.setting_sections import EdgeSettings
from tocsin.wiring import Components

SITE = "https://logs.example.com"


@get("/broken", sync_to_thread=False)
def broken() -> None:
    raise LookupError("a secret of the inside")


@get("/broken-stream", sync_to_thread=False)
def broken_stream() -> Stream:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"the beginning"
        raise LookupError("a secret of the inside")

    return Stream(pieces)


def application_with(components: Components, edge: EdgeSettings) -> Litestar:
    return create_app(replace(components, settings=replace(components.settings, edge=edge)), rules=RULES_OF_TESTS)


@asynccontextmanager
async def calling(application: Any, base_url: str = "http://test") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
        yield client


def headers_of(answer: httpx.Response, name: bytes) -> list[str]:
    return answer.headers.get_list(name.decode())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/docs", 200),
        ("GET", "/nowhere", 404),
        ("PUT", "/healthz", 405),
        ("GET", "/v1/logs", 401),
        ("POST", "/v1/auth/login", 400),
        ("POST", "/v1/ingest", 401),
        ("GET", "/broken", 500),
    ],
)
async def test_every_answer_has_the_security_headers(
    application: Litestar, method: str, path: str, status: int
) -> None:
    application.register(broken)
    async with calling(application) as client:
        answer = await client.request(method, path, content=b"{")
    assert answer.status_code == status
    for name, value in SECURITY_HEADERS:
        assert headers_of(answer, name) == [value.decode()], name
    assert len(headers_of(answer, b"content-security-policy")) == 1
    assert headers_of(answer, STRICT_TRANSPORT_SECURITY[0]) == []


async def test_answer_that_has_no_policy_of_its_own_lets_a_browser_load_nothing(client: httpx.AsyncClient) -> None:
    assert headers_of(await client.get("/healthz"), b"content-security-policy") == [CONTENT_SECURITY_POLICY[1].decode()]
    (own,) = headers_of(await client.get("/docs"), b"content-security-policy")
    assert "script-src 'self'" in own


async def test_transport_security_is_asked_for_when_the_request_came_by_https(application: Litestar) -> None:
    async with calling(application, "https://test") as client:
        answer = await client.get("/healthz")
    assert headers_of(answer, STRICT_TRANSPORT_SECURITY[0]) == [STRICT_TRANSPORT_SECURITY[1].decode()]


async def test_answers_of_the_api_are_not_kept_by_caches(client: httpx.AsyncClient) -> None:
    assert headers_of(await client.get("/v1/logs"), NO_STORE[0]) == ["no-store"]
    assert headers_of(await client.get("/healthz"), NO_STORE[0]) == []
    asset = await client.get("/docs/assets/start-scalar.js")
    assert headers_of(asset, NO_STORE[0]) == ["max-age=86400, public"]


async def test_export_is_not_sniffed(client: httpx.AsyncClient) -> None:
    token = await logged_in(client)
    answer = await client.get("/v1/logs/export", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert headers_of(answer, b"x-content-type-options") == ["nosniff"]


async def logged_in(client: httpx.AsyncClient) -> str:
    answer = await client.post("/v1/auth/login", json={"email": "admin@localhost", "password": PASSWORD})
    return str(answer.raise_for_status().json()["access_token"])


async def test_pages_of_other_sites_may_do_nothing_when_none_are_set(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"Origin": SITE})
    preflight = await client.options("/v1/logs", headers={"Origin": SITE, "Access-Control-Request-Method": "GET"})
    for each in (answer, preflight):
        assert not [name for name in each.headers if name.startswith("access-control-")]


async def test_pages_of_a_site_may_call_when_it_is_set(components: Components) -> None:
    asking = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    async with calling(application_with(components, replace(EDGE, cors_origins=(SITE,)))) as client:
        preflight = await client.options("/v1/logs", headers={"Origin": SITE, **asking})
        refused = await client.get("/v1/logs", headers={"Origin": SITE})
        elsewhere = await client.get("/v1/logs", headers={"Origin": "https://evil.example"})
    assert preflight.headers["Access-Control-Allow-Origin"] == SITE
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, SITE)
    assert "Access-Control-Allow-Origin" not in elsewhere.headers
    assert "Access-Control-Allow-Credentials" not in preflight.headers


async def test_live_tail_is_open_to_pages_of_a_site_when_it_is_set(components: Components) -> None:
    codes = {}
    async with served(application_with(components, replace(EDGE, cors_origins=(SITE,)))) as port:
        async with calling(create_app(components)) as client:
            token = await logged_in(client)
        for origin in (SITE, "https://evil.example"):
            headers = {"Authorization": f"Bearer {token}", "Origin": origin}
            try:
                async with connect(f"ws://127.0.0.1:{port}/live/logs", additional_headers=headers) as socket:
                    await socket.send('{"type": "start", "query": ""}')
                    codes[origin] = json.loads(await socket.recv())["type"]
            except Exception as error:  # noqa: BLE001  (which one it is depends on the client)
                codes[origin] = type(error).__name__
    assert codes == {SITE: "started", "https://evil.example": "InvalidStatus"}


async def client_address(edge: EdgeSettings) -> tuple[str, str]:
    """What the application takes for its client's address and scheme, when headers say others."""
    seen = []

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        seen.append((scope["client"][0], scope["scheme"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with served(application, edge) as port, httpx.AsyncClient() as client:
        await client.get(
            f"http://127.0.0.1:{port}/", headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        )
    return seen[0]


async def test_forwarded_address_is_not_believed_when_no_proxy_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    assert await client_address(EDGE) == ("127.0.0.1", "http")
    assert await client_address(replace(EDGE, trusted_proxies=("10.0.0.0/8",))) == ("127.0.0.1", "http")


async def test_forwarded_address_is_believed_when_a_trusted_proxy_says_it() -> None:
    for trusted in (("127.0.0.1",), ("10.0.0.0/8", "127.0.0.0/8")):
        assert await client_address(replace(EDGE, trusted_proxies=trusted)) == ("203.0.113.9", "https")


def post_head(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: test", f"X-API-Key: {API_KEY}", *headers, "", ""]).encode()


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("path", ["/v1/ingest", "/v1/auth/login"])
async def test_slow_body_ends_with_a_time_out_and_the_connection(
    components: Components, framing: str, path: str
) -> None:
    application = application_with(components, replace(EDGE, slow_client_seconds=0.1))
    async with served(application) as port:
        reader, writer = await sent(port, post_head(path, framing), b"4\r\n[   \r\n")
        answer = await everything(reader)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/request-timeout" in answer
    assert b"connection: close" in answer


async def test_room_of_a_slow_body_is_free_again_when_it_was_given_up(components: Components) -> None:
    """Announced bodies hold the room of the intake while they come: slow senders must not keep it."""
    largest = components.settings.ingest.max_body_bytes
    application = application_with(components, replace(EDGE, slow_client_seconds=1.0))
    base_url, headers = "http://127.0.0.1:{}", {"X-API-Key": API_KEY}
    async with (
        served(application) as port,
        httpx.AsyncClient(base_url=base_url.format(port), headers=headers) as client,
    ):
        statuses = [(await client.post("/v1/ingest", json=[{"message": "m"}])).status_code]
        slow = [await sent(port, post_head("/v1/ingest", f"Content-Length: {largest}"), b"[") for _ in range(2)]
        # Bodies that come quickly get their room while the slow ones have theirs, until both have.
        for _ in range(100):
            statuses.append((await client.post("/v1/ingest", json=[{"message": "m"}])).status_code)
            if statuses[-1] != 200:
                break
        for reader, writer in slow:
            assert (await everything(reader)).startswith(b"HTTP/1.1 408 ")
            writer.close()
        statuses.append((await client.post("/v1/ingest", json=[{"message": "m"}])).status_code)
    assert (statuses[0], statuses[-2:]) == (200, [429, 200])


async def test_slow_answer_is_not_a_slow_client(components: Components) -> None:
    application = application_with(components, replace(EDGE, slow_client_seconds=0.1))

    @get("/slow")
    async def slow() -> str:
        await asyncio.sleep(0.3)
        return "done"

    application.register(slow)
    async with served(application) as port, httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/slow")).text == "done"
        asked = client.build_request("GET", f"http://127.0.0.1:{port}/slow", content=b"a body")
        assert (await client.send(asked)).text == "done"


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_body_is_refused_when_it_is_too_large_for_what_is_not_intake(
    application: Litestar, is_chunked: bool
) -> None:
    body = b'{"email": "' + b"x" * MAX_BODY_BYTES + b'", "password": ""}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    async with served(application) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answer = await client.post("/v1/auth/login", content=chunks() if is_chunked else body)
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/payload-too-large")


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_body_is_refused_when_it_is_too_large_for_the_intake(components: Components, is_chunked: bool) -> None:
    limits = replace(components.settings.ingest, max_body_bytes=100_000)
    application = create_app(replace(components, settings=replace(components.settings, ingest=limits)))

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 10_000

    async with served(application) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answer = await client.post(
            "/v1/ingest", headers={"X-API-Key": API_KEY}, content=chunks() if is_chunked else b" " * 100_001
        )
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/payload-too-large")


async def test_answer_has_nothing_of_the_inside_when_an_endpoint_is_broken(application: Litestar) -> None:
    application.register(broken)
    async with served(application) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answer = await client.get("/broken")
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "instance", "error_id"}
    assert problem["error_id"] in problem["detail"]
    assert_nothing_of_the_inside(answer.text)


async def test_answer_breaks_off_when_an_endpoint_breaks_in_the_middle(application: Litestar) -> None:
    application.register(broken_stream)
    async with served(application) as port:
        reader, writer = await sent(port, b"GET /broken-stream HTTP/1.1\r\nHost: test\r\n\r\n")
        answer = (await everything(reader)).decode()
        writer.close()
    assert "the beginning" in answer
    assert not answer.endswith("0\r\n\r\n")
    assert_nothing_of_the_inside(answer)


def assert_nothing_of_the_inside(text: str) -> None:
    for part in ("secret", "Traceback", "LookupError", __file__, str(Path(__file__).parents[2])):
        assert part not in text
