"""What stands in the database of a channel's secret."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from tests.notifications.conftest import KEYS, OURS, SECRET, Desk
from tests.notifications.doubles import receiver
from tocsin.accounts.signing_keys import SIGNING_KEY_BYTES, SigningKeys
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.incidents.contracts import Change
from tocsin.kit.errors import InvalidRequest
from tocsin.notifications.administration import ChannelDraft
from tocsin.notifications.contracts import Channel, ChannelKind, DeliveryStatus
from tocsin.notifications.repository import NotificationsRepository
from tocsin.notifications.sealing import Sealer, Unreadable
from tocsin.notifications.tables import ChannelRow

NEW_KEYS = SigningKeys.of(b"n" * SIGNING_KEY_BYTES, b"k" * SIGNING_KEY_BYTES)
CHANNEL = Channel(
    id=UUID(int=3),
    organization_id=OURS,
    name="mail",
    kind=ChannelKind.EMAIL,
    settings={"host": "smtp.example", "from": "a@b.example"},
    secret="pässwörd of the mail server",
    per_minute=1,
    created_at=datetime(2026, 11, 25, tzinfo=UTC),
)
WITHOUT = replace(CHANNEL, secret="")


def _sealed(channel: Channel = CHANNEL, keys: SigningKeys = KEYS) -> bytes:
    sealed = Sealer(keys).seal(channel)
    assert sealed is not None
    return sealed


async def _kept(database: Database) -> bytes:
    async with database.read_session(ALL_ORGANIZATIONS) as session:
        [row] = await session.scalars(select(ChannelRow))
        assert row.sealed_secret is not None
        return row.sealed_secret


def test_what_is_sealed_opens_for_its_channel_and_can_not_be_read() -> None:
    sealed = _sealed()
    assert Sealer(KEYS).opened(WITHOUT, sealed) == CHANNEL
    assert not any(word.encode() in sealed for word in CHANNEL.secret.split())
    assert _sealed() != sealed
    assert Sealer(KEYS).seal(WITHOUT) is None
    assert Sealer(KEYS).opened(WITHOUT, None) == WITHOUT


@pytest.mark.parametrize(
    "members",
    [
        {"settings": {"host": "smtp.evil.example", "from": "a@b.example"}},
        {"kind": ChannelKind.WEBHOOK},
        {"id": uuid4()},
        {"organization_id": uuid4()},
    ],
)
def test_it_opens_for_nothing_else(members: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="not sealed for this channel"):
        Sealer(KEYS).opened(replace(WITHOUT, **members), _sealed())
    renamed = replace(WITHOUT, name="other", per_minute=2, settings=dict(sorted(WITHOUT.settings.items())))
    assert Sealer(KEYS).opened(renamed, _sealed()).secret == CHANNEL.secret


def test_what_was_changed_or_cut_does_not_open() -> None:
    sealed = _sealed()
    for place in range(len(sealed)):
        with pytest.raises(Unreadable):
            Sealer(KEYS).opened(WITHOUT, sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])
        with pytest.raises(Unreadable):
            Sealer(KEYS).opened(WITHOUT, sealed[:place])


def test_it_opens_with_an_older_signing_key_until_that_is_dropped() -> None:
    sealed = _sealed()
    assert Sealer(NEW_KEYS).opened(WITHOUT, sealed) == CHANNEL
    assert (Sealer(KEYS).is_current(sealed), Sealer(NEW_KEYS).is_current(sealed)) == (True, False)
    with pytest.raises(Unreadable, match="its signing key is no longer"):
        Sealer(SigningKeys.of(b"n" * SIGNING_KEY_BYTES)).opened(WITHOUT, sealed)


async def test_no_secret_stands_in_the_database(desk: Desk, database: Database) -> None:
    channel = await desk.channel(ChannelKind.SLACK, "https://hooks.example/services/T0/B0/xyz")
    sealed = await _kept(database)
    assert b"hooks" not in sealed
    assert [each.secret for each in await desk.settings.channels(OURS)] == [channel.secret]
    assert channel.secret not in repr(channel)


async def test_a_start_seals_with_the_new_signing_key(desk: Desk, database: Database) -> None:
    await desk.channel(ChannelKind.PAGERDUTY)
    before = await _kept(database)
    assert await NotificationsRepository(database, Sealer(KEYS)).reseal() == 0
    assert await _kept(database) == before
    assert await NotificationsRepository(database, Sealer(NEW_KEYS)).reseal() == 1
    alone = NotificationsRepository(database, Sealer(SigningKeys.of(b"n" * SIGNING_KEY_BYTES)))
    assert [each.secret for each in await alone.channels(OURS)] == [SECRET]
    assert await alone.reseal() == 0


async def test_a_lost_secret_is_said_and_set_again(desk: Desk, database: Database) -> None:
    async with receiver() as target:
        channel = await desk.channel(ChannelKind.WEBHOOK, settings={"url": target.url})
        await desk.rule(channel)
        # Somebody who can write to the database would have it sent to their own server.
        async with database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(update(ChannelRow).values(settings={"url": f"{target.url}/evil"}))
        await desk.happen(1, Change.OPENED)
        await desk.jobs.run()
        assert target.received == []
    [delivery] = await desk.log()
    assert delivery.status is DeliveryStatus.FAILED
    assert delivery.reason == "the secret of the channel can't be read any more; set it again"
    [found] = await desk.settings.channels(OURS)
    assert (found.secret_is_lost, found.secret, found.secret_hint) == (True, "", "")
    draft = ChannelDraft(name="n", kind=channel.kind, settings=channel.settings, secret=None, per_minute=1)
    with pytest.raises(InvalidRequest, match="give it again"):
        await desk.settings.change_channel(OURS, channel.id, draft)
    again = await desk.settings.change_channel(OURS, channel.id, replace(draft, secret=SECRET))
    assert await desk.settings.channel(OURS, channel.id) == again
