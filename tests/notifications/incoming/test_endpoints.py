"""Alerts and deploys over HTTP."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.notifications.incoming.conftest import Client, TakenByIncidents
from tests.notifications.incoming.payloads import FIRING, RESOLVED, alertmanager, grafana
from tocsin.incidents.contracts import SignalSource
from tocsin.kit.moments import nanoseconds_of_text
from tocsin.logmodel.levels import Level
from tocsin.notifications.incoming.endpoints import MAX_ALERTS_BODY_BYTES
from tocsin.notifications.incoming.service import MAX_ALERTS, MAX_REASONS, SIGNALS_AT_ONCE

WEBHOOKS = ("alertmanager", "grafana", "generic")
ALL = ({"received": 2, "accepted": 2, "refused": 0, "reasons": []}, 200)


def nano(text: str) -> int:
    found = nanoseconds_of_text(text)
    assert found is not None
    return found


async def _sent(client: Client, webhook: str, body: Any) -> tuple[Any, int]:
    answer = await client.post(f"/v1/webhooks/{webhook}", json=body)
    return answer.json(), answer.status_code


async def test_what_alertmanager_sends_becomes_signals(client: Client, taken: TakenByIncidents) -> None:
    assert await _sent(client, "alertmanager", alertmanager()) == ALL
    firing, resolved = taken.signals
    assert (firing.source, firing.kind, firing.service) == (SignalSource.ALERT, "alertmanager", "checkout")
    assert (firing.title, firing.level) == (FIRING["annotations"]["summary"], Level.FATAL)
    assert (firing.is_over, firing.url, firing.labels) == (False, FIRING["generatorURL"], FIRING["labels"])
    assert firing.onset_unix_nano == nano("2026-11-24T10:58:30.739267Z")
    assert (resolved.is_over, resolved.service, resolved.level) == (True, "payment", Level.WARN)
    assert resolved.title == "nothing answers at 10.2.0.18:9100"
    assert resolved.last_unix_nano == nano("2026-11-24T10:59:15.5Z")


async def test_what_grafana_sends_becomes_signals(client: Client, taken: TakenByIncidents) -> None:
    assert await _sent(client, "grafana", grafana()) == ALL
    slow, no_data = taken.signals
    assert (slow.kind, slow.service, slow.level, slow.title) == ("grafana", "cart", Level.WARN, "p95 of cart is 2.4 s")
    assert slow.url == "https://grafana.example/d/shop?orgId=1&viewPanel=4"
    assert (no_data.title, no_data.is_over, no_data.service, no_data.url) == ("DatasourceNoData", True, None, None)


async def test_anything_may_send_one_alert_or_a_list(client: Client, taken: TakenByIncidents) -> None:
    one = {"title": "disk is full", "service": "orders", "severity": "Critical", "labels": {"disk": "sda"}}
    one |= {"starts_at": "2026-11-24T11:00:00Z", "url": "https://e.example/", "fingerprint": "f"}
    body, status = await _sent(client, "generic", one)
    assert (status, body["accepted"]) == (200, 1)
    assert await _sent(client, "generic", [{"title": "a"}, {"title": "b", "status": "resolved"}]) == ALL
    disk, _, over = taken.signals
    assert (disk.kind, disk.title, disk.service, disk.level) == ("generic", "disk is full", "orders", Level.FATAL)
    assert (disk.labels, disk.url) == ({"disk": "sda"}, "https://e.example/")
    assert disk.onset_unix_nano == nano("2026-11-24T11:00:00Z")
    assert over.is_over


async def test_a_repeat_has_the_same_id_and_of_twins_in_a_body_the_last_counts(
    client: Client, taken: TakenByIncidents
) -> None:
    await _sent(client, "alertmanager", alertmanager(FIRING))
    await _sent(client, "alertmanager", alertmanager(FIRING, {**FIRING, "status": "resolved"}))
    first, second = taken.signals
    assert (first.id, first.is_over, second.is_over) == (second.id, False, True)


async def test_a_bad_alert_costs_only_itself(client: Client, taken: TakenByIncidents) -> None:
    bad = [{**FIRING, "labels": {"a": 1}}, {**FIRING, "startsAt": "yesterday"}, {"labels": {"a": "b"}}, None, "x"]
    body, status = await _sent(client, "alertmanager", alertmanager(*bad, FIRING))
    assert (status, body["received"], body["accepted"], body["refused"]) == (200, 6, 1, 5)
    assert [each["index"] for each in body["reasons"]] == [0, 1, 2, 3, 4]
    assert body["reasons"][0]["reason"] == "Expected `str`, got `int` - at `$.labels[...]`"
    assert len(taken.signals) == 1


@pytest.mark.parametrize("webhook", WEBHOOKS)
async def test_where_none_could_be_taken_the_sender_hears_why(
    client: Client, taken: TakenByIncidents, webhook: str
) -> None:
    alerts = [{"status": "on fire"}, 1]
    body, status = await _sent(client, webhook, alerts if webhook == "generic" else {"alerts": alerts})
    assert (status, body["type"]) == (400, "/problems/invalid-request")
    assert body["detail"].startswith("none of the alerts could be taken; of the one at 0: ")
    assert taken.signals == []


async def test_more_than_there_is_room_for_are_refused_and_counted(client: Client, taken: TakenByIncidents) -> None:
    bad = [{"title": "t", "severity": "purple"}] * (MAX_REASONS + 5)
    good = [{"title": f"alert {number}"} for number in range(MAX_ALERTS)]
    body, status = await _sent(client, "generic", [*bad, *good])
    assert (status, body["received"], body["accepted"]) == (200, 1_105, 895)
    assert (body["refused"], len(body["reasons"])) == (210, MAX_REASONS)
    body, _ = await _sent(client, "generic", [*good, *good])
    [reason] = body["reasons"]
    assert reason == {
        "index": MAX_ALERTS,
        "reason": "a request has at most 1,000 alerts, this one has 2,000: from here on none was taken",
    }
    assert len(taken.signals) == 895 + 1_000
    assert taken.most_at_once == SIGNALS_AT_ONCE


async def test_a_key_for_one_service_speaks_of_no_other(client_of_checkout: Client, taken: TakenByIncidents) -> None:
    alerts = [{"title": "a", "service": "checkout"}, {"title": "b"}, {"title": "c", "service": "payment"}]
    body, _ = await _sent(client_of_checkout, "generic", alerts)
    assert [(each["index"], each["reason"]) for each in body["reasons"]] == [
        (2, "the API key is for the service 'checkout' only, and this is about 'payment'")
    ]
    assert [each.service for each in taken.signals] == ["checkout", "checkout"]
    refused = await client_of_checkout.post("/v1/events/deploys", json={"service": "payment", "version": "1"})
    assert refused.status_code == 403
    assert taken.deploys == []


async def test_what_can_not_be_kept_now_is_to_be_sent_again(client: Client, taken: TakenByIncidents) -> None:
    taken.is_away = True
    answer = await client.post("/v1/webhooks/grafana", json=grafana())
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


@pytest.mark.parametrize("webhook", WEBHOOKS)
@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"not json", 400),
        (b'{"alerts": {}}', 400),
        (b'{"alerts": null}', 400),
        (b'"\xff"', 400),
        (rb'[{"title": "\ud800"}]', 400),
        (b"[" * 200_000, 400),
        (b'{"alerts": [' * 50_000, 400),
        (b" " * (MAX_ALERTS_BODY_BYTES + 1), 413),
    ],
)
async def test_what_is_no_body_of_alerts_is_refused_with_a_reason(
    client: Client, taken: TakenByIncidents, webhook: str, content: bytes, status: int
) -> None:
    answer = await client.post(f"/v1/webhooks/{webhook}", content=content)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["detail"]
    assert taken.signals == []


async def test_a_compressed_body_is_refused(client: Client) -> None:
    answer = await client.post("/v1/webhooks/generic", content=b"x", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


async def test_a_body_without_alerts_is_no_error(client: Client, taken: TakenByIncidents) -> None:
    nothing = {"received": 0, "accepted": 0, "refused": 0, "reasons": []}
    assert await _sent(client, "alertmanager", {"alerts": []}) == (nothing, 200)
    assert await _sent(client, "generic", []) == (nothing, 200)


_TEXTS = st.text(max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=20,
)
_LIKE_ALERTS = st.fixed_dictionaries(
    {},
    optional={
        "alerts": st.lists(st.sampled_from([FIRING, RESOLVED]) | _JSON, max_size=3) | _JSON,
        "title": _TEXTS,
        "service": _TEXTS | _JSON,
        "version": _TEXTS | _JSON,
        "labels": st.dictionaries(_TEXTS, _TEXTS, max_size=3) | _JSON,
        "at": _JSON,
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(path=st.sampled_from([*(f"webhooks/{name}" for name in WEBHOOKS), "events/deploys"]), body=_LIKE_ALERTS | _JSON)
async def test_whatever_json_is_sent_is_taken_or_refused_with_a_reason(client: Client, path: str, body: Any) -> None:
    answer = await client.post(f"/v1/{path}", content=json.dumps(body).encode())
    said = answer.json()
    if answer.status_code == 200:
        assert path == "events/deploys" or said["received"] == said["accepted"] + said["refused"]
    else:
        assert 400 <= answer.status_code < 500
        assert said["detail"]


async def test_a_deploy_is_noted_now_or_as_of_a_moment_of_the_past(client: Client, taken: TakenByIncidents) -> None:
    deploy = {"service": "checkout", "version": "v1.8.2"}
    answer = await client.post("/v1/events/deploys", json=deploy)
    assert (answer.status_code, answer.json()) == (200, {**deploy, "at": "2026-11-24T12:00:00Z"})
    await client.post("/v1/events/deploys", json={**deploy, "at": "2026-11-24T11:00:00+01:00"})
    more = {"by": "ci", "url": "https://ci.example/41"}
    assert (await client.post("/v1/events/deploys", json={**deploy, "at": None, **more})).status_code == 200
    # The clock of its machine is a little ahead.
    await client.post("/v1/events/deploys", json={**deploy, "at": "2026-11-24T12:04:00Z"})
    now = nano("2026-11-24T12:00:00Z")
    assert [each.at_unix_nano for each in taken.deploys] == [now, nano("2026-11-24T10:00:00Z"), now, now]
    assert {(each.service, each.version) for each in taken.deploys} == {("checkout", "v1.8.2")}


@pytest.mark.parametrize(
    "members",
    [
        {"at": "2026-11-24T12:06:00Z"},
        {"at": "1969-12-31T00:00:00Z"},
        {"at": "2026-11-24T11:00:00"},
        {"version": ""},
        {"version": "x\x00"},
        {"service": None},
        {"environment": "production"},
    ],
)
async def test_what_is_no_deploy_is_refused(client: Client, taken: TakenByIncidents, members: dict[str, Any]) -> None:
    answer = await client.post("/v1/events/deploys", json={"service": "checkout", "version": "1", **members})
    assert answer.status_code == 400
    assert taken.deploys == []
