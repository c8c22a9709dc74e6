"""The rows of notifications: channels, rules, deliveries, and how far events were followed."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from tocsin.database.inserting import insert_into
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.incidents.contracts import Change, IncidentChanged, Severity
from tocsin.notifications.contracts import OVER, Channel, ChannelKind, Delivery, DeliveryStatus, Hours, Rule
from tocsin.notifications.sealing import Sealer, Unreadable
from tocsin.notifications.tables import ChannelRow, DeliveryRow, PositionRow, RuleRow

KEPT_DELIVERIES_LISTED = 200
"""The most that are listed at once."""

_IDS_A_STATEMENT = 500
"""SQLite takes some thousands of values in one statement."""

log = structlog.get_logger(__name__)

_DONE = (DeliveryStatus.SENT, DeliveryStatus.GROUPED)


class NotificationsRepository:
    """Every method may raise ``ServiceUnavailable``."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def organizations(self) -> list[UUID]:
        """Those that have rules."""
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            return list(await session.scalars(select(RuleRow.organization_id).distinct()))

    async def channels(self, organization_id: UUID) -> list[Channel]:
        """Every channel, oldest first."""
        asked = select(ChannelRow).where(ChannelRow.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            rows = await session.scalars(asked.order_by(ChannelRow.created_at, ChannelRow.id))
            return [self._opened(row) for row in rows]

    async def channel(self, organization_id: UUID, channel_id: UUID) -> Channel | None:
        """One channel."""
        asked = select(ChannelRow).where(ChannelRow.organization_id == organization_id, ChannelRow.id == channel_id)
        async with self._database.read_session(organization_id) as session:
            row = (await session.scalars(asked)).one_or_none()
            return None if row is None else self._opened(row)

    async def save_channel(self, channel: Channel) -> None:
        """Keep a channel, in place of the one with its id."""
        values = {
            "name": channel.name,
            "kind": channel.kind.value,
            "settings": dict(channel.settings),
            "sealed_secret": self._sealer.seal(channel),
            "per_minute": channel.per_minute,
        }
        identity = {"id": channel.id, "organization_id": channel.organization_id, "created_at": channel.created_at}
        async with self._database.session(channel.organization_id) as session:
            await _put(session, ChannelRow, values, identity)

    async def reseal(self) -> int:
        """Seal every secret with the signing key that signs now, so that older ones can be dropped; how many were."""
        resealed = 0
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            rows = (await session.scalars(select(ChannelRow).where(ChannelRow.sealed_secret.is_not(None)))).all()
            for row in rows:
                channel = self._opened(row)
                if channel.secret_is_lost or self._sealer.is_current(row.sealed_secret):
                    continue
                # Unless another process has changed it meanwhile.
                same = (ChannelRow.id == row.id, ChannelRow.sealed_secret == row.sealed_secret)
                await session.execute(update(ChannelRow).where(*same).values(sealed_secret=self._sealer.seal(channel)))
                resealed += 1
        return resealed

    async def delete_channel(self, organization_id: UUID, channel_id: UUID) -> bool:
        """Forget a channel; False where there is none."""
        gone = delete(ChannelRow).where(ChannelRow.organization_id == organization_id, ChannelRow.id == channel_id)
        async with self._database.session(organization_id) as session:
            return (await session.scalars(gone.returning(ChannelRow.id))).one_or_none() is not None

    async def rules(self, organization_id: UUID) -> list[Rule]:
        """Every rule, oldest first."""
        asked = select(RuleRow).where(RuleRow.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            return [_rule(row) for row in await session.scalars(asked.order_by(RuleRow.created_at, RuleRow.id))]

    async def save_rule(self, rule: Rule) -> None:
        """Keep a rule, in place of the one with its id."""
        values = {
            "name": rule.name,
            "channel_id": rule.channel_id,
            "severities": sorted(rule.severities),
            "services": sorted(rule.services),
            "hours": msgspec.to_builtins(rule.hours),
        }
        identity = {"id": rule.id, "organization_id": rule.organization_id, "created_at": rule.created_at}
        async with self._database.session(rule.organization_id) as session:
            await _put(session, RuleRow, values, identity)

    async def delete_rule(self, organization_id: UUID, rule_id: UUID) -> bool:
        """Forget a rule; False where there is none."""
        gone = delete(RuleRow).where(RuleRow.organization_id == organization_id, RuleRow.id == rule_id)
        async with self._database.session(organization_id) as session:
            return (await session.scalars(gone.returning(RuleRow.id))).one_or_none() is not None

    async def position(self, organization_id: UUID) -> int:
        """Up to which sequence events were followed."""
        asked = select(PositionRow.sequence).where(PositionRow.organization_id == organization_id)
        async with self._database.read_session(organization_id) as session:
            return (await session.scalar(asked)) or 0

    async def move(self, organization_id: UUID, sequence: int) -> None:
        """Keep how far events were followed; never back."""
        async with self._database.session(organization_id) as session:
            made = insert_into(session, PositionRow).values(organization_id=organization_id, sequence=sequence)
            moved = made.on_conflict_do_update(
                index_elements=["organization_id"],
                set_={"sequence": made.excluded.sequence},
                where=PositionRow.sequence < made.excluded.sequence,
            )
            await session.execute(moved)

    async def was_told(self, organization_id: UUID, rule_id: UUID, incident_id: UUID) -> bool:
        """Whether the rule has a delivery of this incident."""
        theirs = select(
            exists().where(
                DeliveryRow.organization_id == organization_id,
                DeliveryRow.rule_id == rule_id,
                DeliveryRow.incident_id == incident_id,
            )
        )
        async with self._database.read_session(organization_id) as session:
            return bool(await session.scalar(theirs))

    async def add_delivery(self, delivery_id: UUID, rule: Rule, event: IncidentChanged, *, now: datetime) -> None:
        """Keep what is to be said; once for each id."""
        async with self._database.session(rule.organization_id) as session:
            made = insert_into(session, DeliveryRow).values(
                id=delivery_id,
                organization_id=rule.organization_id,
                rule_id=rule.id,
                channel_id=rule.channel_id,
                incident_id=event.incident.id,
                sequence=event.sequence,
                change=event.change.value,
                event=msgspec.to_builtins(event),
                status=DeliveryStatus.PENDING.value,
                reason="",
                attempts=0,
                created_at=now,
            )
            await session.execute(made.on_conflict_do_nothing(index_elements=["id"]))

    async def is_pending(self, organization_id: UUID, delivery_id: UUID) -> bool:
        """Whether this delivery's own message is still to be sent."""
        asked = select(DeliveryRow.id).where(
            DeliveryRow.organization_id == organization_id,
            DeliveryRow.id == delivery_id,
            DeliveryRow.status == DeliveryStatus.PENDING.value,
            DeliveryRow.sent_with.is_(None) | (DeliveryRow.sent_with == delivery_id),
        )
        async with self._database.read_session(organization_id) as session:
            return await session.scalar(asked) is not None

    async def claim(
        self, organization_id: UUID, delivery_id: UUID, *, now: datetime
    ) -> tuple[Delivery, list[IncidentChanged]] | None:
        """Take a delivery, with all of its rule and incident that nobody has taken: one message says them.

        Counts an attempt. None where another message says it, or where something newer was said already.
        """
        async with self._database.session(organization_id) as session:
            mine = (DeliveryRow.organization_id == organization_id, DeliveryRow.id == delivery_id)
            own = (await session.scalars(select(DeliveryRow).where(*mine).with_for_update())).one_or_none()
            if own is None or own.status != DeliveryStatus.PENDING or own.sent_with not in {None, own.id}:
                return None
            same = (DeliveryRow.rule_id == own.rule_id, DeliveryRow.incident_id == own.incident_id)
            pending = (*same, DeliveryRow.organization_id == organization_id, DeliveryRow.status == "pending")
            free = (*pending, DeliveryRow.sent_with.is_(None))
            await session.execute(update(DeliveryRow).where(*free).values(sent_with=own.id))
            theirs = (*pending, DeliveryRow.sent_with == own.id)
            await session.execute(update(DeliveryRow).where(*theirs).values(attempts=DeliveryRow.attempts + 1))
            rows = (await session.scalars(select(DeliveryRow).where(*theirs).order_by(DeliveryRow.sequence))).all()
            newest_said = await session.scalar(
                select(func.max(DeliveryRow.sequence)).where(*same, DeliveryRow.status.in_(_DONE))
            )
            await session.refresh(own)
            if newest_said is not None and rows[-1].sequence < newest_said:
                values = {"status": "superseded", "reason": "a newer change was sent", "finished_at": now}
                await session.execute(update(DeliveryRow).where(*theirs).values(**values))
                return None
            return _delivery(own), [msgspec.convert(row.event, IncidentChanged) for row in rows]

    async def finish(
        self, organization_id: UUID, delivery_id: UUID, status: DeliveryStatus, reason: str, *, now: datetime
    ) -> None:
        """Note what became of a message, for every change that it says."""
        same = (
            DeliveryRow.organization_id == organization_id,
            DeliveryRow.sent_with == delivery_id,
            DeliveryRow.status == DeliveryStatus.PENDING.value,
        )
        values: dict[str, Any] = {"status": status.value, "reason": reason, "finished_at": now}
        async with self._database.session(organization_id) as session:
            own = update(DeliveryRow).where(*same, DeliveryRow.id == delivery_id)
            await session.execute(own.values(**values))
            if status is DeliveryStatus.SENT:
                values["status"] = DeliveryStatus.GROUPED.value
            await session.execute(update(DeliveryRow).where(*same).values(**values))

    async def note(self, organization_id: UUID, delivery_id: UUID, reason: str) -> None:
        """Say why a message still waits."""
        waiting = update(DeliveryRow).where(
            DeliveryRow.organization_id == organization_id,
            (DeliveryRow.sent_with == delivery_id) | (DeliveryRow.id == delivery_id),
            DeliveryRow.status == DeliveryStatus.PENDING.value,
        )
        async with self._database.session(organization_id) as session:
            await session.execute(waiting.values(reason=reason))

    async def forget_deliveries(self, before: datetime) -> int:
        """Forget what was said before this moment; how many deliveries.

        What a rule was told of an incident stays until it has been told that the incident is over: or it would never
        hear of it.
        """
        over = aliased(DeliveryRow)
        is_over = exists().where(
            over.rule_id == DeliveryRow.rule_id,
            over.incident_id == DeliveryRow.incident_id,
            over.sequence >= DeliveryRow.sequence,
            over.change.in_([change.value for change in OVER]),
            over.status != DeliveryStatus.PENDING.value,
        )
        has_rule = exists().where(RuleRow.id == DeliveryRow.rule_id)
        old = (DeliveryRow.created_at < before, DeliveryRow.status != DeliveryStatus.PENDING.value)
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            gone = (await session.scalars(select(DeliveryRow.id).where(*old, is_over | ~has_rule))).all()
            for start in range(0, len(gone), _IDS_A_STATEMENT):
                some = gone[start : start + _IDS_A_STATEMENT]
                await session.execute(delete(DeliveryRow).where(DeliveryRow.id.in_(some)))
        return len(gone)

    async def deliveries(self, organization_id: UUID, *, limit: int) -> list[Delivery]:
        """The newest ones first."""
        asked = select(DeliveryRow).where(DeliveryRow.organization_id == organization_id)
        ordered = asked.order_by(DeliveryRow.created_at.desc(), DeliveryRow.sequence.desc(), DeliveryRow.id)
        async with self._database.read_session(organization_id) as session:
            return [_delivery(row) for row in await session.scalars(ordered.limit(limit))]

    def _opened(self, row: ChannelRow) -> Channel:
        channel = _channel(row)
        try:
            return self._sealer.opened(channel, row.sealed_secret)
        except Unreadable as error:
            log.warning("notifications.secret_lost", channel_id=str(channel.id), reason=str(error))
            return replace(channel, secret_is_lost=True)


async def _put(
    session: AsyncSession, table: type[ChannelRow] | type[RuleRow], values: dict[str, Any], identity: dict[str, Any]
) -> None:
    made = insert_into(session, table).values(**identity, **values)
    kept = table.organization_id == identity["organization_id"]
    await session.execute(made.on_conflict_do_update(index_elements=["id"], set_=values, where=kept))


def _channel(row: ChannelRow) -> Channel:
    return Channel(
        id=row.id,
        organization_id=row.organization_id,
        name=row.name,
        kind=ChannelKind(row.kind),
        settings=row.settings,
        secret="",
        per_minute=row.per_minute,
        created_at=row.created_at,
    )


def _rule(row: RuleRow) -> Rule:
    return Rule(
        id=row.id,
        organization_id=row.organization_id,
        name=row.name,
        channel_id=row.channel_id,
        severities=frozenset(map(Severity, row.severities)),
        services=frozenset(row.services),
        hours=msgspec.convert(row.hours, Hours),
        created_at=row.created_at,
    )


def _delivery(row: DeliveryRow) -> Delivery:
    return Delivery(
        id=row.id,
        rule_id=row.rule_id,
        channel_id=row.channel_id,
        incident_id=row.incident_id,
        sequence=row.sequence,
        change=Change(row.change),
        status=DeliveryStatus(row.status),
        reason=row.reason,
        attempts=row.attempts,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
