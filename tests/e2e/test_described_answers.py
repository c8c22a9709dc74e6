"""Schemathesis over the whole description: whatever is sent, the answer is one that the description has."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.support.server import API_KEY, TocsinServer
from tocsin.accounts.access_tokens import AccessTokens
from tocsin.accounts.contracts import Principal, Role
from tocsin.accounts.signing_keys import load_signing_keys
from tocsin.kit.clock import SystemClock

#: Of each kind, valid and not, for each operation.
EXAMPLES = 25

#: Operations that answer 401 to everything that is made up: they take a secret, which nobody guesses.
STRANGERS_ONLY: set[str] = set()

#: Generated requests are many, and all from here.
_UNLIMITED = {f"TOCSIN_RATE_LIMIT_{name}": "off" for name in ("SIGN_IN", "READ", "WRITE", "INGEST", "STRANGERS")}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TocsinServer]:
    with TocsinServer(tmp_path_factory.mktemp("tocsin"), settings=_UNLIMITED) as running:
        with running.sender() as sender:
            logs = [{"message": f"request {n} took {n} ms", "service": "shop", "metadata": {"n": n}} for n in range(50)]
            sender.post("/v1/ingest", json={"logs": logs}).raise_for_status()
        yield running


def operations(server: TocsinServer) -> dict[str, Any]:
    description = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    found: list[Any] = [result.ok() for result in description.get_all_operations()]  # type: ignore[union-attr]
    return {operation.label: operation for operation in found}


@pytest.fixture(scope="module")
def administrator(server: TocsinServer) -> Principal:
    with server.reader() as reader:
        me = reader.get("/v1/auth/me").raise_for_status().json()
    return Principal(UUID(me["user_id"]), UUID(me["organization_id"]), Role.ADMIN, me["email"])


def credentials(server: TocsinServer, administrator: Principal) -> dict[str, str]:
    """An administrator's token and a sender's key; a session of its own, since operations end sessions."""
    tokens = AccessTokens(load_signing_keys(server.data_dir), SystemClock())
    token = tokens.mint(replace(administrator, session_id=uuid4())).token
    return {"Authorization": f"Bearer {token}", "X-API-Key": API_KEY}


def answers(operation: Any, headers: dict[str, str], url: str, mode: GenerationMode) -> dict[int, str]:
    """What an operation answers to generated requests: an example of each status."""
    found: dict[int, str] = {}

    @settings(max_examples=EXAMPLES, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        answer = case.call(base_url=url, headers=headers, timeout=30)
        asked = f"{answer.request.method} {answer.request.url} {answer.request.body!r:.500}"
        found.setdefault(answer.status_code, f"{asked} → {answer.status_code} {answer.content[:200]!r}")

    # There is nothing that could be wrong with an operation that takes nothing.
    with suppress(Unsatisfiable):
        send()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_every_answer_is_described_whatever_is_asked(
    server: TocsinServer, administrator: Principal, mode: GenerationMode
) -> None:
    undescribed, unreached = [], set()
    for label, operation in operations(server).items():
        described = {int(status) for status in operation.definition.raw["responses"]}
        found = answers(operation, credentials(server, administrator), server.url, mode)
        undescribed += [text for status, text in found.items() if status >= 500 or status not in described]
        if mode is GenerationMode.POSITIVE and not set(found) - {401, 403}:
            unreached.add(label)
    assert undescribed == []
    assert unreached == STRANGERS_ONLY
