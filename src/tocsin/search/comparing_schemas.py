"""What ``POST /v1/logs/compare`` takes and answers."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tocsin.kit.text_forms import NO_NUL
from tocsin.logmodel.levels import Level, level_of
from tocsin.patterns.contracts import pattern_id_text
from tocsin.search.comparison.contracts import (
    Change,
    ChangeKind,
    Comparison,
    ComparisonQuestion,
    NamedBaseline,
    NewPattern,
    Reading,
    Side,
    Subject,
    SubjectKind,
)
from tocsin.search.comparison.service import DEFAULT_CHANGES, MAX_CHANGES
from tocsin.search.contracts import Question
from tocsin.search.schemas import rfc3339

_NO_NUL = r"^[^\x00]*$(?![\s\S])"
_Moment = Annotated[str, Meta(min_length=1, max_length=100, pattern=_NO_NUL, examples=["now-1h"], extra=NO_NUL)]


class BaselineRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time range; without `to` until now."""

    from_: _Moment = msgspec.field(name="from")
    to: _Moment | None = None


class ComparisonRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two windows of the logs that match a query.

    `baseline` is a time range, or `before` (as long, and just before), `day` or `week` (the same time earlier).
    """

    query: Annotated[str, Meta(max_length=4_096, pattern=_NO_NUL, examples=["service:checkout"], extra=NO_NUL)] = ""
    from_: _Moment | None = msgspec.field(name="from", default=None)
    to: _Moment | None = None
    baseline: BaselineRequest | Literal["before", "day", "week"] = "before"
    limit: Annotated[int, Meta(ge=1, le=MAX_CHANGES)] = DEFAULT_CHANGES

    def asked_by(self, question: Question) -> ComparisonQuestion:
        """The comparison as the service takes it; ``question`` says whose logs it is about."""
        baseline = self.baseline
        return ComparisonQuestion(
            organization_id=question.organization_id,
            text=self.query,
            start=self.from_,
            end=self.to,
            baseline=baseline if isinstance(baseline, str) else NamedBaseline(baseline.from_, baseline.to),
            limit=self.limit,
        )


class WindowResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A window: how many logs it has, and in how many of them metadata and numbers were looked at."""

    from_: str = msgspec.field(name="from")
    to: str
    logs: int
    logs_read: int


class SubjectResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a change is about; `kind` says which of the others there are.

    A number is a metadata `key`, or the `variable`-th number of the messages of a `shape`; it may be within a pattern.
    """

    kind: SubjectKind
    pattern: str | None = None
    shape: str | None = None
    template: str | None = None
    level: str | None = None
    service: str | None = None
    key: str | None = None
    value: str | None = None
    variable: int | None = None


class SideResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A subject in one window: `rate` is in logs a second, where all were counted; `median` is a number's."""

    count: int
    share: float
    rate: float | None
    median: float | None


class EvidenceResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Shows the change: a query, and its time range."""

    query: str
    from_: str = msgspec.field(name="from")
    to: str


class SignResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it was.

    `effect` is the rate or share after as a multiple of that before, or how many interquartile ranges a median moved.
    `q` is the share of chance findings among all that are at least as certain.
    """

    kind: ChangeKind
    subject: SubjectResponse
    before: SideResponse
    after: SideResponse
    effect: float
    p_value: float
    q_value: float
    sentence: str
    evidence: EvidenceResponse
    exact: bool


class ChangeResponse(SignResponse, frozen=True, kw_only=True):
    """A change; `also` are other signs of the same."""

    also: list[SignResponse]


class NewPatternResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern that was never seen before the window, its logs there, and the highest of their levels."""

    id: str
    template: str
    name: str | None
    first_seen: str
    count: int
    level: Level


class ComparisonResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What changed, the most telling change first; nothing where nothing did, beyond chance.

    `tested` and `left_out` say of how many subjects of each kind that was asked, and how many had too few logs or were
    beyond a limit.
    """

    query: str
    before: WindowResponse
    after: WindowResponse
    changes: list[ChangeResponse]
    has_more: bool
    tested: dict[SubjectKind, int]
    left_out: dict[SubjectKind, int]
    #: Patterns that were never seen before the window, though others were: the most severe first.
    new_patterns: list[NewPatternResponse]
    #: How many there are, those that are left out included.
    new_pattern_total: int
    took_ms: float


def comparison_response(comparison: Comparison, *, took_ms: float) -> ComparisonResponse:
    """A comparison as it is answered."""
    return ComparisonResponse(
        query=comparison.query,
        before=_window(comparison.before),
        after=_window(comparison.after),
        changes=[_change(each) for each in comparison.changes],
        has_more=comparison.has_more,
        tested=comparison.asked.tested,
        left_out=comparison.asked.left_out,
        new_patterns=[_new(each) for each in comparison.new_patterns.patterns],
        new_pattern_total=comparison.new_patterns.total,
        took_ms=took_ms,
    )


def _new(each: NewPattern) -> NewPatternResponse:
    return NewPatternResponse(
        id=pattern_id_text(each.pattern.id),
        template=each.pattern.template,
        name=each.pattern.name,
        first_seen=rfc3339(each.pattern.first_seen_unix_nano),
        count=each.count,
        level=level_of(each.severity_number),
    )


def _window(reading: Reading) -> WindowResponse:
    return WindowResponse(
        from_=rfc3339(reading.time_range.start_unix_nano),
        to=rfc3339(reading.time_range.end_unix_nano),
        logs=reading.logs,
        logs_read=reading.read,
    )


def _change(change: Change) -> ChangeResponse:
    sign = _sign(change)
    fields = {name: getattr(sign, name) for name in sign.__struct_fields__}
    return ChangeResponse(**fields, also=[_sign(each) for each in change.also])


def _sign(change: Change) -> SignResponse:
    shown = change.evidence.time_range
    return SignResponse(
        kind=change.kind,
        subject=_subject(change.subject),
        before=_side(change.before),
        after=_side(change.after),
        effect=change.effect,
        p_value=change.p,
        q_value=change.q,
        sentence=change.sentence,
        evidence=EvidenceResponse(
            query=change.evidence.query, from_=rfc3339(shown.start_unix_nano), to=rfc3339(shown.end_unix_nano)
        ),
        exact=change.is_exact,
    )


def _subject(subject: Subject) -> SubjectResponse:
    return SubjectResponse(
        kind=subject.kind,
        pattern=None if subject.pattern is None else f"{subject.pattern:016x}",
        shape=None if subject.shape is None else f"{subject.shape:016x}",
        template=subject.template,
        level=subject.level,
        service=subject.service,
        key=subject.key,
        value=subject.value,
        variable=subject.variable,
    )


def _side(side: Side) -> SideResponse:
    return SideResponse(count=side.count, share=side.share, rate=side.rate, median=side.median)
