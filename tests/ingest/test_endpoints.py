import base64
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.datastructures import State
from prometheus_client import REGISTRY

from tests.ingest.conftest import KEY, ORGANIZATION, OTHER_ORGANIZATION, HeldClock
from tests.support.access import access_guard
from tests.support.reading import messages, selection
from tocsin.accounts.contracts import KeyIdentity, Principal, Role
from tocsin.accounts.guards import ACCOUNTS_STATE
from tocsin.accounts.services import Services
from tocsin.api.problems import EXCEPTION_HANDLERS
from tocsin.ingest.endpoints import BODY_LIMITS_STATE, INGEST_STATE, BodyLimits, router
from tocsin.ingest.repository import IngestRepository
from tocsin.ingest.service import IngestService
from tocsin.ingest.usage import UsageMeter
from tocsin.kit.errors import StoreUnavailable, Unauthenticated
from tocsin.logmodel.batch import LogBatch
from tocsin.logstore.backends.memory.store import MemoryLogStore
from tocsin.logstore.ports import Receipt, WriteOutcome

MAX_BODY_BYTES = 4_000
MAX_DECOMPRESSED_BYTES = 20_000
API_KEY = "svc_known"
TOKENS = {
    "reader": Principal(UUID(int=1), ORGANIZATION, Role.VIEWER, "reader@example.com"),
    "stranger": Principal(UUID(int=2), OTHER_ORGANIZATION, Role.VIEWER, "stranger@example.com"),
}
NDJSON = "application/x-ndjson"
LOG = b'{"timestamp": "2025-12-03T11:00:00Z", "message": "payment declined"}'


class Keys:
    """Knows one API key."""

    def is_known(self, secret: str) -> bool:
        return True

    async def authenticate(self, secret: str) -> KeyIdentity:
        if secret != API_KEY:
            raise Unauthenticated("no such API key")
        return KEY


class Accounts:
    """Knows one API key and two people."""

    keys = Keys()

    async def principal_of(self, token: str) -> Principal:
        if token not in TOKENS:
            raise Unauthenticated("no such token")
        return TOKENS[token]


class FailingStore(MemoryLogStore):
    """A store that can be made to refuse."""

    failure: Exception | None = None

    async def write(self, organization_id: UUID, batch: LogBatch, receipt: Receipt) -> WriteOutcome:
        if self.failure is not None:
            raise self.failure
        return await super().write(organization_id, batch, receipt)


@pytest.fixture
def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
async def service(
    store: FailingStore, repository: IngestRepository, usage: UsageMeter, services: Services, clock: HeldClock
) -> AsyncIterator[IngestService]:
    service = IngestService(store, repository, usage, services, clock=clock, max_pending_bytes=MAX_BODY_BYTES)
    yield service
    await service.close()


@pytest.fixture
async def client(service: IngestService) -> AsyncIterator[httpx.AsyncClient]:
    limits = BodyLimits(max_bytes=MAX_BODY_BYTES, max_decompressed_bytes=MAX_DECOMPRESSED_BYTES)
    application: Any = Litestar(
        [router],
        state=State({ACCOUNTS_STATE: Accounts(), INGEST_STATE: service, BODY_LIMITS_STATE: limits}),
        guards=[access_guard()],
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=10,
        logging_config=None,
    )
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def _send(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/v1/ingest", content=body, headers={"x-api-key": API_KEY} | named)


async def _get(client: httpx.AsyncClient, path: str, *, token: str = "reader") -> Any:
    answer = await client.get(path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    return answer.json()


def _problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def test_log_is_stored_when_it_is_sent(client: httpx.AsyncClient, store: FailingStore) -> None:
    answer = await _send(client, LOG, content_type="application/json")
    assert answer.status_code == 200
    assert answer.json() == {"received": 1, "duplicates_skipped": 0, "rejected": {}, "dead_letters": 0}
    assert await messages(store, ORGANIZATION) == ["payment declined"]


async def test_answer_tells_duplicates_and_rejected_records_apart(client: httpx.AsyncClient) -> None:
    await _send(client, LOG)
    answer = await _send(client, LOG + b'\n{"message": 5}\n{"mess\n{"message": 6}\n', content_type=NDJSON)
    assert answer.json() == {
        "received": 4,
        "duplicates_skipped": 1,
        "rejected": {"message_not_text": 2, "malformed_json": 1},
        "dead_letters": 3,
    }


async def test_body_is_read_line_by_line_when_its_content_type_says_so(client: httpx.AsyncClient) -> None:
    assert (await _send(client, b"junk\n" + LOG)).status_code == 400
    answer = await _send(client, b"junk\n" + LOG, content_type=NDJSON)
    assert answer.json()["rejected"] == {"malformed_json": 1}


async def test_nothing_is_received_when_the_list_is_empty(client: httpx.AsyncClient) -> None:
    answer = await _send(client, b'{"logs": []}')
    assert answer.json() == {"received": 0, "duplicates_skipped": 0, "rejected": {}, "dead_letters": 0}


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(LOG)),
        ("deflate", zlib.compress(LOG)),
        ("zstd", zstandard.ZstdCompressor().compress(LOG)),
        ("identity", LOG),
    ],
    ids=["gzip", "deflate", "zstd", "identity"],
)
async def test_log_is_stored_when_its_body_is_compressed(
    client: httpx.AsyncClient, store: FailingStore, encoding: str, body: bytes
) -> None:
    assert (await _send(client, body, content_encoding=encoding)).json()["received"] == 1
    assert await messages(store, ORGANIZATION) == ["payment declined"]


@pytest.mark.parametrize(
    ("body", "headers", "problem"),
    [
        (b"", {}, (400, "malformed-body")),
        (b"plain words", {}, (400, "malformed-body")),
        (LOG[:-1], {}, (400, "malformed-body")),
        (LOG, {"content_encoding": "gzip"}, (400, "malformed-body")),
        (gzip.compress(LOG)[:-4], {"content_encoding": "gzip"}, (400, "malformed-body")),
        (LOG, {"idempotency_key": ""}, (400, "invalid-request")),
        (LOG, {"idempotency_key": "k" * 257}, (400, "invalid-request")),
        (LOG, {"x_api_key": "svc_unknown"}, (401, "unauthenticated")),
        (LOG, {"x_api_key": ""}, (401, "unauthenticated")),
        (b" " * MAX_BODY_BYTES + LOG, {}, (413, "payload-too-large")),
        (gzip.compress(b" " * MAX_DECOMPRESSED_BYTES + LOG), {"content_encoding": "gzip"}, (413, "payload-too-large")),
        (LOG, {"content_encoding": "br"}, (415, "unsupported-media-type")),
    ],
    ids=lambda part: part[1] if isinstance(part, tuple) else "",
)
async def test_request_is_refused_with_its_own_problem(
    client: httpx.AsyncClient, store: FailingStore, body: bytes, headers: dict[str, str], problem: tuple[int, str]
) -> None:
    assert _problem(await _send(client, body, **headers)) == problem
    assert await messages(store, ORGANIZATION) == []
    assert (await _get(client, "/v1/ingest/ledger"))["received"] == 0


async def test_body_is_too_large_when_only_reading_it_shows_so(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES):
            yield b"  "

    answer = await client.post("/v1/ingest", content=endless(), headers={"X-API-Key": API_KEY})
    assert _problem(answer) == (413, "payload-too-large")


async def test_body_may_be_sent_in_pieces_of_unknown_length(client: httpx.AsyncClient, store: FailingStore) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield LOG[:10]
        yield LOG[10:]

    answer = await client.post("/v1/ingest", content=pieces(), headers={"X-API-Key": API_KEY})
    assert answer.status_code == 200
    assert await messages(store, ORGANIZATION) == ["payment declined"]


@pytest.mark.parametrize("length", ["²", "-5", "many", "", "9" * 5_000])
async def test_request_is_not_a_failure_of_ours_when_its_length_is_odd(client: httpx.AsyncClient, length: str) -> None:
    headers = [(b"x-api-key", API_KEY.encode()), (b"content-length", length.encode("latin-1"))]
    assert (await client.post("/v1/ingest", content=LOG, headers=headers)).status_code < 500


async def test_request_is_told_to_come_back_when_there_is_no_room(
    client: httpx.AsyncClient, service: IngestService
) -> None:
    with service.admit(MAX_BODY_BYTES):
        answer = await _send(client, LOG)
    assert _problem(answer) == (429, "too-many-requests")
    assert answer.headers["Retry-After"] == "1"
    assert (await _send(client, LOG)).status_code == 200


async def test_room_is_given_back_when_requests_are_refused(client: httpx.AsyncClient) -> None:
    for body in (b"junk", b" " * (MAX_BODY_BYTES + 1), LOG):
        await _send(client, body)
    assert REGISTRY.get_sample_value("tocsin_ingest_pending_bytes") == 0


async def test_nothing_is_acknowledged_when_the_store_is_not_there(
    client: httpx.AsyncClient, store: FailingStore
) -> None:
    store.failure = StoreUnavailable("no room", retry_after_seconds=3)
    answer = await _send(client, LOG)
    assert _problem(answer) == (503, "store-unavailable")
    assert answer.headers["Retry-After"] == "3"
    store.failure = None
    assert (await _send(client, LOG)).json()["duplicates_skipped"] == 0


async def test_request_without_times_is_recognised_by_its_idempotency_key(client: httpx.AsyncClient) -> None:
    answers = [await _send(client, b'{"message": "tick"}', idempotency_key="k") for _ in range(2)]
    assert [answer.json()["duplicates_skipped"] for answer in answers] == [0, 1]


async def test_dead_letters_are_listed_with_their_bytes(client: httpx.AsyncClient) -> None:
    bad = b'{"message": "caf\xe9"}'
    await _send(client, bad + b"\n" + LOG, content_type=NDJSON)
    [letter] = (await _get(client, "/v1/dead-letters"))["dead_letters"]
    assert base64.b64decode(letter.pop("raw_base64")) == bad
    assert UUID(letter.pop("id"))
    assert datetime.fromisoformat(letter.pop("received_at")).isoformat() == "2025-12-03T12:00:00+00:00"
    assert "utf-8" in letter.pop("detail")
    assert letter == {
        "service": "checkout",
        "reason": "malformed_json",
        "raw": '{"message": "caf\ufffd"}',
        "truncated": False,
    }
    assert (await _get(client, "/v1/dead-letters", token="stranger"))["dead_letters"] == []


async def test_dead_letter_is_the_record_as_it_came_when_a_field_is_refused(client: httpx.AsyncClient) -> None:
    bad = b'{ "message" : 5,"host":"web-1" }'
    await _send(client, b"[" + LOG + b", " + bad + b"]")
    [letter] = (await _get(client, "/v1/dead-letters"))["dead_letters"]
    assert (letter["raw"], letter["reason"]) == (bad.decode(), "message_not_text")


async def test_only_so_many_dead_letters_are_listed_as_asked_for(client: httpx.AsyncClient) -> None:
    await _send(client, b"[" + b", ".join([b"5"] * 105) + b"]")
    assert len((await _get(client, "/v1/dead-letters"))["dead_letters"]) == 100
    assert len((await _get(client, "/v1/dead-letters?limit=3"))["dead_letters"]) == 3
    assert len((await _get(client, "/v1/dead-letters?limit=1000"))["dead_letters"]) == 105


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "many"])
async def test_dead_letters_are_refused_when_too_many_are_asked_for(client: httpx.AsyncClient, limit: str) -> None:
    answer = await client.get(f"/v1/dead-letters?limit={limit}", headers={"Authorization": "Bearer reader"})
    assert _problem(answer) == (400, "invalid-request")


@pytest.mark.parametrize("path", ["/v1/dead-letters", "/v1/ingest/ledger"])
async def test_only_people_read_what_became_of_logs(client: httpx.AsyncClient, path: str) -> None:
    assert _problem(await client.get(path, headers={"X-API-Key": API_KEY})) == (401, "unauthenticated")


async def test_ledger_reconciles(client: httpx.AsyncClient) -> None:
    for body in (LOG, LOG + b'\n{"message": "a"}', b'[{"message": "b"}, {}, 5]', b"junk"):
        await _send(client, body)
    ledger = await _get(client, "/v1/ingest/ledger")
    assert ledger == {"received": 6, "stored": 3, "duplicates": 1, "dead_letters": 2}
    assert await _get(client, "/v1/ingest/ledger", token="stranger") == dict.fromkeys(ledger, 0)


_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=5),
        st.sampled_from(["2025-12-03T11:00:00Z", "9999-12-31T23:59:59Z", "info", 1_764_763_200, 2**64]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=4,
)
_names = st.sampled_from(
    ["timestamp", "level", "service", "message", "metadata", "trace_id", "span_id", "occurrence", "logs", "msg", "odd"]
)
_records = st.one_of(
    st.dictionaries(_names, _values, max_size=5),
    st.fixed_dictionaries({"message": st.sampled_from(["a", "b"]), "timestamp": st.integers(0, 2)}),
)
_documents = st.one_of(
    _values,
    _records,
    st.lists(_records, max_size=4),
    st.builds(lambda logs: {"logs": logs}, st.one_of(_values, st.lists(_records, max_size=4))),
)
_bodies = st.one_of(
    st.binary(max_size=60),
    _documents.map(lambda document: json.dumps(document).encode()),
    _documents.map(lambda document: json.dumps(document, ensure_ascii=False, indent=1).encode(errors="surrogatepass")),
    st.lists(st.one_of(_records, st.just("junk")), max_size=4).map(
        lambda records: "\n".join(json.dumps(record) for record in records).encode()
    ),
)
_COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "identity": bytes,
    "br": bytes,
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=_bodies,
    content_type=st.sampled_from(["application/json", NDJSON, "application/jsonl", "text/plain", "junk", ""]),
    encoding=st.sampled_from([None, None, *_COMPRESSORS]),
    is_compressed=st.booleans(),
    cut=st.one_of(st.none(), st.integers(0, 60)),
)
async def test_every_request_is_refused_or_every_record_of_it_is_found(
    client: httpx.AsyncClient,
    store: FailingStore,
    repository: IngestRepository,
    body: bytes,
    content_type: str,
    encoding: str | None,
    is_compressed: bool,
    cut: int | None,
) -> None:
    async def found() -> tuple[int, int]:
        letters = await repository.dead_letters(ORGANIZATION, limit=1_000_000)
        return await store.count(selection(ORGANIZATION)), len(letters)

    headers = {"Content-Type": content_type} | ({} if encoding is None else {"Content-Encoding": encoding})
    sent = _COMPRESSORS[encoding](body) if encoding is not None and is_compressed else body
    stored_before, letters_before = await found()
    answer = await client.post("/v1/ingest", content=sent[:cut], headers=headers | {"X-API-Key": API_KEY})
    stored, letters = await found()
    assert answer.status_code < 500, answer.text
    if answer.status_code != 200:
        assert (stored, letters) == (stored_before, letters_before)
        return
    counts = answer.json()
    assert counts["dead_letters"] == sum(counts["rejected"].values()) == letters - letters_before
    assert counts["received"] == stored - stored_before + counts["duplicates_skipped"] + counts["dead_letters"]
