from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from litestar import Litestar, get, post
from litestar.params import FromQuery, JSONBody
from structlog.testing import capture_logs

from tocsin.api.problems import EXCEPTION_HANDLERS, describe_problem
from tocsin.kit.errors import InvalidQuery, StartupError, StoreUnavailable


class Body(msgspec.Struct):
    count: int


@get("/broken")
async def broken() -> None:
    raise RuntimeError("a secret of the inside")


@get("/startup")
async def startup() -> None:
    raise StartupError("never served")


@get("/busy")
async def busy() -> None:
    raise StoreUnavailable("no room", retry_after_seconds=7)


@get("/query")
async def query() -> None:
    raise InvalidQuery("odd", start=2, end=5, expected=("a word",), suggestion="even")


@get("/typed")
async def typed(limit: FromQuery[int]) -> int:
    return limit


@post("/body")
async def body(data: JSONBody[Body]) -> int:
    return data.count


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    application = Litestar(
        [broken, startup, busy, query, typed, body, describe_problem],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,
        logging_config=None,
        request_max_body_size=100,
    )
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as calling:
        yield calling


async def test_answer_hides_the_reason_and_names_its_log_when_unexpected(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        answer = await client.get("/broken")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    (line,) = logs
    assert line["event"] == "api.unexpected_error"
    assert line["error_id"] == answer.json()["error_id"]
    assert isinstance(line["exc_info"], RuntimeError)


async def test_answer_hides_the_reason_when_an_error_of_ours_is_a_500(client: httpx.AsyncClient) -> None:
    answer = await client.get("/startup")
    assert "never served" not in answer.text
    assert answer.json()["error_id"]


async def test_retry_after_is_a_header_and_a_member_when_later_may_work(client: httpx.AsyncClient) -> None:
    answer = await client.get("/busy")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/problems/store-unavailable",
        "title": "Log store unavailable",
        "status": 503,
        "detail": "no room",
        "instance": "/busy",
        "retry_after_seconds": 7,
    }


async def test_position_is_in_the_members_when_a_query_is_wrong(client: httpx.AsyncClient) -> None:
    problem = (await client.get("/query")).json()
    assert (problem["start"], problem["end"], problem["suggestion"]) == (2, 5, "even")


async def test_parameter_is_named_when_its_type_is_wrong(client: httpx.AsyncClient) -> None:
    problem = (await client.get("/typed?limit=many")).json()
    assert problem["type"] == "/problems/invalid-request"
    assert "limit" in problem["detail"]


@pytest.mark.parametrize(
    ("content", "status", "slug"),
    [
        (b'{"count": 1', 400, "malformed-body"),
        (b'{"count": "x"}', 400, "invalid-request"),
        (b'{"count": ' + b" " * 100 + b"1}", 413, "payload-too-large"),
    ],
)
async def test_body_is_refused_with_its_own_problem(
    client: httpx.AsyncClient, content: bytes, status: int, slug: str
) -> None:
    answer = await client.post("/body", content=content)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")


async def test_allowed_methods_are_named_when_another_is_used(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/busy")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


async def test_problem_page_is_not_found_when_there_is_no_such_problem(client: httpx.AsyncClient) -> None:
    assert (await client.get("/problems/none")).status_code == 404
