"""The application's guard, for tests of one room."""

from collections.abc import Mapping

from tocsin.accounts.access import Rule
from tocsin.api.access import AccessGuard
from tocsin.api.access_rules import RULES, Endpoint
from tocsin.kit.clock import SystemClock
from tocsin.kit.setting_sections import LimitSettings
from tocsin.limits.backends.memory import MemoryRateLimiter

_UNLIMITED = LimitSettings(sign_in=None, read=None, write=None, ingest=None, strangers=None)


def access_guard(rules: Mapping[Endpoint, Rule] = RULES) -> AccessGuard:
    """A guard with the rules of the application or others, that lets everybody call as often as they like."""
    return AccessGuard(MemoryRateLimiter(SystemClock()), _UNLIMITED, rules=rules)
