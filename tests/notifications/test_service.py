"""From a change of an incident to a real receiver, on SQLite and on PostgreSQL."""

import json
from uuid import UUID

import pytest

from tests.notifications.conftest import OURS, SECRET, THEIRS, Desk
from tests.notifications.doubles import Receiver, mail_server, receiver
from tocsin.incidents.contracts import Change
from tocsin.kit.errors import NotFound
from tocsin.notifications.channels.webhook import signature
from tocsin.notifications.contracts import ChannelKind, DeliveryStatus
from tocsin.notifications.service import KEPT_DELIVERIES, MAX_ATTEMPTS, PRUNE_SECONDS

SENT, FAILED, PENDING = DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.PENDING


async def _webhook(desk: Desk, target: Receiver, *, per_minute: int = 60) -> None:
    await desk.rule(await desk.channel(ChannelKind.WEBHOOK, settings={"url": target.url}, per_minute=per_minute))


async def test_a_webhook_is_told_once_and_its_signature_holds(desk: Desk) -> None:
    async with receiver() as target:
        await _webhook(desk, target)
        await desk.happen(1, Change.OPENED)
        await desk.jobs.run()
        desk.jobs.keys.clear()
        await desk.service._consider((await desk.settings.rules(OURS))[0], desk.incidents.events[0])
        await desk.service.follow(OURS)
        await desk.jobs.run()
    [(headers, body)] = target.received
    stamp, signed = headers["tocsin-signature"].split(",")
    assert signed == f"v1={signature(SECRET, int(stamp.removeprefix('t=')), body)}"
    assert json.loads(body)["incident"]["number"] == 12
    [delivery] = await desk.log()
    assert (delivery.status, delivery.attempts, str(delivery.id)) == (SENT, 1, headers["tocsin-delivery"])


async def test_several_changes_are_one_message(desk: Desk) -> None:
    async with receiver() as target:
        await _webhook(desk, target)
        for sequence, change in enumerate((Change.OPENED, Change.UPDATED, Change.ACKNOWLEDGED), 1):
            await desk.happen(sequence, change)
        await desk.jobs.run()
    [(_, body)] = target.received
    assert [each["change"] for each in json.loads(body)["changes"]] == ["opened", "acknowledged"]
    assert [each.status for each in await desk.log()] == [SENT, DeliveryStatus.GROUPED]


async def test_a_receiver_that_asks_for_a_pause_gets_it(desk: Desk) -> None:
    async with receiver() as target:
        target.answer(429, {"Retry-After": "17"}, b"slow down")
        await _webhook(desk, target)
        await desk.happen(1, Change.OPENED)
        await desk.jobs.run()
        assert (desk.jobs.pauses, desk.jobs.were_attempts) == ([17], [True])
        [waiting] = await desk.log()
        assert (waiting.status, waiting.reason) == (PENDING, "the receiver answered 429: slow down")
        await desk.jobs.run()
    first, second = target.received
    assert first[0]["tocsin-delivery"] == second[0]["tocsin-delivery"]
    assert [(each.status, each.attempts) for each in await desk.log()] == [(SENT, 2)]


async def test_a_receiver_that_fails_is_tried_again_and_given_up_at_last(desk: Desk) -> None:
    async with receiver() as target:
        await _webhook(desk, target)
        for _ in range(MAX_ATTEMPTS):
            target.answer(500)
        await desk.happen(1, Change.OPENED)
        for _ in range(MAX_ATTEMPTS):
            await desk.jobs.run()
    assert desk.jobs.pauses[:3] == [5, 10, 20]
    assert desk.jobs.waiting == {}
    [delivery] = await desk.log()
    assert delivery.status is FAILED
    assert delivery.reason == f"given up after {MAX_ATTEMPTS} attempts: the receiver answered 500"


@pytest.mark.parametrize("status", [401, 404, 410, 302])
async def test_a_refusal_is_final_and_says_why(desk: Desk, status: int) -> None:
    async with receiver() as target:
        target.answer(status, {"Location": target.url}, b"no such hook " * 5_000)
        await _webhook(desk, target)
        await desk.happen(1, Change.OPENED)
        await desk.jobs.run()
    assert (len(target.received), desk.jobs.waiting) == (1, {})
    [delivery] = await desk.log()
    assert delivery.status is FAILED
    assert delivery.reason.startswith(f"the receiver answered {status}: no such hook")
    assert len(delivery.reason) < 400


async def test_a_dead_channel_blocks_no_other(desk: Desk) -> None:
    async with receiver() as dead, receiver() as good:
        dead.hangs = True
        await _webhook(desk, dead)
        await desk.rule(await desk.channel(ChannelKind.SLACK, good.url))
        await desk.happen(1, Change.OPENED)
        await desk.jobs.run()
    assert json.loads(good.received[0][1])["text"].startswith("*[HIGH] Incident 12 opened: checkout: &lt;declined&gt;")
    found = {each.status: each.reason for each in await desk.log()}
    assert found == {SENT: "", PENDING: "the receiver did not answer within 2 s"}


async def test_pagerduty_hears_of_one_alert_from_its_beginning_to_its_end(desk: Desk) -> None:
    async with receiver() as target:
        await desk.rule(await desk.channel(ChannelKind.PAGERDUTY, settings={"url": target.url}))
        for sequence, change in enumerate((Change.OPENED, Change.ACKNOWLEDGED, Change.RESOLVED), 1):
            await desk.happen(sequence, change)
            await desk.jobs.run()
    sent = [json.loads(body) for _, body in target.received]
    assert [each["event_action"] for each in sent] == ["trigger", "acknowledge", "resolve"]
    assert len({each["dedup_key"] for each in sent}) == 1
    assert {each["routing_key"] for each in sent} == {SECRET}


async def test_what_is_older_than_what_was_sent_is_not_sent(desk: Desk) -> None:
    async with receiver() as target:
        target.answer(503)
        await desk.rule(await desk.channel(ChannelKind.PAGERDUTY, settings={"url": target.url}))
        await desk.happen(1, Change.OPENED)
        await desk.jobs.run()
        [(key, late)] = desk.jobs.waiting.items()
        desk.jobs.waiting.clear()
        await desk.happen(2, Change.RESOLVED)
        await desk.jobs.run()
        desk.jobs.waiting[key] = late
        await desk.jobs.run()
    assert [json.loads(body)["event_action"] for _, body in target.received] == ["trigger", "resolve"]
    assert [each.status for each in await desk.log()] == [DeliveryStatus.SUPERSEDED, SENT]


async def test_a_channel_takes_so_many_messages_a_minute(desk: Desk) -> None:
    async with receiver() as target:
        await _webhook(desk, target, per_minute=1)
        await desk.happen(1, Change.OPENED)
        await desk.jobs.run()
        await desk.happen(2, Change.RESOLVED)
        await desk.jobs.run()
        assert (len(target.received), desk.jobs.pauses) == (1, [60])
        # Of those there may be any number.
        assert desk.jobs.were_attempts == [False]
        desk.clock.move(seconds=60)
        await desk.jobs.run()
    assert [(each.status, each.attempts) for each in await desk.log()] == [(SENT, 1), (SENT, 1)]


async def test_mail_is_sent_and_its_refusal_is_final(desk: Desk) -> None:
    async with mail_server() as server:
        settings = {"host": "127.0.0.1", "port": str(server.port), "security": "none", "to": "on@call.example"}
        await desk.rule(await desk.channel(ChannelKind.EMAIL, "", settings=settings | {"from": "tocsin@call.example"}))
        server.rcpt = ["450 later", "250 ok", "550 nobody here"]
        await desk.happen(1, Change.OPENED)
        await desk.jobs.run()
        assert desk.jobs.pauses == [5]
        await desk.jobs.run()
        await desk.happen(2, Change.RESOLVED)
        await desk.jobs.run()
    [message] = server.messages
    assert "Subject: [HIGH] Incident 12 opened" in message
    first, second = await desk.log()
    assert (first.status, second.status, second.reason) == (SENT, FAILED, "the mail server answered 550: nobody here")


async def test_the_test_button_says_what_the_receiver_said(desk: Desk) -> None:
    async with receiver() as target:
        channel = await desk.channel(ChannelKind.DISCORD, target.url)
        target.answer(200)
        target.answer(404)
        assert await desk.service.test(OURS, channel.id) == (True, "")
        assert await desk.service.test(OURS, channel.id) == (False, "the receiver answered 404")
        with pytest.raises(NotFound):
            await desk.service.test(THEIRS, channel.id)
    assert json.loads(target.received[0][1])["allowed_mentions"] == {"parse": []}


async def test_old_deliveries_are_forgotten_within_an_hour(desk: Desk) -> None:
    async with receiver() as target:
        await _webhook(desk, target)
        other = UUID(int=8)
        await desk.happen(1, Change.OPENED)
        await desk.happen(2, Change.OPENED, id=other)
        await desk.jobs.run()
        await desk.happen(3, Change.RESOLVED)
        await desk.jobs.run()
        desk.clock.move(seconds=KEPT_DELIVERIES.total_seconds())
        await desk.service.prune()
        assert len(await desk.log()) == 3
        desk.clock.move(seconds=1)
        # It was looked at a second ago.
        await desk.service.prune()
        assert len(await desk.log()) == 3
        desk.clock.move(seconds=PRUNE_SECONDS)
        await desk.service.prune()
        # Of the other one people have yet to hear that it is over.
        assert [each.incident_id for each in await desk.log()] == [other]
        await desk.happen(4, Change.RESOLVED, id=other)
        assert [each.status for each in await desk.log()] == [SENT, PENDING]
        desk.clock.move(seconds=PRUNE_SECONDS)
        await desk.service.prune()
        assert len(await desk.log()) == 2
        await desk.jobs.run()
    assert len(target.received) == 4


async def test_deliveries_of_a_rule_that_is_gone_are_forgotten(desk: Desk) -> None:
    async with receiver() as target:
        await _webhook(desk, target)
        await desk.happen(1, Change.OPENED)
        await desk.jobs.run()
    [rule] = await desk.settings.rules(OURS)
    desk.clock.move(seconds=KEPT_DELIVERIES.total_seconds() + 1)
    await desk.settings.delete_rule(OURS, rule.id)
    await desk.service.prune()
    assert await desk.log() == []
