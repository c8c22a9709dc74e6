"""A change in plain words, and the query that shows it."""

from tocsin.logmodel.levels import SEVERITY_RANGES, Level
from tocsin.query.text import to_text
from tocsin.query.tree import (
    Everything,
    MetadataExists,
    MetadataIs,
    Node,
    PatternIs,
    ServiceIs,
    SeverityBetween,
    ShapeIs,
)
from tocsin.search.comparison.contracts import ChangeKind, Side, Subject, SubjectKind
from tocsin.search.field_names import both

_MAX_TEMPLATE = 120


def query_of(subject: Subject, query: Node) -> str:
    """Finds the logs of ``query`` that a change is about."""
    return to_text(both(query, _condition(subject)))


def sentence_of(kind: ChangeKind, subject: Subject, before: Side, after: Side, *, times: float) -> str:
    """Says the change; ``times`` is the rate or share after as a multiple of that before."""
    what = _what(subject)
    if kind is ChangeKind.SHIFTED:
        return f"{what}: the median went from {_number(before.median)} to {_number(after.median)}"
    if subject.kind in (SubjectKind.METADATA_VALUE, SubjectKind.METADATA_KEY):
        return f"{what}: {_percent(before.share)} of the logs before, {_percent(after.share)} after"
    if kind is ChangeKind.APPEARED:
        return f"{what} appeared: none before, {after.count:,} after"
    if kind is ChangeKind.VANISHED:
        return f"{what} vanished: {before.count:,} before, none after"
    if kind is ChangeKind.ROSE:
        return f"{what} rose {times:.3g}-fold: from {_rate(before)} to {_rate(after)}"
    return f"{what} fell to {_percent(times)}: from {_rate(before)} to {_rate(after)}"


def _condition(subject: Subject) -> Node:
    match subject.kind:
        case SubjectKind.SERVICE:
            return ServiceIs(subject.service or "")
        case SubjectKind.LEVEL:
            return SeverityBetween(*SEVERITY_RANGES[Level(subject.level or "")])
        case SubjectKind.METADATA_KEY:
            return MetadataExists(subject.key or "")
        case SubjectKind.METADATA_VALUE:
            return MetadataIs(subject.key or "", subject.value or "")
        case SubjectKind.VOLUME:
            return Everything()
        case _:
            return _of_messages(subject)


def _of_messages(subject: Subject) -> Node:
    having = Everything() if subject.key is None else MetadataExists(subject.key)
    if subject.shape is not None:
        return both(ShapeIs(subject.shape), having)
    return both(PatternIs(f"{subject.pattern:016x}"), having) if subject.pattern is not None else having


def _what(subject: Subject) -> str:
    match subject.kind:
        case SubjectKind.VOLUME:
            return "the number of logs"
        case SubjectKind.SERVICE:
            return f"service {subject.service}"
        case SubjectKind.LEVEL:
            return f"level {subject.level}"
        case SubjectKind.METADATA_KEY:
            return f"logs with {subject.key}"
        case SubjectKind.METADATA_VALUE:
            return f"{subject.key} = {_shortened(subject.value or '')}"
        case SubjectKind.PATTERN:
            return _message(subject)
        case _:
            name = subject.key if subject.key is not None else f"number {subject.variable}"
            return f"{name} of {_message(subject)}" if subject.shape or subject.pattern else name


def _message(subject: Subject) -> str:
    if subject.template is None:
        return f"shape {subject.shape:016x}" if subject.shape is not None else f"pattern {subject.pattern:016x}"
    return f"“{_shortened(subject.template)}”"


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_TEMPLATE else f"{line[: _MAX_TEMPLATE - 1]}…"


def _rate(side: Side) -> str:
    if side.rate is None:
        return f"{side.count:,} logs"
    for unit, seconds in (("second", 1), ("minute", 60), ("hour", 3_600)):
        if side.rate * seconds >= 1:
            return f"{_number(side.rate * seconds)} a {unit}"
    return f"{_number(side.rate * 86_400)} a day"


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"


def _number(value: float | None) -> str:
    if value is None:
        return "nothing"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
