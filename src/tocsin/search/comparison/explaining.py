"""Of several signs of one change, the one that says most; the others go with it.

A service whose errors doubled has a pattern that doubled, a level, a host: one change. A sign is explained by another
if, without the logs of that other, nothing of it is left.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.logmodel.levels import SEVERITY_RANGES, Level
from tocsin.search.comparison.candidates import LEAST_RATIO, Candidate, Tests, is_large_shift
from tocsin.search.comparison.contracts import SubjectKind
from tocsin.search.comparison.counted import Counted
from tocsin.search.comparison.ranks import Values, shifts_of
from tocsin.search.comparison.sampled import CountedValues, Numbers, Rows

MAX_LEADS = 60
"""Beyond so many changes each sign stands for itself: nobody reads further."""

BROAD_PATTERNS = 3
"""A service of which so many patterns changed alike is the change, and not they."""

LEAST_ERRORS = 2.0
"""What is left of a sign is nothing where it is within so many standard errors of no change."""

_MOSTLY = 0.8
_HALF = 0.5

Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Lead:
    """A change, and the other signs of it."""

    candidate: Candidate
    also: list[Candidate]


class Explainer:
    """Knows the logs behind each candidate."""

    def __init__(self, counted: Counted, rows: Rows, values: CountedValues, numbers: Numbers, tests: Tests) -> None:
        self._counted, self._rows, self._values, self._numbers, self._tests = counted, rows, values, numbers, tests
        self._masks: dict[tuple[SubjectKind, int], Mask | None] = {}

    def leads(self) -> list[Lead]:
        """The changes, the most telling first."""
        found: list[Lead] = []
        ordered = sorted(
            self._tests.candidates, key=lambda each: (self._generality(each), -each.score, each.kind, each.place)
        )
        for candidate in ordered:
            lead = next((each for each in found[:MAX_LEADS] if self._explains(each.candidate, candidate)), None)
            if lead is None:
                found.append(Lead(candidate, []))
            else:
                lead.also.append(candidate)
        return sorted(found, key=lambda each: (-each.candidate.score, each.candidate.kind, each.candidate.place))

    def _generality(self, candidate: Candidate) -> int:
        """What is asked first for an explanation of the others."""
        match candidate.kind:
            case SubjectKind.VOLUME:
                return 0
            case SubjectKind.SERVICE:
                return 1 if self._is_broad(candidate) else 5
            case SubjectKind.PATTERN:
                return 2
            case SubjectKind.NUMBER:
                return 3 if self._is_as_in_patterns(candidate) else 4
            case SubjectKind.METADATA_VALUE:
                return 3
            case _:
                return 6

    def _is_as_in_patterns(self, number: Candidate) -> bool:
        """Whether a number over all logs shifted much like it did within patterns."""
        name = self._numbers.names[number.place]
        if name.pattern is not None:
            return False
        within = [
            abs(each.effect)
            for each in self._tests.candidates
            if each.kind is SubjectKind.NUMBER and self._numbers.names[each.place].key == name.key
        ]
        return abs(number.effect) >= _HALF * float(np.median(within))

    def _is_broad(self, service: Candidate) -> bool:
        """Whether most patterns of a service went its way."""
        groups = self._counted.groups
        patterns = self._tests.rates[SubjectKind.PATTERN]
        of_service = np.bincount(
            groups.pattern,
            weights=(groups.before + groups.after) * (groups.service == service.place),
            minlength=patterns.p.size,
        )
        total = patterns.before + patterns.after
        own = (of_service >= _MOSTLY * total) & patterns.is_asked & (total >= 20)
        if own.sum() < BROAD_PATTERNS:
            return False
        middle = float(np.median(patterns.log_ratio[own]))
        return middle * service.effect > 0 and abs(middle) >= _HALF * abs(service.effect)

    def _explains(self, lead: Candidate, other: Candidate) -> bool:
        if lead.kind is SubjectKind.VOLUME:
            return self._is_of_the_tide(other)
        match other.kind:
            case SubjectKind.SERVICE | SubjectKind.LEVEL:
                return self._leaves_no_count(lead, other)
            case SubjectKind.PATTERN:
                return self._is_part_of(other, lead)
            case SubjectKind.METADATA_VALUE:
                return self._leaves_no_share(lead, other)
            case SubjectKind.NUMBER:
                return self._leaves_no_shift(lead, other)
            case _:
                return False

    def _is_of_the_tide(self, other: Candidate) -> bool:
        tide = self._tests.tide
        if tide is None or other.kind not in (SubjectKind.PATTERN, SubjectKind.SERVICE, SubjectKind.LEVEL):
            return False
        left = other.effect - float(np.log(tide.factor))
        error = float(self._tests.rates[other.kind].error[other.place])
        return abs(left) < max(float(np.log(LEAST_RATIO)), LEAST_ERRORS * error)

    def _leaves_no_count(self, lead: Candidate, other: Candidate) -> bool:
        """Whether the service or level has changed no more, without the logs of the lead."""
        groups = self._counted.groups
        place = {
            SubjectKind.PATTERN: groups.pattern,
            SubjectKind.SERVICE: groups.service,
            SubjectKind.LEVEL: groups.level,
        }
        tests = self._tests.rates[other.kind]
        if lead.kind in place:
            left = (place[other.kind] == other.place) & (place[lead.kind] != lead.place)
            before, after = float(groups.before[left].sum()), float(groups.after[left].sum())
            return self._is_nothing(other, before, after, float(tests.exposure_ratio[other.place]))
        marked = self._mask(lead)
        own = self._mask(other)
        if marked is None or own is None or lead.kind is not SubjectKind.METADATA_VALUE:
            return False
        left_before, left_after = self._counts_of(own & ~marked)
        whole_before, whole_after = self._counts_of(~marked)
        return self._is_nothing(other, left_before, left_after, whole_after / max(whole_before, 1))

    def _is_nothing(self, other: Candidate, before: float, after: float, ratio: float) -> bool:
        tests = self._tests.rates[other.kind]
        change = float(np.log((after + _HALF) / (before + _HALF)) - np.log(max(ratio, 1e-9)))
        if change * other.effect <= 0:
            return True
        error = float(tests.error[other.place]) * np.sqrt(
            _of_both(before, after) / _of_both(float(tests.before[other.place]), float(tests.after[other.place]))
        )
        return bool(abs(change) < max(float(np.log(LEAST_RATIO)), LEAST_ERRORS * error))

    def _is_part_of(self, pattern: Candidate, lead: Candidate) -> bool:
        """Whether a pattern went the way of the service that most of its logs are of."""
        if lead.kind is not SubjectKind.SERVICE:
            return False
        groups = self._counted.groups
        of_pattern = groups.pattern == pattern.place
        logs = groups.before + groups.after
        if logs[of_pattern & (groups.service == lead.place)].sum() < _MOSTLY * logs[of_pattern].sum():
            return False
        error = float(self._tests.rates[SubjectKind.PATTERN].error[pattern.place])
        same_way = pattern.effect * lead.effect > 0
        return same_way and abs(pattern.effect - lead.effect) < max(_HALF * abs(lead.effect), LEAST_ERRORS * error)

    def _leaves_no_share(self, lead: Candidate, value: Candidate) -> bool:
        """Whether the value's share among the rows with its key is as before, without the rows of the lead."""
        marked = self._mask(lead)
        own = self._mask(value)
        if marked is None or own is None:
            return False
        name = self._values.names[value.place]
        has_key = (
            self._rows.metadata[name.key].is_not_null().to_numpy() if name.value is not None else np.ones_like(own)
        )
        left_before, left_after = self._counts_of(own & ~marked)
        whole_before, whole_after = self._counts_of(has_key & ~marked)
        return self._is_nothing(value, left_before, left_after, whole_after / max(whole_before, 1))

    def _leaves_no_shift(self, lead: Candidate, number: Candidate) -> bool:
        name = self._numbers.names[number.place]
        if lead.kind is SubjectKind.NUMBER:
            other = self._numbers.names[lead.place]
            is_same = other.key == name.key and (name.key is not None or other.pattern == name.pattern)
            if is_same:
                return lead.effect * number.effect > 0 or name.pattern is None
            return False
        marked = self._mask(lead)
        if marked is None:
            return False
        values = self._numbers.values[number.place]
        kept = ~marked[self._numbers.rows[number.place]]
        left = Values(values=values.values[kept], is_after=values.is_after[kept], block=values.block[kept])
        if min(np.count_nonzero(left.is_after), np.count_nonzero(~left.is_after)) < 2:
            return True
        return not is_large_shift(shifts_of([left], blocks=self._rows.blocks)[0])

    def _counts_of(self, mask: Mask) -> tuple[float, float]:
        after = int(np.count_nonzero(mask & self._rows.is_after))
        return float(np.count_nonzero(mask) - after), float(after)

    def _mask(self, candidate: Candidate) -> Mask | None:
        """The rows of the sample behind a candidate; None where it is not about certain rows."""
        key = (candidate.kind, candidate.place)
        if key not in self._masks:
            self._masks[key] = self._new_mask(candidate)
        return self._masks[key]

    def _new_mask(self, candidate: Candidate) -> Mask | None:
        rows, place = self._rows, candidate.place
        match candidate.kind:
            case SubjectKind.PATTERN:
                return np.asarray(rows.pattern == np.uint64(self._counted.patterns.names[place]))
            case SubjectKind.SERVICE:
                service = self._counted.services.names[place]
                return np.asarray(rows.table["service"].to_numpy() == service, dtype=np.bool_)
            case SubjectKind.LEVEL:
                first, last = SEVERITY_RANGES[Level(str(self._counted.levels.names[place]))]
                severity = rows.table["severity_number"].to_numpy()
                return np.asarray((severity >= first) & (severity <= last))
            case SubjectKind.METADATA_VALUE:
                name = self._values.names[place]
                column = rows.metadata[name.key]
                present = column.is_not_null() if name.value is None else (column == name.value).fill_null(False)
                return present.to_numpy()
            case _:
                return None


def _of_both(before: float, after: float) -> float:
    return 1 / (before + _HALF) + 1 / (after + _HALF)
