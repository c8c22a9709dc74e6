"""Which time a demo has sent logs of, and which is missing: so that it goes on without sending any twice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tocsin.kit.moments import NANOSECONDS_A_SECOND

RECENT_SECONDS = 10 * 60
"""What comes first, before the shop goes on live: little enough to be there at once."""

NEXT_SECONDS = 2 * 3_600
"""What comes next, behind the live shop: the range that people look at first."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From a moment to just before another."""

    start_unix_nano: int
    end_unix_nano: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end_unix_nano - self.start_unix_nano) / NANOSECONDS_A_SECOND


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time in as few spans as possible, oldest first."""
    whole: list[Span] = []
    for each in sorted(spans):
        if whole and each.start_unix_nano <= whole[-1].end_unix_nano:
            last = whole.pop()
            each = Span(last.start_unix_nano, max(last.end_unix_nano, each.end_unix_nano))  # noqa: PLW2901
        whole.append(each)
    return [each for each in whole if each.end_unix_nano > each.start_unix_nano]


def missing(covered: Iterable[Span], within: Span) -> list[Span]:
    """What of a span is not covered, oldest first."""
    gaps, reached = [], within.start_unix_nano
    for each in merged(covered):
        if each.start_unix_nano > reached:
            gaps.append(Span(reached, min(each.start_unix_nano, within.end_unix_nano)))
        reached = max(reached, each.end_unix_nano)
        if reached >= within.end_unix_nano:
            return gaps
    return [*gaps, Span(reached, within.end_unix_nano)]


def live_start(gaps: Sequence[Span], *, now_unix_nano: int, live_seconds: float = RECENT_SECONDS) -> int:
    """Where the shop begins that goes on live: a little before now, but not before what is there already."""
    earliest = now_unix_nano - int(live_seconds * NANOSECONDS_A_SECOND)
    if not gaps or gaps[-1].end_unix_nano < now_unix_nano:
        return now_unix_nano
    return max(gaps[-1].start_unix_nano, earliest)


def history(gaps: Sequence[Span], *, live_start_unix_nano: int, now_unix_nano: int) -> list[Span]:
    """What is missing before the live shop's start, in the order in which it is sent: newest first."""
    border = now_unix_nano - NEXT_SECONDS * NANOSECONDS_A_SECOND
    cuts = [border] if border < live_start_unix_nano else []
    pieces: list[Span] = []
    for gap in gaps:
        start, end = gap.start_unix_nano, min(gap.end_unix_nano, live_start_unix_nano)
        for cut in cuts:
            if start < cut < end:
                pieces.append(Span(start, cut))
                start = cut
        if start < end:
            pieces.append(Span(start, end))
    return sorted(pieces, reverse=True)
