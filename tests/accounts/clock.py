"""A clock that moves when a test says so."""

from tocsin.kit.clock import Clock

START_UNIX_NANO = 1_764_763_200_123_456_789
_NANOSECONDS = 1_000_000_000


class HeldClock(Clock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self._unix_nano = START_UNIX_NANO

    def now_unix_nano(self) -> int:
        return self._unix_nano

    def move(self, *, seconds: float) -> None:
        self._unix_nano += int(seconds * _NANOSECONDS)
