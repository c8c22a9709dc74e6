"""What a question wants computed: ``how many``, ``p99 latency``, ``unique users``, ``average duration``."""

import re

from tocsin.search.plain_words.contracts import Part
from tocsin.search.plain_words.draft import Draft
from tocsin.search.plain_words.groups import leave_noun, noun_at, noun_before
from tocsin.search.plain_words.known_fields import DURATION_NAMES, SIZE_NAMES, KnownFields
from tocsin.search.plain_words.levels import names_a_level
from tocsin.search.plain_words.lexicon import ARTICLES, EVENT_NOUNS, STOP_WORDS, UNANSWERABLE
from tocsin.search.plain_words.words import is_plural

_STATISTICS = {
    **dict.fromkeys(("average", "avg", "mean", "averages", "avg.", "typical", "on average"), "avg"),
    **dict.fromkeys(("median",), "p50"),
    **dict.fromkeys(("max", "maximum", "peak", "max."), "max"),
    **dict.fromkeys(("highest", "longest", "largest", "biggest", "greatest", "worst"), "max"),
    **dict.fromkeys(("min", "minimum", "min."), "min"),
    **dict.fromkeys(("lowest", "shortest", "smallest", "quickest"), "min"),
}
_OF_TIME = frozenset({"longest", "shortest", "quickest"})
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,3})?)|p(100)")
_NTH = re.compile(r"(\d{1,2}(?:\.\d{1,3})?)(?:st|nd|rd|th)?")
_COUNTS = frozenset({
    "how many", "number of", "numbers of", "count of", "counts of", "counts", "count", "total number of",
    "total count of", "how often", "how many times", "amount of", "volume of", "how much", "tally", "total count",
    "the count", "volume", "number", "#", "quantity of", "frequency of", "log count", "no of", "num of", "nr of",
    "count up", "how frequently", "how noisy", "how busy", "how chatty", "how verbose",
})  # fmt: skip
_UNIQUE = frozenset({"unique", "distinct", "different"})
_BETWEEN = frozenset({"of", "for", "the", "all", "in", "their", "its", "our", "a", "values", "value"})
_EXTREMES = (
    frozenset({"highest", "worst", "largest", "biggest", "lowest", "best", "smallest", "peak"}) & _STATISTICS.keys()
)
_SLOW = frozenset({"slow", "slower", "sluggish", "lagging", "fast"})
_HOW_LONG = frozenset({"how slow", "how long", "how fast", "how quick", "how quickly"})

LOOK_AHEAD = 3
"""Words between a statistic and the field that it is of."""


def read_measures(draft: Draft, fields: KnownFields) -> None:
    """Take the words that say what is computed."""
    index = 0
    while index < len(draft.words):
        if draft.word(index) in {"distinct", "unique"} and draft.word(index + 1) in {"pattern", "patterns"}:
            draft.skip([index])
            draft.notes.append("how many different patterns there are can't be computed: logs are counted by pattern")
        if draft.is_plain(index):
            _ = (
                _sum(draft, fields, index)
                or _share(draft, index)
                or _how_long(draft, fields, index)
                or _statistics(draft, fields, index)
                or _unique(draft, fields, index)
            )
        index += 1
    for index in range(len(draft.words)):
        if draft.is_plain(index):
            _count(draft, fields, index)
    for index in range(len(draft.words)):
        if draft.is_plain(index) and not any(":" in measure for measure in draft.measures):
            _bare(draft, fields, index)


def _bare(draft: Draft, fields: KnownFields, first: int) -> None:
    """``latency by service``, ``duration over time``: the average is what is most often meant."""
    found = fields.at(draft, first)
    if found is None or draft.said(draft.before(first, ARTICLES)) in {"by", "per", "each", "every", "and"}:
        return
    name, last = found
    is_divided = draft.said(last) in {"by", "per"} or draft.taken.get(last) is Part.INTERVAL
    is_divided |= name == fields.duration() and draft.said(last) in {"of", "for", "in"}
    if is_divided and fields.is_numeric(name) and name != fields.status():
        draft.measures.append(f"avg:{name}")
        draft.take(first, last, Part.MEASURE, f"avg of {name}")
        draft.notes.append(f"of {name} the average is taken; ask for p95, max or another for more")


def statistic_at(draft: Draft, index: int) -> tuple[str, int] | None:
    """The statistic that is named at ``index``, as a measure begins, and the place behind it."""
    word = draft.word(index)
    if match := _PERCENTILE.fullmatch(word):
        share = match[1] or match[2]
        return (f"p{share}", index + 1) if float(share) > 0 else None
    if (match := _NTH.fullmatch(word)) and draft.word(index + 1) in {"percentile", "percentiles", "pct", "perc"}:
        return (f"p{match[1]}", index + 2) if float(match[1]) > 0 else None
    if word in {"percentile", "p"} and (match := re.fullmatch(r"\d{1,2}", draft.word(index + 1))) and int(match[0]):
        return f"p{int(match[0])}", index + 2
    if draft.run(index, 2) == ("on", "average"):
        return "avg", index + 2
    return (_STATISTICS[word], index + 1) if word in _STATISTICS else None


def _statistics(draft: Draft, fields: KnownFields, first: int) -> bool:
    found, last = _listed(draft, first)
    if draft.word(first) == "percentiles":
        found, last = ["p50", "p95", "p99"], first + 1
    elif (named := fields.at(draft, first)) is not None and draft.word(named[1]) in {"percentile", "percentiles"}:
        draft.measures.extend(f"{statistic}:{named[0]}" for statistic in ("p50", "p95", "p99"))
        draft.take(first, named[1] + 1, Part.MEASURE, f"percentiles of {named[0]}")
        return True
    if not found:
        return False
    word = draft.word(first)
    behind = draft.past(last, _BETWEEN)
    if draft.after(behind, _COUNTS) is not None and word in _STATISTICS:
        return _of_counts(draft, first, last)
    if word in {"highest", "worst", "biggest", "largest", "greatest"} and draft.word(behind) in EVENT_NOUNS:
        return False
    field = _field_of(draft, fields, last)
    if field is None and (word in _OF_TIME or word not in _STATISTICS or found == ["p50"]):
        field = (fields.duration() or "", last, last)
    if field is None or not field[0]:
        return _of_nothing(draft, first, last)
    name, start, end = field
    draft.measures.extend(f"{statistic}:{name}" for statistic in found)
    meaning = ", ".join(f"{statistic} of {name}" for statistic in found)
    draft.take(first, last, Part.MEASURE, meaning)
    if end > start:
        draft.take(start, end, Part.MEASURE, name)
    lead = draft.before(first, {"the"})
    if (word in _EXTREMES or draft.order == "measure") and draft.said(lead) in {"with", "having", "has", "have", "by"}:
        draft.order = "measure"
        noun_before(draft, fields, lead)
    return True


def _listed(draft: Draft, first: int) -> tuple[list[str], int]:
    """The statistics that stand in a row: ``p50, p95 and p99``."""
    found: list[str] = []
    place = last = first
    if draft.word(first) in _EXTREMES and statistic_at(draft, first + 1) is not None:
        # "the highest p95" is a p95, and the highest comes first.
        draft.order = "measure" if _STATISTICS[draft.word(first)] == "max" else draft.order
        place = first + 1
    while (statistic := statistic_at(draft, place)) is not None:
        found.append(statistic[0])
        last = statistic[1]
        place = draft.past(last, {"and", "or", "&", "vs", "the"})
    return found, last


def _field_of(draft: Draft, fields: KnownFields, first: int) -> tuple[str, int, int] | None:
    for place in range(first, min(len(draft.words), first + 1 + LOOK_AHEAD)):
        if not draft.is_plain(place):
            return None
        if draft.word(place) in {"per", "by", "each", "every", "since", "with", "where"}:
            return None
        found = fields.at(draft, place)
        if found is not None:
            return found[0], place, found[1]
    return None


def _of_counts(draft: Draft, first: int, last: int) -> bool:
    draft.leave(range(first, last), "only the counts themselves are computed, and not their average or extremes")
    return True


def _of_nothing(draft: Draft, first: int, last: int) -> bool:
    """Nothing that is known can be averaged: neither the statistic nor its noun is understood."""
    if any(draft.after(index, _COUNTS) or draft.taken.get(index) is Part.MEASURE for index in range(first)):
        return False
    place = draft.past(last, _BETWEEN)
    is_of_logs = names_a_level(draft.word(place)) or draft.word(place) in EVENT_NOUNS
    nouns = [] if is_of_logs or not draft.is_plain(place) or draft.word(place) in STOP_WORDS else [place]
    if not nouns and draft.said(first) in {
        "on",
        "worst",
        "typical",
        "highest",
        "largest",
        "biggest",
        "peak",
        "min",
        "max",
    }:
        return False
    nouns.extend(_of_what(draft, place))
    said = f"no field is called {draft.words[nouns[-1]].text}" if nouns else "it is not said of which field"
    draft.leave([*range(first, last), *nouns], said)
    return True


def _sum(draft: Draft, fields: KnownFields, first: int) -> bool:
    """``sum of bytes``, ``total duration``: no measure is one."""
    if draft.word(first) not in {"sum", "total", "cumulative", "summed", "sums"}:
        return False
    place = draft.past(first + 1, _BETWEEN)
    found = fields.at(draft, place)
    last = found[1] if found else place + len(_of_what(draft, place))
    if last == place or draft.after(first, _COUNTS) is not None:
        return False
    draft.leave(range(first, last), UNANSWERABLE["sum"])
    return True


def _share(draft: Draft, first: int) -> bool:
    """``what percentage``: what can be told are counts."""
    if draft.word(first) not in {"percentage", "percent", "ratio", "proportion", "fraction"}:
        return False
    draft.measures.append("count")
    draft.leave([first], UNANSWERABLE["percentage"])
    return True


def _of_what(draft: Draft, first: int) -> list[int]:
    """The words up to one that is measured, as in ``average session duration``."""
    for last in range(first, min(len(draft.words), first + LOOK_AHEAD)):
        if not draft.is_plain(last):
            break
        if draft.word(last) in DURATION_NAMES | SIZE_NAMES | {"usage"}:
            return list(range(first, last + 1))
    return []


def _how_long(draft: Draft, fields: KnownFields, first: int) -> bool:
    """``how slow is checkout``: what is usual, and what is bad."""
    behind = draft.after(first, _HOW_LONG)
    if (
        behind is None
        and draft.word(first) in _SLOW
        and not (draft.word(first + 1) and draft.word(first + 1) not in STOP_WORDS)
    ):
        behind = first + 1
    name = fields.duration()
    if behind is None or draft.word(behind) == "ago":
        return False
    if name is None:
        draft.leave(range(first, behind), "no field is known that says how long something took")
        return True
    draft.measures.extend([f"p50:{name}", f"p95:{name}"])
    draft.take(first, behind, Part.MEASURE, f"p50 and p95 of {name}")
    return True


def _unique(draft: Draft, fields: KnownFields, first: int) -> bool:
    """``unique users``, ``how many different hosts``, ``how many hosts``; in a list of them, each is a group."""
    counted = draft.after(first, _COUNTS)
    place = draft.past(counted or first, ARTICLES | {"are", "there", "of"})
    unique = place if draft.word(place) in _UNIQUE and (counted or draft.word(place) != "different") else None
    if counted is None and unique is None:
        return False
    noun_first = draft.past(unique + 1 if unique is not None else place, ARTICLES)
    found = noun_at(draft, fields, noun_first)
    if found is None and unique is not None and draft.word(noun_first) not in STOP_WORDS:
        draft.leave([unique])
        leave_noun(draft, fields, noun_first)
    if (
        found is None
        or found.name == "pattern"
        or (unique is None and not _is_counted_noun(draft, fields, found.first, found.last))
    ):
        return False
    is_listed = counted is None and draft.said(draft.before(first, ARTICLES | {"me", "the"})) in {
        "list",
        "show",
        "what",
        "which",
    }
    if is_listed and not {"per", "by", "each"} & {draft.said(index) for index in range(found.last, len(draft.words))}:
        draft.by.append(found.name)
        draft.take(first, found.last, Part.GROUP, f"by {found.name}")
    else:
        draft.measures.append(f"distinct:{found.name}")
        draft.take(first, found.last, Part.MEASURE, f"how many different values {found.name} has")
    return True


def _is_counted_noun(draft: Draft, fields: KnownFields, first: int, last: int) -> bool:
    """``how many users`` counts users; ``how many errors per user`` and ``how many orders failed`` count logs, too."""
    noun = draft.word(last - 1)
    name = fields.at(draft, first, has_built_in=True)
    is_number = name is not None and fields.is_numeric(name[0])
    follows_failure = draft.word(last) in {"error", "errors", "warnings", "timeouts", "failures", "exceptions"}
    return (is_plural(noun) or noun == "people") and not is_number and not follows_failure and noun not in EVENT_NOUNS


def _count(draft: Draft, fields: KnownFields, first: int) -> None:
    behind = draft.after(first, _COUNTS)
    if behind is None:
        return
    if {draft.said(first - 1), draft.said(first - 2)} & {"where", "whose", "when", "if"}:
        draft.leave(range(first, behind), "logs can't be found by how many there are of something")
        return
    is_compound = draft.said(first - 1) in {
        "total",
        "log",
        "error",
        "request",
        "message",
        "event",
        "warning",
        "traffic",
    }
    if draft.word(first) in {"number", "volume"} and draft.word(first + 1) != "of" and not is_compound:
        return
    while draft.word(behind) in {"times", "of"}:
        behind += 1
    if "count" not in draft.measures:
        draft.measures.append("count")
    draft.take(first, behind, Part.MEASURE, "how many")
