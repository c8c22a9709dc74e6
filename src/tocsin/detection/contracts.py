"""What other rooms see of detection."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tocsin.logmodel.levels import Level


class FindingKind(StrEnum):
    """What is surprising."""

    #: More logs of a pattern than its baseline explains.
    SPIKE = "spike"
    #: Fewer.
    DIP = "dip"
    #: A pattern that was never seen before.
    NEW_PATTERN = "new_pattern"
    #: A service, or a pattern that was always there, says nothing any more.
    SILENCE = "silence"
    #: A larger share of a service's logs, or of its requests, are errors.
    ERROR_RATIO = "error_ratio"
    #: The numbers in a pattern's variable moved: a latency, a size.
    VARIABLE_SHIFT = "variable_shift"
    #: A step that requests always took does not come any more.
    MISSING_STEP = "missing_step"


ABSENCES = frozenset({FindingKind.DIP, FindingKind.SILENCE, FindingKind.MISSING_STEP})
"""What is surprising for staying away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What shows it: a question that can be asked again, and what it answered."""

    #: In the query language.
    query: str
    start_unix_nano: int
    #: The moment after the last.
    end_unix_nano: int
    #: How many logs it returned.
    count: int
    #: Ids of logs that show it best.
    log_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One statistical surprise about a service, or a pattern of it."""

    id: UUID
    kind: FindingKind
    service: str
    #: None where it is about the whole service.
    pattern: int | None
    #: The name or template of the pattern, for people; empty without one.
    template: str = ""
    level: Level
    #: When it began, as far as the counts tell.
    onset_unix_nano: int
    #: Until when it is known to last: later findings about the same replace earlier ones, and have the same id.
    last_unix_nano: int
    #: The negative decimal logarithm of how likely it is by chance, at most 300.
    score: float
    #: What the baseline expects in the evidence's time range, and what was there: logs, shares, or the variable's unit.
    expected: float
    observed: float
    #: The number of the pattern's wildcard whose values moved; None for other kinds.
    variable: int | None = None
    evidence: Evidence
    #: Whether it is reason enough for an incident; otherwise it can only be a part of one.
    opens: bool = True
    #: Whether it has ended; it is not told again then.
    is_over: bool = False
    #: Traces or requests that show it, a few.
    trace_ids: tuple[str, ...] = ()
