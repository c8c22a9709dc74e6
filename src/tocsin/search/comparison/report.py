"""Candidates → changes as they are told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tocsin.logstore.ports import TimeRange
from tocsin.patterns.contracts import Pattern
from tocsin.query.tree import Node
from tocsin.search.comparison.candidates import ERROR_SEVERITY, Candidate, Tests
from tocsin.search.comparison.contracts import (
    Change,
    ChangeKind,
    Evidence,
    Side,
    Subject,
    SubjectKind,
)
from tocsin.search.comparison.counted import Counted
from tocsin.search.comparison.explaining import Lead
from tocsin.search.comparison.sampled import CountedValues, Numbers, ValueOf
from tocsin.search.comparison.words import query_of, sentence_of

SEVERE = 1.5
"""How much more than others a change of patterns and levels counts that are errors."""

MAX_ALSO = 10
"""Other signs of a change that are told with it, the most telling first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is known of everything that is told."""

    counted: Counted
    values: CountedValues
    numbers: Numbers
    tests: Tests
    before: TimeRange
    after: TimeRange
    query: Node
    patterns: Mapping[int, Pattern]
    pattern_of: Callable[[int], int | None]
    #: The text of a shape without a pattern.
    shape_texts: Mapping[int, str]
    #: Whether all rows were looked at, and not only a sample.
    is_whole: bool
    #: A metadata value as queries compare it.
    exact_value: Callable[[ValueOf], str | None]


def changes_of(leads: list[Lead], told: Told) -> list[Change]:
    """The leads as changes, ordered by score."""
    found = []
    for lead in leads:
        also = sorted(lead.also, key=lambda each: -each.score)[:MAX_ALSO]
        found.append(_change(lead.candidate, told, tuple(_change(each, told) for each in also)))
    return sorted(found, key=lambda each: -each.score)


def _change(candidate: Candidate, told: Told, also: tuple[Change, ...] = ()) -> Change:
    subject = subject_of(candidate, told)
    before, after = _number_sides(candidate, told) or _rate_sides(candidate, told)
    kind = _kind(candidate, before, after)
    times = candidate.effect if kind is ChangeKind.SHIFTED else float(np.exp(candidate.effect))
    is_vanished = kind is ChangeKind.VANISHED
    return Change(
        kind=kind,
        subject=subject,
        before=before,
        after=after,
        effect=times,
        p=candidate.p,
        q=candidate.q,
        score=candidate.score * (SEVERE if _is_severe(candidate, told) else 1.0),
        sentence=sentence_of(kind, subject, before, after, times=times),
        evidence=Evidence(query=query_of(subject, told.query), time_range=told.before if is_vanished else told.after),
        is_exact=told.is_whole or candidate.kind not in (SubjectKind.METADATA_VALUE, SubjectKind.NUMBER),
        also=also,
    )


def _kind(candidate: Candidate, before: Side, after: Side) -> ChangeKind:
    if candidate.kind is SubjectKind.NUMBER:
        return ChangeKind.SHIFTED
    if not before.count:
        return ChangeKind.APPEARED
    if not after.count:
        return ChangeKind.VANISHED
    return ChangeKind.ROSE if candidate.effect > 0 else ChangeKind.FELL


def _is_severe(candidate: Candidate, told: Told) -> bool:
    things = {SubjectKind.PATTERN: told.counted.patterns, SubjectKind.LEVEL: told.counted.levels}.get(candidate.kind)
    return things is not None and int(things.severity[candidate.place]) >= ERROR_SEVERITY


def subject_of(candidate: Candidate, told: Told) -> Subject:
    """What a candidate is about."""
    place = candidate.place
    match candidate.kind:
        case SubjectKind.PATTERN:
            return _pattern_subject(SubjectKind.PATTERN, int(told.counted.patterns.names[place]), told)
        case SubjectKind.SERVICE:
            return Subject(kind=SubjectKind.SERVICE, service=str(told.counted.services.names[place]))
        case SubjectKind.LEVEL:
            return Subject(kind=SubjectKind.LEVEL, level=str(told.counted.levels.names[place]))
        case SubjectKind.METADATA_VALUE:
            name = told.values.names[place]
            kind = SubjectKind.METADATA_KEY if name.value is None else SubjectKind.METADATA_VALUE
            return Subject(kind=kind, key=name.key, value=told.exact_value(name))
        case SubjectKind.NUMBER:
            number = told.numbers.names[place]
            if number.pattern is None:
                return Subject(kind=SubjectKind.NUMBER, key=number.key)
            return _pattern_subject(SubjectKind.NUMBER, number.pattern, told, key=number.key, variable=number.variable)
        case _:
            return Subject(kind=SubjectKind.VOLUME)


def _pattern_subject(
    kind: SubjectKind, name: int, told: Told, *, key: str | None = None, variable: int | None = None
) -> Subject:
    """A pattern by its id, or by a shape: of a message's number, or one that has no pattern."""
    pattern = name if name in told.patterns and variable is None else told.pattern_of(name)
    known = told.patterns.get(pattern) if pattern is not None else None
    is_shape = variable is not None or known is None
    return Subject(
        kind=kind,
        pattern=None if known is None else known.id,
        shape=name if is_shape else None,
        template=told.shape_texts.get(name) if known is None else known.name or known.template,
        key=key,
        variable=variable,
    )


def _rate_sides(candidate: Candidate, told: Told) -> tuple[Side, Side]:
    tests = told.tests.rates[candidate.kind]
    counts = (float(tests.before[candidate.place]), float(tests.after[candidate.place]))
    shares = (float(tests.share_before[candidate.place]), float(tests.share_after[candidate.place]))
    if candidate.kind is SubjectKind.METADATA_VALUE:
        sides = [Side(count=int(count), share=share) for count, share in zip(counts, shares, strict=True)]
        return sides[0], sides[1]
    volume = told.tests.rates[SubjectKind.VOLUME]
    totals = (float(volume.before[0]), float(volume.after[0]))
    sides = [
        Side(count=int(count), share=count / max(total, 1.0), rate=rate)
        for count, total, rate in zip(counts, totals, shares, strict=True)
    ]
    return sides[0], sides[1]


def _number_sides(candidate: Candidate, told: Told) -> tuple[Side, Side] | None:
    if candidate.kind is not SubjectKind.NUMBER:
        return None
    shift = told.tests.shifts[candidate.place]
    total = max(1, shift.count_before + shift.count_after)
    return (
        Side(count=shift.count_before, share=shift.count_before / total, median=shift.median_before),
        Side(count=shift.count_after, share=shift.count_after / total, median=shift.median_after),
    )
