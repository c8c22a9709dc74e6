"""Access tokens that ended before their time: known in every process within seconds, without a read a request."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from tocsin.accounts.access_tokens import ACCESS_TOKEN_SECONDS
from tocsin.accounts.contracts import Principal
from tocsin.accounts.fresh_reads import FreshReads
from tocsin.accounts.tables import RevocationRow
from tocsin.database.inserting import insert_into
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import Clock
from tocsin.kit.errors import ServiceUnavailable, Unauthenticated
from tocsin.kit.moments import NANOSECONDS_A_SECOND, unix_nano

#: Tokens made before an older revocation have ended by themselves; the clocks of two machines may differ by the rest.
_REMEMBERED = timedelta(seconds=ACCESS_TOKEN_SECONDS + 60)

log = structlog.get_logger(__name__)


class Revocations:
    """Who had their access tokens called back: sessions that ended, and people whose rights have changed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        #: What this process has called back itself, and need not read.
        self._own: dict[UUID, int] = {}
        self._reads: FreshReads[None, dict[UUID, int]] = FreshReads(self._read, clock)

    async def revoke(self, session: AsyncSession, *subject_ids: UUID) -> int:
        """In the caller's transaction: end the access tokens that these sessions or users have been given so far.

        Returns the moment, in nanoseconds since the epoch: tokens count that are made after it.
        """
        now_unix_nano = self._clock.now_unix_nano()
        # Rounded up: a token made within the same microsecond is one of those that end.
        moment = datetime.fromtimestamp(0, tz=UTC) + timedelta(microseconds=-(-now_unix_nano // 1_000))
        await session.execute(delete(RevocationRow).where(RevocationRow.revoked_at < moment - _REMEMBERED))
        if subject_ids:
            # In one order everywhere, so that two transactions never wait for each other.
            rows = [{"subject_id": subject_id, "revoked_at": moment} for subject_id in sorted(set(subject_ids))]
            added = insert_into(session, RevocationRow)
            latest = added.excluded.revoked_at
            await session.execute(
                added.on_conflict_do_update(
                    index_elements=[RevocationRow.subject_id],
                    set_={"revoked_at": latest},
                    where=RevocationRow.revoked_at < latest,
                ),
                rows,
            )
        revoked_unix_nano = unix_nano(moment)
        # Known here at once; if the transaction fails, tokens end that need not have: their owners get new ones.
        forgotten = revoked_unix_nano - _REMEMBERED // timedelta(microseconds=1) * 1_000
        self._own = {subject_id: at for subject_id, at in self._own.items() if at >= forgotten}
        self._own.update(dict.fromkeys(subject_ids, revoked_unix_nano))
        return revoked_unix_nano

    async def close(self) -> None:
        """Give up the reads that are under way."""
        await self._reads.close()

    async def check(self, principal: Principal) -> None:
        """Let a principal pass whose access token still counts.

        Raises:
            Unauthenticated: the token was called back.
        """
        read = await self._known()
        for subject_id in (principal.session_id, principal.user_id):
            if subject_id is None:
                continue
            revoked_unix_nano = max(read.get(subject_id, -1), self._own.get(subject_id, -1))
            if principal.issued_unix_nano <= revoked_unix_nano:
                raise Unauthenticated("the access token is no longer valid: get a new one, or sign in again")

    async def _known(self) -> dict[UUID, int]:
        try:
            return await self._reads.get(None)
        except ServiceUnavailable as error:
            # Reading logs goes on: what was called back meanwhile ends with its token, in minutes at the most.
            log.warning("accounts.revocations_not_read", reason=error.detail)
            return {}

    async def _read(self, _: None) -> dict[UUID, int]:
        since = datetime.fromtimestamp(self._clock.now_unix_nano() / NANOSECONDS_A_SECOND, tz=UTC) - _REMEMBERED
        recent = select(RevocationRow.subject_id, RevocationRow.revoked_at).where(RevocationRow.revoked_at >= since)
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            return {subject_id: unix_nano(moment) for subject_id, moment in await session.execute(recent)}
