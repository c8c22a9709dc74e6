"""What operators and their machines ask: is it alive, is it ready, how does it fare."""

import asyncio
import shutil
from typing import Literal

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from litestar.response import Redirect
from prometheus_client import Gauge

from tocsin import __version__
from tocsin.accounts.contracts import Principal
from tocsin.kit.errors import TocsinError, Unauthenticated
from tocsin.kit.problem_responses import problem_responses
from tocsin.kit.telemetry import metrics_page
from tocsin.wiring import Components

#: A part that takes longer to answer counts as not ready.
PROBE_TIMEOUT_SECONDS = 2.0

AllComponents = NamedDependency[SkipValidation[Components]]

_stored_rows = Gauge("tocsin_logstore_stored_rows", "Logs in the log store.")
_pending_rows = Gauge("tocsin_logstore_pending_rows", "Logs that are durable and not yet in the log store's own form.")
_disk_bytes = Gauge("tocsin_logstore_disk_bytes", "Bytes that the log store occupies.")


class Liveness(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"]
    version: str


class Part(msgspec.Struct, frozen=True):
    """One part's state."""

    ready: bool
    detail: str


class Readiness(msgspec.Struct, frozen=True):
    """The state of every part that requests need."""

    ready: bool
    parts: dict[str, Part]


class Disk(msgspec.Struct, frozen=True):
    """Room, in bytes."""

    logstore_bytes: int
    free_bytes: int


class Status(msgspec.Struct, frozen=True):
    """How this server fares."""

    version: str
    disk: Disk


@get("/healthz", tags=["operations"], sync_to_thread=False, summary="Is the process alive?")
def healthz() -> Liveness:
    """Answers as long as the process does; says nothing of its parts."""
    return Liveness(status="ok", version=__version__)


@get("/readyz", tags=["operations"], summary="Is every part ready?")
async def readyz(components: AllComponents) -> Response[Readiness]:
    """The state of each part; 503 when one is not ready."""
    database, logstore = await asyncio.gather(_probe_database(components), _probe_logstore(components))
    parts = {"database": database, "logstore": logstore}
    ready = all(part.ready for part in parts.values())
    return Response(Readiness(ready=ready, parts=parts), status_code=200 if ready else 503)


@get(
    "/v1/status",
    tags=["operations"],
    summary="Version and disk",
    responses=problem_responses(Unauthenticated),
)
async def status(components: AllComponents, principal: NamedDependency[SkipValidation[Principal]]) -> Status:
    """The version of this server, and the disk of its data directory."""
    health = await components.store.health()
    usage = await asyncio.to_thread(shutil.disk_usage, components.settings.server.data_dir)
    return Status(version=__version__, disk=Disk(logstore_bytes=health.disk_bytes, free_bytes=usage.free))


@get("/metrics", tags=["operations"], summary="Metrics for Prometheus")
async def metrics(request: Request[None, None, State], components: AllComponents) -> Response[bytes]:
    """Every metric of this process, in Prometheus's text form."""
    health = await components.store.health()
    _stored_rows.set(health.stored_rows)
    _pending_rows.set(health.pending_rows)
    _disk_bytes.set(health.disk_bytes)
    page, content_type = metrics_page(request.headers.get("accept", ""))
    return Response(page, headers={"Content-Type": content_type})


@get("/", sync_to_thread=False, include_in_schema=False)
def home() -> Redirect:
    """Leads to the documentation of the API."""
    return Redirect("/docs")


async def _probe_database(components: AllComponents) -> Part:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
            await components.database.ping()
    except TimeoutError:
        return Part(ready=False, detail=f"no answer in {PROBE_TIMEOUT_SECONDS:g} s")
    except TocsinError as error:
        return Part(ready=False, detail=error.detail)
    return Part(ready=True, detail="answers")


async def _probe_logstore(components: AllComponents) -> Part:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
            health = await components.store.health()
    except TimeoutError:
        return Part(ready=False, detail=f"no answer in {PROBE_TIMEOUT_SECONDS:g} s")
    return Part(ready=health.ready, detail=health.detail)
