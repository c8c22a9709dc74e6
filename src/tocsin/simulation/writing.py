"""Puts lines into the order of time, whoever writes them when."""

from collections import defaultdict
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter

SECOND_NANO = 1_000_000_000
_when = itemgetter(0)


class _Skewed(str):
    """What follows the fraction of a second, behind a time of its own."""

    __slots__ = ("head",)
    head: str


class Writer:
    """Keeps what was written for later, second by second, and hands out each second once it is over."""

    def __init__(self) -> None:
        #: By second: when each line is written, and what follows the fraction of a second in it.
        self.seconds: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
        self._skewed: set[int] = set()

    def add(self, at: int, rest: str, skew_nano: int) -> None:
        """Write a line; a clock that is wrong changes what is written, not when."""
        if not skew_nano:
            self.seconds[at // SECOND_NANO].append((at, rest))
            return
        shown, nano = divmod(at + skew_nano, SECOND_NANO)
        text = _Skewed(rest)
        text.head = f"{_head(shown)}{nano:09d}"
        self.seconds[at // SECOND_NANO].append((at, text))
        self._skewed.add(at // SECOND_NANO)

    def take(self, second: int) -> list[str]:
        """All lines of a second, in order; nothing may be written for it afterwards."""
        lines = self.seconds.pop(second, None)
        if lines is None:
            return []
        lines.sort(key=_when)
        head, begin = _head(second), second * SECOND_NANO
        if second in self._skewed:
            self._skewed.remove(second)
            return [
                f"{rest.head}{rest}" if isinstance(rest, _Skewed) else f"{head}{at - begin:09d}{rest}"
                for at, rest in lines
            ]
        return [f"{head}{at - begin:09d}{rest}" for at, rest in lines]


def _head(second: int) -> str:
    return f'{{"timestamp":"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.'


@lru_cache(maxsize=64)
def common_log_time(second: int) -> str:
    """A moment as access logs have it."""
    return f"{datetime.fromtimestamp(second, UTC):%d/%b/%Y:%H:%M:%S +0000}"
