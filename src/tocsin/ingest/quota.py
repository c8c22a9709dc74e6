"""The daily quota: how many bytes an organization may send in a day (UTC)."""

from datetime import date
from uuid import UUID

import structlog

from tocsin.accounts.contracts import KeyIdentity
from tocsin.ingest import metrics
from tocsin.ingest.usage import UsageMeter
from tocsin.kit.clock import Clock
from tocsin.kit.errors import QuotaExceeded
from tocsin.kit.moments import NANOSECONDS_A_DAY, NANOSECONDS_A_SECOND

WARN_PERCENT = 80
"""From this share of the quota on, Tocsin's own log says once a day that it is nearly used up."""

MAX_RETRY_AFTER_SECONDS = 900
"""A sender need not wait for midnight to find out that the quota was raised."""


log = structlog.get_logger(__name__)


class DailyQuota:
    """Refuses the requests of an organization whose acknowledged bodies of today fill its quota.

    What is in work when the quota fills is still taken in, as is what other processes take in until they hear of it,
    a few seconds later.
    """

    def __init__(self, meter: UsageMeter, *, clock: Clock, ceiling_bytes: int | None) -> None:
        """Let no organization send more than ``ceiling_bytes``; its own quota counts where that is lower."""
        self._meter = meter
        self._clock = clock
        self._ceiling_bytes = ceiling_bytes
        self._warned: dict[UUID, date] = {}

    async def check(self, key: KeyIdentity) -> None:
        """Let a request pass.

        Raises:
            QuotaExceeded: the quota is used up; the next day begins in ``retry_after_seconds``.
        """
        quotas = [quota for quota in (self._ceiling_bytes, key.daily_quota_bytes) if quota is not None]
        if not quotas:
            return
        quota_bytes = min(quotas)
        used_bytes = await self._meter.bytes_of_today(key.organization_id)
        if used_bytes * 100 < quota_bytes * WARN_PERCENT:
            return
        self._warn_once_a_day(key.organization_id, used_bytes, quota_bytes)
        if used_bytes >= quota_bytes:
            metrics.QUOTA_REFUSED.inc()
            raise self._exceeded(used_bytes, quota_bytes)

    def _warn_once_a_day(self, organization_id: UUID, used_bytes: int, quota_bytes: int) -> None:
        today = self._meter.today()
        if self._warned.get(organization_id) == today:
            return
        self._warned[organization_id] = today
        log.warning(
            "ingest.quota_nearly_used",
            organization_id=str(organization_id),
            used_bytes=used_bytes,
            quota_bytes=quota_bytes,
        )

    def _exceeded(self, used_bytes: int, quota_bytes: int) -> QuotaExceeded:
        until_midnight = NANOSECONDS_A_DAY - self._clock.now_unix_nano() % NANOSECONDS_A_DAY
        return QuotaExceeded(
            f"your organization has sent {used_bytes:,} bytes today (UTC), its quota is {quota_bytes:,} bytes a day; "
            "send this again after midnight UTC, send less (GET /v1/ingest/usage says which key sends how much), or "
            "ask an administrator for a larger quota",
            retry_after_seconds=min(MAX_RETRY_AFTER_SECONDS, -(-until_midnight // NANOSECONDS_A_SECOND)),
        )
