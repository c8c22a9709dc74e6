"""The application's guard, for tests of one room."""

from tocsin.api.access import AccessGuard
from tocsin.kit.clock import SystemClock
from tocsin.kit.settings import LimitSettings
from tocsin.limits.backends.memory import MemoryRateLimiter

_UNLIMITED = LimitSettings(sign_in=None, read=None, write=None, ingest=None, strangers=None)


def access_guard() -> AccessGuard:
    """A guard with the rules of the application, that lets everybody call as often as they like."""
    return AccessGuard(MemoryRateLimiter(SystemClock()), _UNLIMITED)
