"""Puts lines into the order of time, whoever writes them when."""

from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter

SECOND_NANO = 1_000_000_000
_when = itemgetter(0)


class Writer:
    """Keeps what was written for later, second by second, and hands out each second once it is over."""

    def __init__(self) -> None:
        self._seconds: dict[int, list[tuple[int, str]]] = {}
        self._heads: dict[int, str] = {}

    def add(self, at: int, rest: str, skew_nano: int = 0) -> None:
        """Write a line at a moment; ``rest`` is all that follows the fraction of a second.

        A skewed clock changes what is written, not when.
        """
        second, nano = divmod(at, SECOND_NANO)
        head = self._heads.get(second)
        if head is None:
            head = self._head(second)
        if skew_nano:
            shown, nano = divmod(at + skew_nano, SECOND_NANO)
            head = _head(shown)
        self._seconds[second].append((at, f"{head}{nano:09d}{rest}"))

    def take(self, second: int) -> list[str]:
        """All lines of a second, in order; nothing may be written for it afterwards."""
        lines = self._seconds.pop(second, None)
        if lines is None:
            return []
        del self._heads[second]
        lines.sort(key=_when)
        return [line for _, line in lines]

    def _head(self, second: int) -> str:
        head = self._heads[second] = _head(second)
        self._seconds[second] = []
        return head


def _head(second: int) -> str:
    return f'{{"timestamp":"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.'


@lru_cache(maxsize=64)
def common_log_time(second: int) -> str:
    """A moment as access logs have it."""
    return f"{datetime.fromtimestamp(second, UTC):%d/%b/%Y:%H:%M:%S +0000}"
