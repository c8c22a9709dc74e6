"""The HTTP endpoints of ingest."""

import asyncio
import re
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from litestar import Request, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.params import HeaderParameter, QueryParameter

from tocsin.accounts.contracts import KeyIdentity, Principal
from tocsin.accounts.guards import (
    ACCESS_TOKEN_SECURITY,
    API_KEY_SECURITY,
    provide_key_identity,
    provide_principal,
)
from tocsin.ingest.protocols import tocsin_json
from tocsin.ingest.protocols.compression import decompress
from tocsin.ingest.schemas import DeadLetterResponse, DeadLettersResponse, IngestResponse, LedgerResponse
from tocsin.ingest.service import IngestService
from tocsin.ingest.usage_endpoints import usage
from tocsin.kit.errors import (
    InvalidRequest,
    MalformedBody,
    PayloadTooLarge,
    QuotaExceeded,
    RequestTimeout,
    StoreUnavailable,
    TooManyRequests,
    Unauthenticated,
    UnsupportedMediaType,
)
from tocsin.kit.problem_responses import problem_responses

#: Where the application's state holds the ``IngestService`` and the ``BodyLimits``.
INGEST_STATE = "ingest"
BODY_LIMITS_STATE = "body_limits"

MAX_DEAD_LETTERS = 1_000

LARGE_BODY_BYTES = 1 << 20
"""A larger body takes tens of milliseconds to decompress."""

_LENGTH = re.compile(r"[0-9]{1,18}")

AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """How large a request's body may be."""

    #: As sent.
    max_bytes: int
    #: Without its content encoding.
    max_decompressed_bytes: int


@dataclass
class _IngestOperation(Operation):
    """Describes the body, which the handler reads by itself."""

    def __post_init__(self) -> None:
        media = OpenAPIMediaType(
            schema=Schema(
                description='One log, an array of logs, or {"logs": [...]}',
                one_of=[Schema(type="object"), Schema(type="array", items=Schema(type="object"))],  # type: ignore[arg-type]
            ),
            examples={
                "one log": Example(
                    value={
                        "timestamp": "2026-11-21T10:00:00Z",
                        "level": "ERROR",
                        "service": "payment",
                        "message": "Stripe timed out after 30 s",
                        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                        "metadata": {"customer": "u_123", "http": {"status": 504}},
                    }
                )
            },
        )
        lines = OpenAPIMediaType(schema=Schema(description="One log a line", type="string"))  # type: ignore[arg-type]
        self.request_body = RequestBody(
            required=True, content={"application/json": media, "application/x-ndjson": lines}
        )


async def provide_ingest(request: AnyRequest) -> IngestService:
    """Dependency: the application's ``IngestService``."""
    service: IngestService = request.app.state[INGEST_STATE]
    return service


@post(
    "/v1/ingest",
    status_code=200,
    dependencies={"key": Provide(provide_key_identity)},
    operation_class=_IngestOperation,
    operation_id="ingest",
    summary="Store logs",
    security=API_KEY_SECURITY,
    responses=problem_responses(
        MalformedBody,
        Unauthenticated,
        RequestTimeout,
        PayloadTooLarge,
        UnsupportedMediaType,
        TooManyRequests,
        QuotaExceeded,
        StoreUnavailable,
    ),
    # The handler reads the body by itself, within limits of its own.
    request_max_body_size=None,
)
async def ingest(
    request: AnyRequest,
    key: NamedDependency[KeyIdentity],
    ingest_service: NamedDependency[IngestService],
    idempotency_key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            description="Makes a repeated request recognisable even where its logs have no timestamps.",
        ),
    ] = None,
) -> IngestResponse:
    """Store logs: one, an array, ``{"logs": [...]}``, or one a line (``application/x-ndjson``).

    The body may be compressed with gzip, deflate or zstd (``Content-Encoding``). A 200 means that every record is
    accounted for: stored, known already, or kept as a dead letter with its reason.
    """
    limits: BodyLimits = request.app.state[BODY_LIMITS_STATE]
    announced = _announced_bytes(request, limits)
    with ingest_service.admit(announced):
        body = await _read(request, limits)
        encoding = request.headers.get("Content-Encoding")
        plain = await _decompressed(body, encoding, max_bytes=limits.max_decompressed_bytes)
        # From here on it takes the room of what came out of it.
        with ingest_service.admit(max(0, len(plain) - announced), held_bytes=announced):
            decode = partial(tocsin_json.decode, plain, request.headers.get("Content-Type"))
            outcome = await ingest_service.ingest(decode, key, size_bytes=len(plain), idempotency_key=idempotency_key)
    return IngestResponse.of(outcome)


@get(
    "/v1/ingest/ledger",
    dependencies={"principal": Provide(provide_principal)},
    operation_id="getLedger",
    summary="What was received, and what became of it",
    security=ACCESS_TOKEN_SECURITY,
    responses=problem_responses(Unauthenticated, StoreUnavailable),
)
async def ledger(
    principal: NamedDependency[Principal], ingest_service: NamedDependency[IngestService]
) -> LedgerResponse:
    """The organization's ledger since its first log; commits of the last second may not be in it yet."""
    return LedgerResponse.of(await ingest_service.totals(principal.organization_id))


@get(
    "/v1/dead-letters",
    dependencies={"principal": Provide(provide_principal)},
    operation_id="listDeadLetters",
    summary="Records that could not be stored",
    security=ACCESS_TOKEN_SECURITY,
    responses=problem_responses(InvalidRequest, Unauthenticated),
)
async def dead_letters(
    principal: NamedDependency[Principal],
    ingest_service: NamedDependency[IngestService],
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_DEAD_LETTERS)] = 100,
) -> DeadLettersResponse:
    """The newest dead letters, newest first."""
    letters = await ingest_service.dead_letters(principal.organization_id, limit=limit)
    return DeadLettersResponse([DeadLetterResponse.of(letter) for letter in letters])


router = Router(
    "/",
    route_handlers=[ingest, ledger, usage, dead_letters],
    dependencies={"ingest_service": Provide(provide_ingest)},
    tags=["ingest"],
)


def _announced_bytes(request: AnyRequest, limits: BodyLimits) -> int:
    """The body's size by its header; a body without a usable one may be as large as any."""
    text = request.headers.get("Content-Length")
    if text is None:
        return limits.max_bytes
    size = int(text) if _LENGTH.fullmatch(text) else limits.max_bytes
    if size > limits.max_bytes:
        raise _too_large(limits)
    return size


async def _read(request: AnyRequest, limits: BodyLimits) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limits.max_bytes:
            raise _too_large(limits)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _decompressed(body: bytes, encoding: str | None, *, max_bytes: int) -> bytes:
    """Decompress a large body in a thread: others must not wait for it. A small one isn't worth the way."""
    if encoding is None or len(body) <= LARGE_BODY_BYTES:
        return decompress(body, encoding, max_bytes=max_bytes)
    return await asyncio.to_thread(decompress, body, encoding, max_bytes=max_bytes)


def _too_large(limits: BodyLimits) -> PayloadTooLarge:
    return PayloadTooLarge(f"a body may have {limits.max_bytes:,} bytes as sent; send it in smaller parts")
