"""Whether a question asks what is different, and from what."""

from dataclasses import dataclass, replace
from datetime import timedelta

from tocsin.search.plain_words.contracts import Baseline, Part
from tocsin.search.plain_words.draft import Draft
from tocsin.search.plain_words.durations import DAY, HOUR, MINUTE, UNITS, WEEK, Duration, duration_at
from tocsin.search.plain_words.points import WEEKDAYS
from tocsin.search.plain_words.spans import Span, before_now
from tocsin.search.plain_words.times import EVENTS, Mention, Relation, Times
from tocsin.search.plain_words.window import described, is_time_range, read_window
from tocsin.search.plain_words.words import is_plural

_ALWAYS = frozenset({
    "compare", "compares", "compared", "comparing", "comparison", "versus", "vs", "diff", "difference", "differences",
    "differs", "differ",
})  # fmt: skip
_AFTER_A_QUESTION = frozenset({
    "changed", "change", "changes", "changing", "different", "differently", "new", "unusual", "abnormal", "anomalous",
    "strange", "weird", "odd", "stands out", "anomalies", "anomaly", "unexpected", "shifted", "out of the ordinary",
})  # fmt: skip
_QUESTIONS = frozenset(
    {"what", "what's", "whats", "what're", "anything", "something", "how", "any", "which", "everything", "things"}
)
_MOVED = frozenset({
    "increase", "increased", "increases", "increasing", "spike", "spikes", "spiked", "spiking", "surge", "surges",
    "surged", "decrease", "decreased", "go up", "went up", "gone up", "going up", "go down", "went down", "gone down",
    "going down", "rose", "risen", "rise", "rises", "rising", "jumped", "jump in",
})  # fmt: skip
_FIRST = frozenset({"changes", "change", "changed", "differences", "anomalies", "anomaly"})
_NOUNS = frozenset({
    "pattern", "patterns", "error", "errors", "warning", "warnings", "exception", "exceptions", "kinds", "types",
    "messages", "message", "kind", "templates", "failures",
})  # fmt: skip
_CONNECTIVES = frozenset({
    "to", "with", "against", "vs", "versus", "than", "compared to", "compared with", "relative to",
    "in comparison to", "in comparison with", "from", "and", "over", "compared against",
})  # fmt: skip
_LOOSE = frozenset({"and", "over", "to", "with", "from"})
_DAY_BEFORE = frozenset({"day before", "day earlier", "previous day", "prior day", "day prior", "preceding day"})
_WEEK_BEFORE = frozenset({"week before", "week earlier", "previous week", "prior week", "week prior", "last week"})
_JUST_BEFORE = frozenset({
    "before", "time before", "period before", "baseline", "usual", "normal", "previous period", "previous one",
    "one before", "preceding period", "prior period", "before that", "window before", "previous window",
    "before then", "usually", "normally",
})  # fmt: skip
_SAME = frozenset({
    "same time", "same period", "same window", "same hour", "same hours", "same span", "same interval",
    "same minutes", "time", "same timeframe", "same day", "same range",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compared:
    """A window, and what it is compared with: a range of its own or a shift."""

    window: Span | None
    baseline: Baseline | None
    baseline_span: Span | None = None


def asks_for_a_comparison(draft: Draft) -> bool:
    """Take the words that ask what is different; whether there are any."""
    cues = [index for index in range(len(draft.words)) if _is_cue(draft, index)]
    for index in cues:
        if draft.word(index) in {"than", "same"}:
            continue
        draft.take(index, index + 1, Part.COMPARISON, "a comparison")
    return bool(cues)


def _is_cue(draft: Draft, index: int) -> bool:
    word = draft.word(index)
    if word in _ALWAYS or draft.after(index, _MOVED) is not None:
        return True
    if draft.after(index, {"same time", "same period"}) and draft.said(index - 1) == "the":
        return any(draft.word(place) in {"than", "to", "as"} for place in range(max(0, index - 3), index))
    if draft.word(index) == "than" and _shift_at(draft, index + 1) is not None:
        return True
    if word not in _AFTER_A_QUESTION:
        return False
    if index == 0:
        return word in _FIRST
    if (
        word == "different"
        and draft.said(index - 1) in {"many", "of", "all", "the", "number"}
        and is_plural(draft.said(index + 1))
    ):
        return False
    if word == "new" and draft.said(index - 1) in {"are", "is"} and draft.said(index - 2) in _NOUNS:
        return False
    if word == "new" and {draft.said(index + 1), draft.said(index + 2)} & _NOUNS:
        return False
    if draft.said(0) in {"has", "have", "did", "is", "are", "was", "were"} and word != "new":
        return True
    return any(draft.said(place) in _QUESTIONS for place in range(max(0, index - 4), index))


def read_comparison(draft: Draft, times: Times) -> Compared:
    """Take the words that name the window and the baseline; without any, what is just before is the baseline."""
    around = _before_and_after(draft, times) or _after_an_event_of(draft, times)
    if around is not None:
        return around
    found = _named_baseline(draft, times)
    window = _without_now(read_window(draft, times), times)
    if found is None:
        return Compared(window, Baseline.BEFORE)
    baseline, span = found
    if span is None:
        return Compared(window, baseline)
    if window is None:
        return _beside_the_last_hour(draft, span, times)
    return _apart(_ordered(window, span, times))


def _beside_the_last_hour(draft: Draft, baseline: Span, times: Times) -> Compared:
    """Without a window the last hour is it; where the baseline reaches into that, both are made shorter."""
    end = baseline.end or times.now
    if end <= times.now - timedelta(seconds=HOUR):
        return Compared(None, Baseline.BEFORE, baseline)
    if baseline.end is None:
        return Compared(baseline, Baseline.BEFORE)
    if baseline.start_text is None and end <= times.now - timedelta(seconds=1):
        # "compared to 15:30": the clock was said, so that only the window is made shorter.
        return Compared(Span(start=end), None, baseline)
    age = int((times.now - (baseline.start + (end - baseline.start) / 2)).total_seconds())
    length = min(HOUR // 2, age)
    if length < 1:
        return Compared(None, Baseline.BEFORE)
    window = before_now(Duration(length, MINUTE), times.now)
    moved = Span(
        start=window.start - timedelta(seconds=age),
        start_text=f"now-{Duration(age + length, MINUTE).text}",
        end=times.now - timedelta(seconds=age),
        end_text=f"now-{Duration(age, MINUTE).text}",
    )
    draft.notes.append(f"what was {described(window)} is compared with what was {described(moved)}")
    return Compared(window, None, moved)


def _apart(compared: Compared) -> Compared:
    """A baseline ends where its window begins, if not before."""
    window, baseline = compared.window, compared.baseline_span
    if window is None or baseline is None or (baseline.end is not None and baseline.end <= window.start):
        return compared
    return Compared(window, compared.baseline, replace(baseline, end=window.start, end_text=window.start_text))


def _without_now(window: Span | None, times: Times) -> Span | None:
    """``now`` alone is no window: the usual last hour is."""
    return None if window is not None and window.start == times.now else window


def _ordered(window: Span, baseline: Span, times: Times) -> Compared:
    """The later of the two is the window, whichever was said first."""
    if baseline.start > window.start:
        window, baseline = baseline, window
    if baseline.start == window.start:
        return Compared(window, Baseline.WEEK)
    shift = (window.start - baseline.start).total_seconds()
    if window.end is None and baseline.end is not None and baseline.end <= window.start:
        # A day that is not over is compared with the same part of the other.
        if shift == DAY and not window.start_text:
            return Compared(window, Baseline.DAY)
        if shift == WEEK and not window.start_text:
            return Compared(window, Baseline.WEEK)
    return Compared(window, None, baseline)


def _before_and_after(draft: Draft, times: Times) -> Compared | None:
    for index in range(len(draft.words)):
        if draft.run(index, 3) not in {
            ("before", "and", "after"),
            ("after", "and", "before"),
            ("before", "vs", "after"),
        }:
            continue
        mention = times.mention_at(index + 2)
        if mention is None:
            mention_after = times.mention_at(index + 3)
            mention = mention_after
        if mention is None:
            continue
        start = times.resolved(mention).start
        draft.take(index, mention.last, Part.TIME, described(Span(start=start)))
        return Compared(Span(start=start), Baseline.BEFORE)
    return None


def _after_an_event_of(draft: Draft, times: Times) -> Compared | None:
    """``after the deploy of payment at 3:24``: what is between the event and its time stays to be read."""
    for index in range(len(draft.words)):
        event = draft.past(index + 1, {"the", "our", "last"})
        if draft.word(index) not in {"after", "since"} or draft.word(event) not in EVENTS:
            continue
        if draft.word(event + 1) not in {"of", "to", "in"} or draft.word(event + 3) != "at":
            continue
        mention = times.mention_at(event + 3)
        if mention is not None:
            start = times.resolved(mention).start
            draft.take(index, event + 1, Part.TIME, described(Span(start=start)))
            draft.take(event + 3, mention.last, Part.TIME, described(Span(start=start)))
            return Compared(Span(start=start), Baseline.BEFORE)
    return None


def _named_baseline(draft: Draft, times: Times) -> tuple[Baseline | None, Span | None] | None:
    """What stands behind ``to``, ``with``, ``than``…, if it is a time."""
    places = sorted(range(len(draft.words)), key=lambda index: draft.said(index) in {"and", "from", "over"})
    for index in places:
        behind = _behind_connective(draft, index)
        if behind is None:
            continue
        shift = _shift_at(draft, behind)
        if shift is not None:
            draft.take(index, shift[1], Part.COMPARISON, _SHIFTS_IN_WORDS[shift[0]])
            return shift[0], None
        mention = times.mention_at(behind)
        if (
            mention is not None
            and _is_stretch(mention)
            and not (draft.said(index) == "and" and mention.point.is_clock and not mention.second)
        ):
            span = times.resolved(mention)
            if is_time_range(span, times):
                draft.take(index, mention.last, Part.COMPARISON, f"compared with what was {described(span)}")
                return None, span
    return None


_SHIFTS_IN_WORDS = {
    Baseline.BEFORE: "compared with the time just before",
    Baseline.DAY: "compared with the same time a day earlier",
    Baseline.WEEK: "compared with the same time a week earlier",
}


def _is_stretch(mention: Mention) -> bool:
    return mention.relation in {Relation.IN, Relation.BETWEEN, Relation.AROUND}


def _behind_connective(draft: Draft, index: int) -> int | None:
    """The place behind a connective that may introduce a baseline."""
    behind = draft.after(index, _CONNECTIVES)
    word = draft.said(index)
    if behind is None:
        # A cue that was taken may be the connective: "now vs last week", "compared to".
        if word in {"vs", "versus"} and index not in range(1):
            return draft.past(index + 1, {"the", "what", "it", "was"})
        return None
    if word == "from" and not _follows_a_difference(draft, index):
        return None
    if word in {"and", "over"} and not _follows_between(draft, index):
        return None
    return draft.past(behind, {"how", "it", "was", "what", "that", "of", "were", "they"})


def _follows_a_difference(draft: Draft, index: int) -> bool:
    """``different from yesterday``, but not ``what changed from 9 to 10``."""
    return draft.said(index - 1) in {
        "different",
        "differs",
        "differ",
        "differently",
        "changed",
        "change",
        "changes",
    } and (draft.after(index + 1, {"to", "until"}) is None)


def _follows_between(draft: Draft, index: int) -> bool:
    """``the difference between today and yesterday``; between clocks it is one window."""
    said = [draft.said(place) for place in range(index)]
    return (
        bool(
            {"compare", "difference", "differences", "diff", "comparison", "differs", "differ", "different"} & set(said)
        )
        and "compared" not in said
    )


def _shift_at(draft: Draft, first: int) -> tuple[Baseline, int] | None:
    """``the same time yesterday``, ``last week``, ``the hour before``."""
    place = draft.past(first, {"the", "at", "on", "this", "that"})
    same = draft.after(place, _SAME)
    if same is not None:
        place = draft.past(same, {"of", "on", "in", "the"})
    for phrases, baseline in (
        (_DAY_BEFORE, Baseline.DAY),
        (_WEEK_BEFORE, Baseline.WEEK),
        (_JUST_BEFORE, Baseline.BEFORE),
    ):
        behind = draft.after(place, phrases)
        if behind is not None and not (baseline is Baseline.BEFORE and _is_followed_by_a_time(draft, behind)):
            return baseline, behind
    if draft.word(place) == "yesterday" and _is_whole(draft, place + 1):
        return Baseline.DAY, place + 1
    if draft.word(place) in {"last", "previous"} and draft.word(place + 1) in WEEKDAYS and same:
        return Baseline.WEEK, place + 2
    return _shift_by_duration(draft, place)


def _is_whole(draft: Draft, index: int) -> bool:
    """Whether no time of day follows."""
    return not draft.word(index)[:1].isdigit() and draft.word(index) not in {"at", "morning", "afternoon", "evening",
                                                                            "night", "between", "from"}  # fmt: skip


def _is_followed_by_a_time(draft: Draft, index: int) -> bool:
    word = draft.word(index)
    return word[:1].isdigit() or word in {"noon", "midnight", "yesterday", "the", *WEEKDAYS}


def _shift_by_duration(draft: Draft, place: int) -> tuple[Baseline, int] | None:
    """``a day ago``, ``24 hours ago``, ``the 30 minutes before``, ``the previous hour``."""
    if draft.word(place) in {"previous", "preceding", "prior"}:
        if UNITS.get(draft.word(place + 1), WEEK) < DAY:
            return Baseline.BEFORE, place + 2
        found = duration_at(draft, place + 1)
        return (Baseline.BEFORE, found[1]) if found else None
    if draft.word(place) in UNITS and draft.word(place + 1) in {"before", "prior", "earlier"}:
        return Baseline.BEFORE, place + 2
    found = duration_at(draft, place)
    if found is None:
        return None
    duration, last = found
    if draft.word(last) in {"before", "prior", "preceding"}:
        return Baseline.BEFORE, last + 1
    if draft.word(last) in {"ago", "earlier"}:
        shift = {DAY: Baseline.DAY, WEEK: Baseline.WEEK}.get(duration.seconds)
        return (shift, last + 1) if shift else None
    return None
