"""One person's sessions through any order of events, beside a model of which of their tokens work."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.accounts.clock import HeldClock
from tests.accounts.conftest import DESK, SIGNING_KEYS, Installation
from tests.accounts.people import add_person, token_works, works
from tests.support.postgres import migrate
from tocsin.accounts.access_tokens import ACCESS_TOKEN_SECONDS
from tocsin.accounts.contracts import Role, SignIn
from tocsin.accounts.service import AccountsService
from tocsin.accounts.sessions import REFRESH_TOKEN_SECONDS, SESSION_SECONDS
from tocsin.database.service import Database
from tocsin.limits.backends.memory import MemoryRateLimiter

PASSWORDS = ("correct horse battery", "another battery staple")
EMAIL = "ada@example.com"

Answer = TypeVar("Answer")


@dataclass
class ModelSession:
    """What is true of one session, and every pair of tokens that it gave, with when."""

    began: float
    used: float
    ended: bool = False
    pairs: list[tuple[SignIn, float]] = field(default_factory=list)

    def lives(self, now: float) -> bool:
        return not self.ended and now < min(self.used + REFRESH_TOKEN_SECONDS, self.began + SESSION_SECONDS)


class PersonsSessions(RuleBasedStateMachine):
    """Signing in, refreshing with new and used tokens, signing out, time, and changes of the password."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = Path(tempfile.mkdtemp(prefix="tocsin-sessions-"))
        shutil.copy(self.template, self.directory / "tocsin.db")
        self.clock = HeldClock()
        self.database = Database(f"sqlite:///{self.directory / 'tocsin.db'}")
        self.accounts = AccountsService(
            self.database, signing_keys=SIGNING_KEYS, clock=self.clock, limiter=MemoryRateLimiter(self.clock)
        )
        self.now = 0.0
        self.password = 0
        self.sessions: list[ModelSession] = []
        self.run(self._begin())

    def run(self, attempt: Awaitable[Answer]) -> Answer:
        return self.loop.run_until_complete(asyncio.ensure_future(attempt, loop=self.loop))

    async def _begin(self) -> None:
        first_start = await self.accounts.first_start()
        assert first_start is not None
        installation = Installation(self.accounts, first_start, self.database, self.clock)
        await add_person(installation, "ada", Role.VIEWER)

    def teardown(self) -> None:
        self.run(self.accounts.close())
        self.run(self.database.close())
        self.loop.close()
        shutil.rmtree(self.directory)

    def _pass(self, seconds: float) -> None:
        self.clock.move(seconds=seconds)
        self.now += seconds

    def _opened(self, pair: SignIn) -> None:
        self.sessions.append(ModelSession(self.now, self.now, pairs=[(pair, self.now)]))

    @rule()
    def sign_in(self) -> None:
        self._pass(1)
        self._opened(self.run(self.accounts.login(EMAIL, PASSWORDS[self.password], DESK)))

    @precondition(lambda self: self.sessions)
    @rule(which=st.integers(0, 99), age=st.integers(0, 2))
    def refresh(self, which: int, age: int) -> None:
        self._pass(1)
        session = self.sessions[which % len(self.sessions)]
        age = min(age, len(session.pairs) - 1)
        token, made = session.pairs[-1 - age]
        expected = session.lives(self.now) and age == 0
        if expected:
            pair = self.run(self.accounts.sessions.refresh(token.refresh_token, DESK))
            session.used = self.now
            session.pairs.append((pair, self.now))
            return
        assert not self.run(works(self.accounts.sessions.refresh(token.refresh_token, DESK)))
        # A token that has expired says nothing any more: who shows it may have been asleep.
        if age > 0 and self.now < int(made) + token.refresh_expires_in_seconds:
            session.ended = True

    @precondition(lambda self: self.sessions)
    @rule(which=st.integers(0, 99))
    def sign_out(self, which: int) -> None:
        self._pass(1)
        session = self.sessions[which % len(self.sessions)]
        if not self._access_works(session, -1):
            return
        bearer = self.run(self.accounts.principal_of(session.pairs[-1][0].access.token))
        self.run(self.accounts.sessions.end_own(bearer))
        session.ended = True

    @precondition(lambda self: any(self._access_works(session, -1) for session in self.sessions))
    @rule()
    def change_password(self) -> None:
        self._pass(1)
        alive = [session for session in self.sessions if self._access_works(session, -1)]
        if not alive:
            return
        bearer = self.run(self.accounts.principal_of(alive[0].pairs[-1][0].access.token))
        old, self.password = self.password, 1 - self.password
        pair = self.run(self.accounts.change_password(bearer, PASSWORDS[old], PASSWORDS[self.password], DESK))
        for session in self.sessions:
            session.ended = True
        self._opened(pair)

    @rule(seconds=st.sampled_from([5, 600, 900, 3 * 24 * 3600, 7 * 24 * 3600 - 1, 7 * 24 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self._pass(seconds)

    def _access_works(self, session: ModelSession, index: int) -> bool:
        _, made = session.pairs[index]
        return not session.ended and self.now < int(made) + ACCESS_TOKEN_SECONDS

    @invariant()
    def access_tokens_work_as_the_model_says(self) -> None:
        for session in self.sessions:
            for index, (pair, _) in enumerate(session.pairs):
                expected = self._access_works(session, index)
                assert self.run(token_works(self.accounts, pair.access.token)) is expected


def test_tokens_work_as_a_simple_model_says(tmp_path: Path) -> None:
    PersonsSessions.template = tmp_path / "template.db"
    migrate(f"sqlite:///{PersonsSessions.template}")
    case: Any = PersonsSessions.TestCase
    case.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
    case().runTest()
