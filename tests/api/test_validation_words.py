"""What is wrong with a request, as its callers read it: over HTTP, from the framework's own findings."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar, get, post
from litestar.params import HeaderParameter, JSONBody, QueryParameter
from msgspec import Meta

from tocsin.accounts.administration_schemas import ChangeServiceRequest, CreateServiceRequest, InviteRequest
from tocsin.accounts.schemas import CreatePersonalTokenRequest
from tocsin.api.problems import EXCEPTION_HANDLERS
from tocsin.api.validation_words import in_words

INVITED = {"email": "ada@example.com", "role": "VIEWER"}
TOKEN = {"name": "ci", "scopes": ["logs:read"], "expires_at": "2026-11-25T10:00:00Z"}


class Form(StrEnum):
    CSV = "csv"
    NDJSON = "ndjson"


class Renamed(msgspec.Struct):
    from_: Annotated[int, Meta(ge=1, le=9)] = msgspec.field(name="from")


@get("/files")
async def files(
    form: Annotated[Form, QueryParameter(name="format")] = Form.CSV,
    first_day: Annotated[date | None, QueryParameter(name="from")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=5)] = 1,
    key_id: Annotated[UUID | None, QueryParameter()] = None,
    idempotency_key: Annotated[str | None, HeaderParameter(name="Idempotency-Key", min_length=2)] = None,
) -> None:
    return None


@post("/invite")
async def invite(data: JSONBody[InviteRequest]) -> None:
    return None


@post("/service")
async def service(data: JSONBody[CreateServiceRequest]) -> None:
    return None


@post("/change")
async def change(data: JSONBody[ChangeServiceRequest]) -> None:
    return None


@post("/token")
async def token(data: JSONBody[CreatePersonalTokenRequest]) -> None:
    return None


@post("/renamed")
async def renamed(data: JSONBody[Renamed]) -> None:
    return None


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    application = Litestar(
        [files, invite, service, change, token, renamed],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,
        logging_config=None,
        request_max_body_size=10_000,
    )
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as calling:
        yield calling


@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        ({"format": "xml"}, 'format: "xml" is none of csv, ndjson'),
        ({"from": "2026-11-25T00:00:00Z"}, "from: must be a date, such as 2026-11-25"),
        ({"limit": "0"}, "limit: must be at least 1"),
        ({"limit": "6"}, "limit: must be at most 5"),
        ({"limit": "many"}, "limit: must be a whole number, not a text"),
        ({"key_id": "x"}, "key_id: must be a UUID"),
        ({"format": "xml", "limit": "0"}, 'format: "xml" is none of csv, ndjson; limit: must be at least 1'),
    ],
)
async def test_parameter_bears_the_name_that_callers_write(
    client: httpx.AsyncClient, parameters: dict[str, str], detail: str
) -> None:
    answer = await client.get("/files", params=parameters)
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


async def test_header_bears_the_name_that_callers_write(client: httpx.AsyncClient) -> None:
    answer = await client.get("/files", headers={"Idempotency-Key": "x"})
    assert answer.json()["detail"] == "Idempotency-Key: must have at least 2 characters"


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("/invite", INVITED | {"role": "viewer"}, 'role: "viewer" is none of ADMIN, DEVELOPER, VIEWER'),
        ("/invite", INVITED | {"role": "a\"b'c"}, "is none of ADMIN"),
        ("/invite", INVITED | {"email": "ada"}, "email: must be an e-mail address, such as ada@example.com"),
        ("/invite", INVITED | {"email": 7}, "email: must be a text, not a whole number"),
        ("/invite", INVITED | {"emali": "x"}, "body: there is no field emali"),
        ("/invite", {"role": "VIEWER"}, "body: email is missing"),
        ("/invite", [], "body: must be an object, not a list"),
        ("/service", {"name": ""}, "name: must not be empty"),
        ("/service", {"name": " "}, "name: must be a text that is not blank, without control characters"),
        ("/service", {"name": "x" * 201}, "name: must have at most 200 characters"),
        ("/service", {"name": "x", "labels": {"ä": ""}}, "labels: must be of letters, digits and _ . / -"),
        ("/service", {"name": "x", "labels": {"a": "\x00"}}, "labels: must be a text without control characters"),
        ("/service", {"name": "x", "labels": {str(n): "" for n in range(51)}}, "labels: must have at most 50 entries"),
        ("/change", {"repository_url": "ftp://x"}, "repository_url: must be a URL that begins with http"),
        ("/token", TOKEN | {"scopes": ["logs:eat"]}, 'scopes[0]: "logs:eat" is none of logs:read, '),
        ("/token", TOKEN | {"scopes": []}, "scopes: must not be empty"),
        ("/token", TOKEN | {"expires_at": "soon"}, "expires_at: must be a date and time, such as 2026-11-25T10:00:00Z"),
        ("/token", TOKEN | {"expires_at": "2026-11-25T10:00:00"}, "expires_at: must say its time zone"),
        ("/renamed", {"from": 0}, "from: must be at least 1"),
    ],
)
async def test_field_is_told_what_may_stand_there(client: httpx.AsyncClient, path: str, body: Any, detail: str) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == 400
    assert detail in answer.json()["detail"]
    assert "`" not in answer.json()["detail"]


async def test_body_is_missed_when_there_is_none(client: httpx.AsyncClient) -> None:
    assert (await client.post("/invite")).json()["detail"] == "the request has no body"


async def test_limit_is_said_when_a_body_is_larger(client: httpx.AsyncClient) -> None:
    answer = await client.post("/invite", json=INVITED | {"email": "x" * 10_000})
    assert answer.status_code == 413
    assert answer.json()["detail"] == "the body of a request to /invite has at most 10,000 bytes"


@pytest.mark.parametrize(
    ("kind", "value"), [(datetime, 1.5), (UUID, 1), (bool, "x"), (list[int], {}), (int | None, "x"), (float, None)]
)
def test_kind_is_in_words_without_a_description(kind: Any, value: object) -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(value, kind)
    assert "`" not in in_words(str(error.value))


def test_message_stays_that_is_not_known() -> None:
    assert in_words(f"odd at {UTC}") == f"odd at {UTC}"
