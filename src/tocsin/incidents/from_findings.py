"""Findings of detection as signals, in words for people. Pure."""

from tocsin.detection.contracts import Finding, FindingKind
from tocsin.incidents.contracts import TEMPLATE_LABEL, Signal, SignalSource

MOST_TEMPLATE_CHARACTERS = 80
"""Of a template so much is said; the pattern itself has all of it."""

_MINUTE_NANO = 60 * 10**9


def signal_of(finding: Finding) -> Signal:
    """The signal that a finding is; told again, it has the same id."""
    return Signal(
        id=finding.id,
        source=SignalSource.FINDING,
        kind=finding.kind.value,
        service=finding.service,
        pattern=finding.pattern,
        title=f"{finding.service}: {_what(finding)}",
        level=finding.level,
        onset_unix_nano=finding.onset_unix_nano,
        last_unix_nano=finding.last_unix_nano,
        score=finding.score,
        is_over=finding.is_over,
        opens=finding.opens,
        evidence=finding.evidence,
        trace_ids=frozenset(finding.trace_ids),
        labels={TEMPLATE_LABEL: finding.template} if finding.template else {},
    )


def _what(finding: Finding) -> str:
    pattern = _pattern(finding)
    of_pattern = f" of {pattern}" if pattern else ""
    match finding.kind:
        case FindingKind.SPIKE | FindingKind.DIP:
            rate, expected = _a_minute(finding, finding.observed), _a_minute(finding, finding.expected)
            return f"{_number(rate)} logs a minute{of_pattern}, {_number(expected)} expected"
        case FindingKind.NEW_PATTERN:
            rate = _a_minute(finding, finding.observed)
            return f"new: {pattern or 'logs'}, {_number(rate)} a minute"
        case FindingKind.SILENCE:
            expected = _a_minute(finding, finding.expected)
            return f"nothing{of_pattern} any more, {_number(expected)} logs a minute expected"
        case FindingKind.ERROR_RATIO:
            return f"{_percent(finding.observed)} errors{of_pattern}, {_percent(finding.expected)} expected"
        case FindingKind.VARIABLE_SHIFT:
            which = "a value" if finding.variable is None else f"value {finding.variable}"
            return f"{which}{of_pattern} is {_number(finding.observed)}, {_number(finding.expected)} expected"
        case FindingKind.MISSING_STEP:
            return f"{pattern or 'a step'} came {_number(finding.observed)} times, {_number(finding.expected)} expected"


def _pattern(finding: Finding) -> str:
    """The template on one line, in quotes; empty without one."""
    text = " ".join(finding.template.split())
    if len(text) > MOST_TEMPLATE_CHARACTERS:
        text = f"{text[: MOST_TEMPLATE_CHARACTERS - 1].rstrip()}…"
    return f"“{text}”" if text else ""


def _a_minute(finding: Finding, count: float) -> float:
    """A count in the evidence's time range, as a rate."""
    return count * _MINUTE_NANO / max(1, finding.evidence.end_unix_nano - finding.evidence.start_unix_nano)


def _number(value: float) -> str:
    """With two digits that count, without an exponent."""
    if abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) >= 0.01 else "0"


def _percent(share: float) -> str:
    return f"{_number(share * 100)} %"
