import gzip
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State

from tests.ingest.conftest import KEY, HeldClock
from tests.ingest.test_endpoints import API_KEY, LOG, MAX_BODY_BYTES, Accounts
from tocsin.accounts.guards import ACCOUNTS_STATE
from tocsin.accounts.services import Services
from tocsin.api.problems import EXCEPTION_HANDLERS
from tocsin.ingest.contracts import IngestOutcome, RejectReason
from tocsin.ingest.endpoints import BODY_LIMITS_STATE, INGEST_STATE, BodyLimits, router
from tocsin.ingest.repository import IngestRepository
from tocsin.ingest.service import IngestService
from tocsin.ingest.usage import UsageMeter
from tocsin.kit.moments import NANOSECONDS_A_DAY
from tocsin.logstore.backends.memory.store import MemoryLogStore

OTHER_KEY = replace(KEY, key_id=UUID(int=2))
OUTCOME = IngestOutcome(received=10, stored=6, duplicates_skipped=3, rejected=Counter({RejectReason.BAD_LEVEL: 1}))
COUNTS = {"received": 10, "stored": 6, "duplicates": 3, "dead_letters": 1, "bytes": 500}
NOTHING = dict.fromkeys(COUNTS, 0)


@pytest.fixture
async def service(
    repository: IngestRepository, usage: UsageMeter, services: Services, clock: HeldClock
) -> AsyncIterator[IngestService]:
    service = IngestService(
        MemoryLogStore(),
        repository,
        usage,
        services,
        clock=clock,
        max_pending_bytes=MAX_BODY_BYTES,
        daily_quota_bytes=1_000,
    )
    yield service
    await service.close()


@pytest.fixture
async def client(service: IngestService) -> AsyncIterator[httpx.AsyncClient]:
    application: Any = Litestar(
        [router],
        state=State(
            {
                ACCOUNTS_STATE: Accounts(),
                INGEST_STATE: service,
                BODY_LIMITS_STATE: BodyLimits(max_bytes=MAX_BODY_BYTES, max_decompressed_bytes=MAX_BODY_BYTES),
            }
        ),
        exception_handlers=EXCEPTION_HANDLERS,
        logging_config=None,
    )
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def ask(client: httpx.AsyncClient, *, token: str = "reader", **parameters: str) -> httpx.Response:
    named = {name.rstrip("_"): value for name, value in parameters.items()}
    return await client.get("/v1/ingest/usage", params=named, headers={"Authorization": f"Bearer {token}"})


async def test_usage_is_told_by_day_and_key(
    client: httpx.AsyncClient, usage: UsageMeter, services: Services, clock: HeldClock
) -> None:
    usage.add(OTHER_KEY, OUTCOME, 500)
    usage.add(KEY, OUTCOME, 500)
    await usage.flush()
    clock.unix_nano += NANOSECONDS_A_DAY
    usage.add(KEY, OUTCOME, 500)
    answer = await ask(client)
    assert answer.status_code == 200
    assert answer.json() == {
        "days": [
            {"day": "2025-12-03", "key_id": str(KEY.key_id), **COUNTS},
            {"day": "2025-12-03", "key_id": str(OTHER_KEY.key_id), **COUNTS},
            {"day": "2025-12-04", "key_id": str(KEY.key_id), **COUNTS},
        ],
        "totals": {name: 3 * count for name, count in COUNTS.items()},
    }
    of_key = (await ask(client, key_id=str(OTHER_KEY.key_id))).json()
    assert of_key == {"days": [answer.json()["days"][1]], "totals": COUNTS}
    assert (await ask(client, from_="2025-12-04", to="2025-12-04")).json()["totals"] == COUNTS
    assert (await ask(client, token="stranger")).json() == {"days": [], "totals": NOTHING}


async def test_usage_is_of_thirty_days_when_none_are_named(
    client: httpx.AsyncClient, usage: UsageMeter, services: Services, clock: HeldClock
) -> None:
    usage.add(KEY, OUTCOME, 500)
    clock.unix_nano += 29 * NANOSECONDS_A_DAY
    assert (await ask(client)).json()["totals"] == COUNTS
    clock.unix_nano += NANOSECONDS_A_DAY
    assert (await ask(client)).json()["totals"] == NOTHING
    assert (await ask(client, to="2025-12-03")).json()["totals"] == COUNTS
    assert (await ask(client, from_="2025-12-03")).json()["totals"] == COUNTS


@pytest.mark.parametrize(
    ("parameters", "slug"),
    [
        ({"from_": "2025-12-04", "to": "2025-12-03"}, "invalid-time-range"),
        ({"from_": "2024-10-29", "to": "2025-12-03"}, "invalid-time-range"),
        ({"from_": "2025-12-32"}, "invalid-request"),
        ({"to": "yesterday"}, "invalid-request"),
        ({"key_id": "svc_x"}, "invalid-request"),
    ],
)
async def test_usage_is_refused_when_the_question_makes_no_sense(
    client: httpx.AsyncClient, parameters: dict[str, str], slug: str
) -> None:
    answer = await ask(client, **parameters)
    assert (answer.status_code, answer.json()["type"]) == (400, f"/problems/{slug}")


@pytest.mark.parametrize(
    "parameters", [{"from_": "2024-10-30", "to": "2025-12-03"}, {"to": "0001-01-01"}, {"from_": "2025-12-03"}]
)
async def test_usage_is_told_when_the_days_are_just_right(
    client: httpx.AsyncClient, parameters: dict[str, str]
) -> None:
    assert (await ask(client, **parameters)).json() == {"days": [], "totals": NOTHING}


async def test_usage_is_for_people_who_are_signed_in(client: httpx.AsyncClient) -> None:
    assert (await ask(client, token="nobody's")).status_code == 401
    assert (await client.get("/v1/ingest/usage", headers={"X-API-Key": API_KEY})).status_code == 401


async def test_sent_bytes_are_counted_as_decompressed_until_the_quota_is_used(
    client: httpx.AsyncClient, clock: HeldClock
) -> None:
    body = gzip.compress(LOG + b" " * (1_000 - len(LOG)))
    headers = {"X-API-Key": API_KEY, "Content-Encoding": "gzip"}
    first = await client.post("/v1/ingest", content=body, headers=headers)
    assert first.status_code == 200
    refused = await client.post("/v1/ingest", content=LOG, headers={"X-API-Key": API_KEY})
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/quota-exceeded")
    assert refused.headers["Retry-After"] == "900"
    sent = {"received": 1, "stored": 1, "duplicates": 0, "dead_letters": 0, "bytes": 1_000}
    assert (await ask(client)).json()["totals"] == sent
    clock.unix_nano += NANOSECONDS_A_DAY // 2
    assert (await client.post("/v1/ingest", content=LOG, headers={"X-API-Key": API_KEY})).status_code == 200
