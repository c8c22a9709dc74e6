"""Personal access tokens: a person's rights, or some of them, for programs of their own."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from sqlalchemy import ColumnElement, func, select, update

from tocsin.accounts import repository
from tocsin.accounts.contracts import IssuedPersonalToken, PersonalTokenSummary, Principal, Scope
from tocsin.accounts.key_secrets import PERSONAL_TOKEN
from tocsin.accounts.recognition import KnownKey, Recognition, Rehash
from tocsin.accounts.signing_keys import SigningKeys
from tocsin.accounts.tables import PersonalTokenRow
from tocsin.database.scopes import ALL_ORGANIZATIONS
from tocsin.database.service import Database
from tocsin.kit.clock import Clock, utc_now
from tocsin.kit.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated
from tocsin.kit.moments import unix_nano

#: Nobody looks after a token for longer than this without having to.
MAX_LIFETIME = timedelta(days=366)

#: Of one person in one organization: all of them are listed at once.
MAX_PERSONAL_TOKENS = 100

log = structlog.get_logger(__name__)


class PersonalTokens:
    """The personal access tokens of everybody."""

    def __init__(self, database: Database, *, keys: SigningKeys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._recognition: Recognition[Principal] = Recognition(
            PERSONAL_TOKEN,
            called="the personal access token",
            keys=keys,
            clock=clock,
            find=self._find,
            record_use=self._record_use,
        )

    async def authenticate(self, secret: str) -> Principal:
        """Whose token this is, with the role that they have now.

        Raises:
            Unauthenticated: nobody's, or it has expired, or it was revoked, or its owner has left, more than 5 s ago.
        """
        return await self._recognition.recognize(secret)

    async def create(
        self, principal: Principal, *, name: str, scopes: Collection[Scope], expires_at: datetime
    ) -> IssuedPersonalToken:
        """Issue a token. Its secret is in the answer and nowhere else.

        Raises:
            InvalidRequest: no scope is named, or the end is past or too far.
            Conflict: the person has ``MAX_PERSONAL_TOKENS``.
            Forbidden: the local operator has no tokens but the ones that they sign.
        """
        now = utc_now(self._clock)
        if not scopes:
            raise InvalidRequest("name at least one scope")
        if not now < expires_at <= now + MAX_LIFETIME:
            raise InvalidRequest(f"expires_at is past, or more than {MAX_LIFETIME.days} days away")
        secret = PERSONAL_TOKEN.new()
        row = PersonalTokenRow(
            id=uuid4(),
            organization_id=principal.organization_id,
            user_id=principal.user_id,
            name=name,
            prefix=PERSONAL_TOKEN.prefix_of(secret),
            keyed_hash=PERSONAL_TOKEN.keyed_hash(secret, self._keys.current),
            signing_key_id=self._keys.current.id,
            scopes=sorted(set(scopes)),
            created_at=now,
            last_used_at=None,
            expires_at=expires_at,
            revoked_at=None,
        )
        async with self._database.session(principal.organization_id) as session:
            if await repository.held_member(session, principal.user_id, principal.organization_id) is None:
                raise Forbidden("only a user of the organization can have tokens")
            valid = select(func.count()).where(*_of(principal), PersonalTokenRow.revoked_at.is_(None))
            if (await session.execute(valid)).scalar_one() >= MAX_PERSONAL_TOKENS:
                raise Conflict(f"you have {MAX_PERSONAL_TOKENS} tokens; revoke one first")
            session.add(row)
        log.info("accounts.personal_token_created", token_id=str(row.id), user_id=str(principal.user_id))
        return IssuedPersonalToken(_summary(row), secret)

    async def all_of(self, principal: Principal) -> list[PersonalTokenSummary]:
        """The person's tokens in the organization that are not revoked, newest first."""
        valid = select(PersonalTokenRow).where(*_of(principal), PersonalTokenRow.revoked_at.is_(None))
        async with self._database.read_session(principal.organization_id) as session:
            rows = await session.scalars(valid.order_by(PersonalTokenRow.created_at.desc(), PersonalTokenRow.id))
            return [_summary(row) for row in rows]

    async def revoke(self, principal: Principal, token_id: UUID) -> None:
        """Make a token invalid, in every process within 5 s.

        Raises:
            NotFound: the person has no such token in this organization.
        """
        revoked = (
            update(PersonalTokenRow)
            .where(*_of(principal), PersonalTokenRow.id == token_id)
            .values(revoked_at=func.coalesce(PersonalTokenRow.revoked_at, utc_now(self._clock)))
            .returning(PersonalTokenRow.prefix)
        )
        async with self._database.session(principal.organization_id) as session:
            prefix = (await session.scalars(revoked)).one_or_none()
        if prefix is None:
            raise NotFound("you have no such token")
        self._recognition.forget(prefix)
        log.info("accounts.personal_token_revoked", token_id=str(token_id), user_id=str(principal.user_id))

    async def revoke_all(self, user_id: UUID) -> None:
        """Make every token of a person invalid, in all their organizations, in every process within 5 s."""
        revoked = (
            update(PersonalTokenRow)
            .where(PersonalTokenRow.user_id == user_id, PersonalTokenRow.revoked_at.is_(None))
            .values(revoked_at=utc_now(self._clock))
        )
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await session.execute(revoked)
        self._recognition.forget_all()

    async def check(self, principal: Principal) -> None:
        """Let a principal pass whose token still counts. Reads the database.

        Raises:
            Unauthenticated: it was revoked, or its owner has left the organization.
        """
        valid = select(PersonalTokenRow.id).where(
            *_of(principal),
            PersonalTokenRow.id == principal.personal_token_id,
            PersonalTokenRow.revoked_at.is_(None),
        )
        async with self._database.read_session(principal.organization_id) as session:
            if (await session.scalars(valid)).one_or_none() is None:
                raise Unauthenticated("the personal access token is not valid")

    async def close(self) -> None:
        """Give up the reads that are under way."""
        await self._recognition.close()

    def is_known(self, secret: str) -> bool:
        """Whether recognising a secret waits for no read."""
        return self._recognition.is_known(secret)

    def forget_all(self) -> None:
        """Read the rights behind every token anew: somebody's have changed."""
        self._recognition.forget_all()

    async def _find(self, prefix: str) -> KnownKey[Principal] | None:
        valid = select(PersonalTokenRow).where(PersonalTokenRow.prefix == prefix, PersonalTokenRow.revoked_at.is_(None))
        async with self._database.read_session(ALL_ORGANIZATIONS) as session:
            row = (await session.scalars(valid)).one_or_none()
            user = None if row is None else await repository.member(session, row.user_id, row.organization_id)
        if row is None or user is None:
            return None
        return KnownKey(
            id=row.id,
            identity=user.principal(
                scopes=_scopes(row), personal_token_id=row.id, expires_unix_nano=unix_nano(row.expires_at)
            ),
            keyed_hash=row.keyed_hash,
            signing_key_id=row.signing_key_id,
            last_used_unix_nano=None if row.last_used_at is None else unix_nano(row.last_used_at),
            expires_unix_nano=unix_nano(row.expires_at),
        )

    async def _record_use(self, token_id: UUID, rehash: Rehash | None) -> None:
        async with self._database.session(ALL_ORGANIZATIONS) as session:
            await repository.record_use(session, PersonalTokenRow, token_id, now=utc_now(self._clock), rehash=rehash)


def _of(principal: Principal) -> tuple[ColumnElement[bool], ...]:
    return (
        PersonalTokenRow.organization_id == principal.organization_id,
        PersonalTokenRow.user_id == principal.user_id,
    )


def _scopes(row: PersonalTokenRow) -> frozenset[Scope]:
    # A scope that a later version knew, and this one does not, opens nothing here.
    return frozenset(Scope(scope) for scope in row.scopes if scope in set(Scope))


def _summary(row: PersonalTokenRow) -> PersonalTokenSummary:
    return PersonalTokenSummary(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        scopes=_scopes(row),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
