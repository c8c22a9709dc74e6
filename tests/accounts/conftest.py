from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.accounts.clock import HeldClock
from tocsin.accounts.access_tokens import AccessTokens
from tocsin.accounts.contracts import FirstStart, Origin, Principal
from tocsin.accounts.service import AccountsService
from tocsin.accounts.signing_keys import SigningKeys
from tocsin.database.service import Database
from tocsin.limits.backends.memory import MemoryRateLimiter

SIGNING_KEY = bytes(range(64))
SIGNING_KEYS = SigningKeys.of(SIGNING_KEY)
#: Where the people of these tests are.
DESK = Origin("192.0.2.7", "tests")


@dataclass(frozen=True)
class Installation:
    """Accounts after their first start."""

    accounts: AccountsService
    first_start: FirstStart
    database: Database
    clock: HeldClock

    def token_of(self, principal: Principal) -> str:
        """A token for anyone, whether or not they are in the database."""
        return AccessTokens(SIGNING_KEYS, self.clock).mint(principal).token

    def another_process(self) -> AccountsService:
        """Accounts over the same database with a memory of their own."""
        return AccountsService(
            self.database, signing_keys=SIGNING_KEYS, clock=self.clock, limiter=MemoryRateLimiter(self.clock)
        )


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
async def accounts(database: Database, clock: HeldClock) -> AsyncIterator[AccountsService]:
    """Accounts over an empty database."""
    service = AccountsService(database, signing_keys=SIGNING_KEYS, clock=clock, limiter=MemoryRateLimiter(clock))
    yield service
    await service.close()


@pytest.fixture
async def installation(accounts: AccountsService, database: Database, clock: HeldClock) -> Installation:
    first_start = await accounts.first_start()
    assert first_start is not None
    return Installation(accounts, first_start, database, clock)
