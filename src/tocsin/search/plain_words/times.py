"""When: finds what a question says about time, and makes one stretch of it."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum, auto

from tocsin.kit.moments import nanoseconds_of_text
from tocsin.search.plain_words.draft import Draft
from tocsin.search.plain_words.durations import DAY, MINUTE, UNITS, duration_at
from tocsin.search.plain_words.points import EARLIEST_YEAR, LATEST_YEAR, Clock, clock_at, day_at, midnight
from tocsin.search.plain_words.spans import Span, before_now, between_ages, since_ago, span_at, whole_day

AROUND_SECONDS = 5 * MINUTE
"""How far ``around 14:05`` reaches to both sides; an hour alone reaches half an hour."""

_DASHES = frozenset({"to", "-", "until", "till", "through", "thru", "til"})
_SINCE = frozenset({
    "since", "starting", "beginning", "starting at", "starting from", "starting on", "as of", "ever since", "from",
    "beginning at", "going back to", "back to",
})  # fmt: skip
_AFTER = frozenset({"after", "later than", "following", "past"})
_BEFORE = frozenset({"before", "until", "till", "til", "up to", "prior to", "earlier than", "up until"})
_AROUND = frozenset({
    "around", "about", "near", "circa", "close to", "roughly", "approximately", "around about", "~", "at around",
    "at about",
})  # fmt: skip
_WITHIN = frozenset({
    "in", "during", "for", "within", "over", "at", "on", "of", "by", "throughout", "across", "out of", "as at",
})  # fmt: skip
EVENTS = frozenset({
    "deploy", "deployment", "release", "rollout", "restart", "incident", "outage", "rollback", "upgrade", "change",
    "migration", "reboot", "failover", "start",
})  # fmt: skip
"""What people name a time after; without the time it is not known when that was."""

_ISO_MOMENT = re.compile(r"\d{4}-\d\d-\d\dt\d\d:\d\d.*")


class Relation(Enum):
    """How a stretch of time stands to what is named."""

    IN = auto()
    SINCE = auto()
    AFTER = auto()
    BEFORE = auto()
    AROUND = auto()
    BETWEEN = auto()
    JUST_BEFORE = auto()
    JUST_AFTER = auto()


@dataclass(frozen=True, slots=True)
class Point:
    """A day, a time of day, both, or a stretch of time that has a name."""

    day: date | None = None
    clock: Clock | None = None
    span: Span | None = None
    moment: datetime | None = None

    @property
    def is_day(self) -> bool:
        """Whether it is a day and no more."""
        return self.day is not None and self.clock is None

    @property
    def is_clock(self) -> bool:
        """Whether it is a time of an unnamed day."""
        return self.clock is not None and self.day is None


@dataclass(frozen=True, slots=True)
class Mention:
    """What some words say about time."""

    first: int
    last: int
    relation: Relation
    point: Point
    second: Point | None = None
    #: How far it reaches from the point: before it, after it, or to both sides.
    reach_seconds: int = 0


class Times:
    """Reads times as they are meant at one moment, in one zone."""

    def __init__(self, draft: Draft, now: datetime) -> None:
        self._draft = draft
        self.now = now
        self._today = now.date()

    def mention_at(self, first: int) -> Mention | None:
        """What is said about time from ``first`` on."""
        found = (
            self._beside(first)
            or self._between(first)
            or self._bounded(first)
            or self._within(first)
            or self._alone(first)
        )
        if found is None:
            return None
        last = found.last if found.relation is Relation.IN else self._draft.past(found.last, EVENTS)
        last = self._draft.past(last, {"onwards", "onward", "on wards", "and later", "sharp", "local time", "utc"})
        return replace(found, last=last)

    def resolved(self, mention: Mention, day: date | None = None) -> Span:
        """The stretch that is meant; ``day`` is the one that a time of day belongs to."""
        point = mention.point
        match mention.relation:
            case Relation.BETWEEN:
                return self._stretch(point, mention.second or point, day)
            case Relation.IN:
                return self._inside(point, day)
            case Relation.SINCE:
                return self._open(self._begin(point, day), point)
            case Relation.AFTER:
                if point.is_day and point.day != self._today:
                    return Span(start=self._begin(point, day) + timedelta(days=1))
                return self._open(self._begin(point, day), point)
            case Relation.BEFORE:
                return self._until(point, day)
            case Relation.AROUND:
                return self._around(point, day, mention.reach_seconds)
            case Relation.JUST_BEFORE:
                end = self._begin(point, day)
                return Span(start=end - timedelta(seconds=mention.reach_seconds), end=end)
            case Relation.JUST_AFTER:
                start = self._begin(point, day)
                return Span(start=start, end=start + timedelta(seconds=mention.reach_seconds))

    # What is named.

    def _point(self, first: int, *, takes_bare: bool = False) -> tuple[Point, int] | None:
        """The day, time or stretch that begins at ``first``."""
        draft = self._draft
        place = self._past_event(first)
        if (moment := self._iso(place)) is not None:
            return Point(moment=moment), place + 1
        if draft.word(place) in {"now", "present"}:
            return Point(moment=self.now), place + 1
        if found := span_at(draft, place, self.now):
            return Point(span=found[0]), found[1]
        if found_day := day_at(draft, place, self._today):
            return self._with_clock(*found_day)
        if found_clock := clock_at(draft, place, takes_bare=takes_bare):
            return self._with_day(*found_clock)
        # "the 14:00 deploy"
        behind = draft.past(place, {"the", "our"})
        found_clock = clock_at(draft, behind) if behind > place else None
        if found_clock and draft.word(found_clock[1]) in EVENTS:
            return Point(clock=found_clock[0]), draft.past(found_clock[1], EVENTS)
        return None

    def _past_event(self, first: int) -> int:
        """Behind ``the deploy at``, where a time follows."""
        draft = self._draft
        place = draft.past(first, {"the", "our", "last", "my", "a", "that"})
        behind = place
        while draft.word(behind) in EVENTS:
            behind += 1
        if behind == place:
            return first
        return draft.past(behind, {"at", "on", "from", "around", "of"})

    def _iso(self, place: int) -> datetime | None:
        word = self._draft.word(place)
        if not _ISO_MOMENT.fullmatch(word) or not EARLIEST_YEAR <= int(word[:4]) <= LATEST_YEAR:
            return None
        if nanoseconds_of_text(word) is None:
            return None
        moment = datetime.fromisoformat(word.upper())
        return moment if moment.tzinfo else moment.replace(tzinfo=self.now.tzinfo)

    def _with_clock(self, day: date, last: int) -> tuple[Point, int]:
        draft = self._draft
        behind = draft.past(last, {"at", ",", "around", "about"})
        found = clock_at(draft, behind, takes_bare=behind > last)
        return (Point(day, found[0]), found[1]) if found else (Point(day), last)

    def _with_day(self, clock: Clock, last: int) -> tuple[Point, int]:
        draft = self._draft
        if draft.run(last, 3) == ("in", "the", "morning"):
            return Point(clock=clock), last + 3
        if draft.run(last, 2) == ("this", "morning"):
            return Point(self._today, clock), last + 2
        found = day_at(draft, last + (draft.word(last) in {"on", "of", ","}), self._today)
        return (Point(found[0], clock), found[1]) if found else (Point(clock=clock), last)

    # How it is named.

    def _beside(self, first: int) -> Mention | None:
        """``5 minutes before 14:00``, ``the hour after noon``, ``within 10 minutes of 14:00``, ``14:00 +/- 5m``."""
        draft = self._draft
        place = draft.past(first, {"in", "during", "for", "within", "the", "about"})
        found = self._length(place)
        if found is not None:
            joint = draft.word(found[1])
            relation = {"before": Relation.JUST_BEFORE, "after": Relation.JUST_AFTER, "of": Relation.AROUND,
                        "from": Relation.JUST_AFTER, "until": Relation.JUST_BEFORE}.get(joint)  # fmt: skip
            point = self._point(found[1] + 1) if relation else None
            is_within = draft.word(place - 1) == "within" or draft.word(first) == "within"
            if point is None or relation is None or (relation is Relation.AROUND and not is_within):
                return None
            is_exact = point[0].clock is not None or point[0].moment is not None
            return Mention(first, point[1], relation, point[0], reach_seconds=found[0]) if is_exact else None
        point = self._point(first)
        if point is None or draft.word(point[1]) not in {"+/-", "±", "+-", "give"}:
            return None
        length = self._length(draft.past(point[1], {"+/-", "±", "+-", "give", "or", "take"}))
        return Mention(first, length[1], Relation.AROUND, point[0], reach_seconds=length[0]) if length else None

    def _length(self, first: int) -> tuple[int, int] | None:
        """Seconds of a duration, or of a unit alone."""
        if (found := duration_at(self._draft, first)) is not None:
            return found[0].seconds, found[1]
        unit = UNITS.get(self._draft.word(first))
        return (unit, first + 1) if unit and len(self._draft.word(first)) > 1 else None

    def _between(self, first: int) -> Mention | None:
        """``between A and B``, ``from A to B``, ``A - B``."""
        draft = self._draft
        word = draft.word(first)
        if ages := between_ages(draft, first, self.now):
            return Mention(first, ages[1], Relation.IN, Point(span=ages[0]))
        is_opened = word in {"between", "from", "starting", "btw", "b/w"}
        takes_bare = is_opened
        opening = self._point(first + is_opened, takes_bare=takes_bare)
        if is_opened and (ago := since_ago(draft, first + 1, self.now)):
            opening = Point(span=ago[0]), ago[1]
        if opening is None:
            return None
        joint = draft.word(opening[1])
        if joint not in _DASHES and not (joint == "and" and word in {"between", "btw", "b/w"}):
            return None
        closing = self._point(draft.past(opening[1] + 1, {"and"}), takes_bare=True)
        if closing is None or (not is_opened and closing[0].clock and closing[0].clock.is_bare):
            return None
        return Mention(first, closing[1], Relation.BETWEEN, opening[0], closing[0])

    def _bounded(self, first: int) -> Mention | None:
        draft = self._draft
        for phrases, relation in (
            (_SINCE, Relation.SINCE),
            (_AFTER, Relation.AFTER),
            (_BEFORE, Relation.BEFORE),
            (_AROUND, Relation.AROUND),
        ):
            behind = draft.after(first, phrases)
            if behind is None:
                continue
            if relation is Relation.SINCE and (ago := since_ago(draft, draft.past(behind, {"about"}), self.now)):
                return Mention(first, ago[1], relation, Point(span=ago[0]))
            found = self._point(behind, takes_bare=relation is not Relation.AROUND and draft.said(first) != "past")
            if found is None or self._is_past_duration(first, found):
                continue
            return self._as_said(first, relation, *found)
        return None

    def _is_past_duration(self, first: int, found: tuple[Point, int]) -> bool:
        """``past`` is also the beginning of ``past 2 hours``; a number alone is no time where a unit follows."""
        clock = found[0].clock
        return bool(clock and clock.is_bare and duration_at(self._draft, found[1] - 1))

    def _as_said(self, first: int, relation: Relation, point: Point, last: int) -> Mention:
        """``errors from yesterday`` are those of the day; ``from 9am`` and ``from Monday on`` have no end."""
        goes_on = self._draft.word(last) in {"on", "onwards", "onward", "forward"}
        if self._draft.word(first) == "from" and not goes_on and point.clock is None and point.moment is None:
            return Mention(first, last, Relation.IN, point)
        return Mention(first, last + goes_on, relation, point)

    def _within(self, first: int) -> Mention | None:
        """``in the last hour``, ``on Monday``, ``at 3am``, ``for 2 hours``."""
        draft = self._draft
        behind = draft.after(first, _WITHIN)
        if behind is None:
            return None
        at_about = draft.after(behind, _AROUND)
        point = self._point(at_about or behind, takes_bare=draft.word(first) == "at")
        if point is not None and not self._is_past_duration(first, point):
            return Mention(first, point[1], Relation.AROUND if at_about else Relation.IN, point[0])
        found = duration_at(draft, draft.past(behind, {"the", "about"}))
        if found is None or (draft.word(first) in {"over", "of", "by", "at"} and found[0].unit_seconds < DAY):
            return None
        return Mention(first, found[1], Relation.IN, Point(span=before_now(found[0], self.now)))

    def _alone(self, first: int) -> Mention | None:
        draft = self._draft
        point = self._point(first)
        if point is not None and point[1] > first:
            return Mention(first, point[1], Relation.IN, point[0])
        found = duration_at(draft, first)
        # Joined to its unit and without a preposition: "errors 24h".
        if found is not None and found[1] == first + 1 and found[0].unit_seconds >= MINUTE:
            return Mention(first, found[1], Relation.IN, Point(span=before_now(found[0], self.now)))
        return None

    # What it means.

    def _day_of(self, clock: Clock, day: date | None) -> date:
        """The day that is named, or the last one on which the time is past."""
        if day is not None:
            return day
        is_past = midnight(self._today, self.now) + timedelta(seconds=clock.seconds) <= self.now
        return self._today if is_past else self._today - timedelta(days=1)

    def _begin(self, point: Point, day: date | None) -> datetime:
        if point.moment is not None:
            return point.moment
        if point.span is not None:
            return point.span.start
        if point.clock is None:
            return midnight(point.day or self._today, self.now)
        its_day = point.day or self._day_of(point.clock, day)
        return midnight(its_day, self.now) + timedelta(seconds=point.clock.seconds)

    def _end(self, point: Point, day: date | None) -> datetime | None:
        """Where a stretch ends that ends with the point: a day to its end, a time of day at once."""
        if point.span is not None:
            return point.span.end
        begin = self._begin(point, day)
        if point.is_day:
            return begin + timedelta(days=1) if point.day and point.day < self._today else None
        return None if begin == self.now else begin

    def _open(self, start: datetime, point: Point) -> Span:
        return Span(start=start, start_text=point.span.start_text if point.span else None)

    def _inside(self, point: Point, day: date | None) -> Span:
        if point.span is not None:
            return point.span
        if point.day is not None and point.clock is None:
            return whole_day(point.day, self.now)
        start = self._begin(point, day)
        grain = point.clock.grain_seconds if point.clock else MINUTE
        return Span(start=start, end=start + timedelta(seconds=grain))

    def _until(self, point: Point, day: date | None) -> Span:
        end = self._begin(point, day)
        start = midnight(end.astimezone(self.now.tzinfo).date(), self.now)
        return Span(start=start if start < end else start - timedelta(days=1), end=end)

    def _around(self, point: Point, day: date | None, reach_seconds: int) -> Span:
        if point.span is not None or point.is_day:
            return self._inside(point, day)
        middle = self._begin(point, day)
        reach = timedelta(seconds=reach_seconds or AROUND_SECONDS)
        if not reach_seconds and point.clock and point.clock.grain_seconds > MINUTE:
            reach = timedelta(seconds=point.clock.grain_seconds / 2)
        return Span(start=middle - reach, end=middle + reach)

    def _stretch(self, opening: Point, closing: Point, day: date | None) -> Span:
        opening, closing = _same_half_of_day(opening, closing)
        if closing.is_clock and opening.moment is None:
            return self._stretch_of_clocks(opening, closing, day)
        if opening.is_clock and closing.day is not None:
            opening = replace(opening, day=closing.day)
        start, end = self._begin(opening, day), self._end(closing, day)
        if end is not None and end <= start and opening.is_day and closing.day is not None:
            start -= timedelta(days=7)
        start_text = opening.span.start_text if opening.span else None
        return Span(start=start, end=end, start_text=start_text)

    def _stretch_of_clocks(self, opening: Point, closing: Point, day: date | None) -> Span:
        start = self._begin(opening, day)
        if opening.is_clock and day is None and closing.clock and opening.clock:
            # Both on the last day on which it is over, or at least has begun.
            start = self._begin(opening, self._day_of(opening.clock, None))
        end_clock = closing.clock
        end = midnight(start.date(), self.now) + timedelta(seconds=end_clock.seconds if end_clock else 0)
        return Span(start=start, end=end if end > start else end + timedelta(days=1))


def _same_half_of_day(opening: Point, closing: Point) -> tuple[Point, Point]:
    """``9 to 11 pm``: a number alone is of the half of the day that the other one names."""
    first, second = opening.clock, closing.clock
    if first is None or second is None or not first.is_bare or second.is_bare:
        return opening, closing
    later = first.seconds + 43_200
    if second.seconds > 43_200 and first.seconds < 43_200 and later < second.seconds:
        return replace(opening, clock=replace(first, seconds=later, is_bare=False)), closing
    return opening, closing
