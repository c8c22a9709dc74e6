"""Channels and rules over HTTP, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.notifications.conftest import OURS, SECRET, THEIRS, Desk
from tests.notifications.doubles import receiver
from tests.search.conftest import given, problem
from tocsin.accounts.contracts import Principal, Role
from tocsin.incidents.contracts import Change
from tocsin.kit.errors import TocsinError
from tocsin.notifications.endpoints import NotificationsController

PATH = "/v1/notifications"
WEBHOOK: dict[str, Any] = {
    "name": "hook",
    "kind": "webhook",
    "settings": {"url": "https://hooks.example/x"},
    "secret": SECRET,
}
ADMIN = Principal(uuid4(), OURS, Role.ADMIN, "a@example.com")


def _application(desk: Desk, principal: Principal) -> Litestar:
    return Litestar(
        [NotificationsController],
        dependencies={
            "principal": given(principal),
            "notification_settings": given(desk.settings),
            "notifications": given(desk.service),
        },
        exception_handlers={TocsinError: problem},
    )


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[AsyncTestClient[Litestar]]:
    async with AsyncTestClient(_application(desk, ADMIN)) as client:
        yield client


async def _made(client: AsyncTestClient[Litestar], path: str, body: Any) -> Any:
    answer = await client.post(f"{PATH}{path}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_channel_is_kept_changed_and_forgotten_and_its_secret_never_shown(
    client: AsyncTestClient[Litestar], desk: Desk
) -> None:
    made = await _made(client, "/channels", WEBHOOK)
    assert made["secret_hint"] == f"…{SECRET[-4:]}"
    path = f"{PATH}/channels/{made['id']}"
    changed = await client.put(path, json={**WEBHOOK, "name": "other", "secret": None})
    listed = await client.get(f"{PATH}/channels")
    assert listed.json()["channels"] == [changed.json()]
    assert SECRET not in changed.text + listed.text + (await client.get(path)).text
    assert (await desk.settings.channels(OURS))[0].secret == SECRET
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_a_secret_does_not_move_to_another_url(client: AsyncTestClient[Litestar]) -> None:
    made = await _made(client, "/channels", WEBHOOK)
    moved = {**WEBHOOK, "settings": {"url": "https://elsewhere.example"}}
    path = f"{PATH}/channels/{made['id']}"
    assert (await client.put(path, json={**moved, "secret": None})).status_code == 400
    assert (await client.put(path, json=moved)).status_code == 200


@pytest.mark.parametrize(
    "members",
    [
        {"settings": {"url": "http://hooks.example/x"}},
        {"settings": {"url": "ftp://hooks.example"}},
        {"settings": {}},
        {"settings": {"url": "https://a.example", "more": "x"}},
        {"secret": "short"},
        {"secret": None},
        {"kind": "pager"},
        {"kind": "slack", "settings": {}, "secret": "http://192.0.2.1/x"},
        {"per_minute": 0},
        {"name": " "},
    ],
)
async def test_a_channel_that_nothing_could_go_to_is_refused(
    client: AsyncTestClient[Litestar], members: dict[str, Any]
) -> None:
    assert (await client.post(f"{PATH}/channels", json=WEBHOOK | members)).status_code == 400


async def test_rules_and_deliveries_are_the_organizations_own(client: AsyncTestClient[Litestar], desk: Desk) -> None:
    async with receiver() as target:
        channel = await _made(client, "/channels", {**WEBHOOK, "settings": {"url": target.url}})
        rule = await _made(client, "/rules", {"name": "r", "channel_id": channel["id"], "severities": ["HIGH"]})
        assert (await client.get(f"{PATH}/rules/{rule['id']}")).json() == rule
        await desk.happen(1, Change.OPENED)
        await desk.jobs.run()
    # Nobody listens there any more.
    tested = await client.post(f"{PATH}/channels/{channel['id']}/test")
    reason = "the receiver can't be reached (ConnectError)"
    assert (tested.status_code, tested.json()) == (200, {"delivered": False, "reason": reason})
    [delivery] = (await client.get(f"{PATH}/deliveries")).json()["deliveries"]
    assert (delivery["status"], delivery["rule_id"]) == ("sent", rule["id"])
    assert (await client.delete(f"{PATH}/channels/{channel['id']}")).status_code == 409
    bad = {"name": "r", "channel_id": channel["id"], "hours": {"time_zone": "Mars/Base"}}
    assert (await client.put(f"{PATH}/rules/{rule['id']}", json=bad)).status_code == 400
    async with AsyncTestClient(_application(desk, replace(ADMIN, organization_id=THEIRS))) as stranger:
        for path in (f"/rules/{rule['id']}", f"/channels/{channel['id']}"):
            assert (await stranger.get(f"{PATH}{path}")).status_code == 404
            assert (await stranger.delete(f"{PATH}{path}")).status_code == 404
        assert (await stranger.get(f"{PATH}/deliveries")).json() == {"deliveries": []}
    assert (await client.delete(f"{PATH}/rules/{rule['id']}")).status_code == 204
