from typing import Any

import httpx
import pytest

from tocsin.database.service import Database
from tocsin.kit.errors import ServiceUnavailable
from tocsin.wiring import Components


async def test_readiness_is_503_and_names_the_part_when_one_is_not_ready(
    components: Components, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(_self: Any) -> None:
        raise ServiceUnavailable("the database can't be reached")

    monkeypatch.setattr(Database, "ping", unreachable)
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert parts["database"] == {"ready": False, "detail": "the database can't be reached"}
    assert parts["logstore"]["ready"] is True


async def test_status_needs_a_token(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/status")).status_code == 401


async def test_status_has_version_and_disk(components: Components, client: httpx.AsyncClient) -> None:
    token = (await components.accounts.local_operator_token()).token
    answer = await client.get("/v1/status", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.json()["disk"]["free_bytes"] > 0
