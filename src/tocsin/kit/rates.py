"""Rates: how many in how long, as a setting says it and as the port of the limits takes it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in a period, spread as the caller likes: all of them may come at once.

    Raises:
        ValueError: at construction, for a rate that lets nothing through.
    """

    count: int
    period_seconds: float

    def __post_init__(self) -> None:
        if self.count < 1 or not self.period_seconds > 0:
            raise ValueError(f"a rate lets at least one through in some time, not {self.count}/{self.period_seconds}")
