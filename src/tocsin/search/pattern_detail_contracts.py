"""What other rooms see of one pattern's page."""

from dataclasses import dataclass

from tocsin.logmodel.levels import Level
from tocsin.logmodel.log import Log
from tocsin.logstore.ports import TimeRange
from tocsin.patterns.contracts import Pattern
from tocsin.patterns.quantities import Unit
from tocsin.patterns.variables import Variable
from tocsin.search.contracts import ValueCount


@dataclass(frozen=True, slots=True)
class ValueShare:
    """A value of a variable, how many logs have it, and their share of those that have any."""

    value: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class NumberBin:
    """How many numbers there are from ``start`` to just before ``end``; the last bin holds its end too."""

    start: float
    end: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberDistribution:
    """The values of a variable that are numbers."""

    #: What all numbers here are given in; None where the values have no unit.
    unit: Unit | None
    #: How many logs have a number, and not a text that stands for none.
    count: int
    minimum: float
    maximum: float
    mean: float
    #: By name, ``p50`` …: the smallest number that at least this share of the numbers does not exceed.
    quantiles: dict[str, float]
    #: They follow each other without a gap; each is as much wider than the one before where ``is_logarithmic``.
    bins: list[NumberBin]
    is_logarithmic: bool
    #: By name, one for each interval of the answer; None where it has no number.
    over_time: dict[str, list[float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableDistribution:
    """What stands in one wildcard of a pattern's template."""

    variable: Variable
    #: How many logs have a value here; those that do not fit the template have none.
    count: int
    #: How many different values were read.
    distinct: int
    #: The most frequent ones, most logs first; cut where they are long.
    values: list[ValueShare]
    #: None where the values are not numbers that measure one thing.
    numbers: NumberDistribution | None


@dataclass(frozen=True, slots=True)
class ShapeOfPattern:
    """A shape of a pattern, and how many logs have it."""

    shape: int
    #: The message with its variable parts masked; cut where it is long, as values are.
    template: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternDetails:
    """One pattern, and what its logs that match are like.

    The variables are of ``logs_read`` logs. Where these are fewer than ``count``, they are a sample over the time
    range, and counts and shares are estimates for all: each log that was read stands for others of its interval.
    """

    time_range: TimeRange
    interval_nano: int
    #: The starts of the intervals, in nanoseconds since 1970.
    starts: range
    pattern: Pattern
    count: int
    #: One for each interval.
    counts: list[int]
    #: Timestamps of the first and last log; None where there is none.
    first_unix_nano: int | None
    last_unix_nano: int | None
    levels: dict[Level, int]
    #: Most logs first.
    services: list[ValueCount]
    #: The newest log of each of the most frequent shapes.
    exemplars: list[Log]
    #: The most frequent ones, most logs first.
    shapes: list[ShapeOfPattern]
    #: How many shapes the logs have in all.
    shape_total: int
    logs_read: int
    #: In the order of the template's wildcards.
    variables: list[VariableDistribution]
