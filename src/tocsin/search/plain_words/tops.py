"""What is asked for the most of: ``top 5 services by errors``, ``most common errors``, ``slowest requests``."""

import re

from tocsin.search.plain_words.contracts import Part
from tocsin.search.plain_words.draft import Draft
from tocsin.search.plain_words.durations import number_at
from tocsin.search.plain_words.groups import MAX_LIMIT, Noun, add_group, leave_noun, noun_at, noun_before
from tocsin.search.plain_words.intervals import number_before
from tocsin.search.plain_words.known_fields import KnownFields
from tocsin.search.plain_words.lexicon import ARTICLES, EVENT_NOUNS
from tocsin.search.plain_words.measures import statistic_at

_TOP = re.compile(r"top-?(\d{1,4})?")
_MOST_COMMON = frozenset({
    "most common", "most frequent", "most frequently", "most often", "commonest", "most popular", "most repeated",
    "most recurring", "most prevalent", "most frequently occurring", "noisiest", "busiest", "chattiest", "loudest",
    "noisy", "most noisy", "most active", "most commonly", "recurring", "most numerous", "most occurring",
    "most affected", "most verbose", "most chatty", "most talkative", "most frequently seen", "most seen", "biggest",
    "dominant", "most problematic", "worst", "flakiest", "most used", "most error prone",
})  # fmt: skip
_SEEN = frozenset({"occurring", "seen", "logged", "repeated", "reported", "encountered"})
_SLOW = {
    **dict.fromkeys(("slowest", "slow", "most slow", "longest running", "longest-running", "most expensive"), "max"),
    **dict.fromkeys(("fastest", "quickest"), "min"),
}
_THE_MOST = frozenset({
    "the most", "most", "the highest number of", "highest number of", "the largest number of", "largest number of",
    "the highest count of", "highest count of", "the biggest number of", "the most number of", "maximum number of",
    "the maximum number of", "the highest", "highest", "greatest number of", "the greatest number of",
    "more often than others", "the highest amount of", "the largest amount of", "the worst", "biggest number of",
})  # fmt: skip
_LEADS = frozenset({
    "with", "has", "have", "had", "having", "is", "are", "by", "log", "logs", "gets", "get", "got", "throws", "throw",
    "produces", "produce", "generates", "generate", "sees", "see", "saw", "logged", "showing", "shows", "emits",
    "emit", "reports", "report", "causes", "cause", "made", "make", "makes", "that", "experienced", "produced",
    "generated", "caused", "threw", "throwing", "logging", "producing", "generating", "getting", "gave",
    "experiencing", "did", "hit", "sent", "sends",
})  # fmt: skip
_NEW = frozenset({
    "new", "newly seen", "never seen before", "unseen", "previously unseen", "brand new", "first seen",
    "never before seen", "novel",
})  # fmt: skip
_NEW_NOUNS = frozenset({
    "pattern", "patterns", "errors", "error", "messages", "warnings", "exceptions", "templates", "logs", "kinds",
    "types", "issues", "problems", "log", "failures",
})  # fmt: skip
_ROUTE_LIKE = (("route",), ("operation",), ("query",), ("handler",), ("job",))


def read_tops(draft: Draft, fields: KnownFields) -> None:
    """Take the words that ask for the most of something."""
    for index in range(len(draft.words)):
        if draft.is_plain(index):
            _ = (
                _new(draft, index)
                or _top(draft, fields, index)
                or _slow(draft, fields, index)
                or _most_common(draft, fields, index)
                or _the_most(draft, fields, index)
            )


def _new(draft: Draft, first: int) -> bool:
    behind = draft.after(first, _NEW)
    if behind is not None and draft.said(first - 1) in {"are", "is"} and draft.said(first - 2) in _NEW_NOUNS:
        # "which errors are new"
        draft.is_only_new = True
        draft.take(first, behind, Part.GROUP, "patterns that were never seen before")
        add_group(draft, "pattern", first, first)
        return True
    if behind is None or draft.word(behind) not in _NEW_NOUNS:
        return False
    draft.is_only_new = True
    draft.take(first, behind, Part.GROUP, "patterns that were never seen before")
    is_pattern = draft.word(behind) in {"pattern", "patterns", "messages", "templates", "kinds", "types"}
    last = behind + is_pattern
    if not is_pattern and draft.word(behind + 1) in {"pattern", "patterns", "messages", "types", "kinds", "templates"}:
        draft.take(behind + 1, behind + 2, Part.GROUP, "by pattern")
    add_group(draft, "pattern", behind, last)
    return True


def _top(draft: Draft, fields: KnownFields, first: int) -> bool:
    match = _TOP.fullmatch(draft.word(first))
    if match is None:
        return False
    place, limit = first + 1, int(match[1]) if match[1] else None
    if limit is None and (number := number_at(draft, place)) is not None and draft.word(place) not in {"a", "an"}:
        limit, place = int(number[0]), number[1]
    place = draft.past(place, ARTICLES | {"of", "most"})
    place = draft.after(place, _MOST_COMMON | {"common", "frequent", "frequently", "noisiest"}) or place
    place = draft.past(place, _SEEN)
    if draft.word(place) in _SLOW:
        _limited(draft, limit, first, place)
        return _slow(draft, fields, place)
    noun = noun_at(draft, fields, place)
    if noun is None:
        if draft.word(place) in EVENT_NOUNS:
            noun = Noun("pattern", place, place)
        elif limit is None:
            return False
    _limited(draft, limit, first, place)
    if noun is not None:
        _group(draft, fields, noun, place)
    else:
        leave_noun(draft, fields, place)
    return True


def _limited(draft: Draft, limit: int | None, first: int, last: int) -> None:
    if limit is not None and 1 <= limit <= MAX_LIMIT:
        draft.limit = limit
    if "count" not in draft.measures:
        draft.measures.append("count")
    draft.take(first, last, Part.LIMIT, f"the top {draft.limit}" if draft.limit else "the most")


def _group(draft: Draft, fields: KnownFields, noun: Noun, place: int) -> None:
    add_group(draft, noun.name, noun.first, noun.last)
    # "by errors", "by average duration": what they are ordered by, and not another group.
    behind = max(noun.last, place)
    if draft.word(behind) in {"by", "for"} and _is_an_order(draft, fields, behind + 1):
        place = draft.past(behind + 1, {"the", "their", "its", "total", "number", "of"})
        statistic = statistic_at(draft, place)
        named = fields.at(draft, place)
        if statistic is None and named is not None and fields.is_numeric(named[0]):
            draft.measures.append(f"max:{named[0]}")
            draft.take(place, named[1], Part.MEASURE, f"max of {named[0]}")
            draft.notes.append(f"of {named[0]} the largest value is taken: sums can't be computed")
            draft.order = "measure"
            draft.skip([behind])
            return
        draft.order = "measure" if statistic is not None else None
        draft.skip([behind])


def _is_an_order(draft: Draft, fields: KnownFields, place: int) -> bool:
    place = draft.past(place, {"the", "their", "its", "number", "of", "count", "total"})
    named = fields.at(draft, place)
    if named is not None and fields.is_numeric(named[0]) and named[0] != fields.status():
        return True
    if statistic_at(draft, place) is not None or draft.word(place) in {"rate", "volume", "error", "errors", "count"}:
        return True
    return fields.at(draft, place, has_built_in=True) is None


def _most_common(draft: Draft, fields: KnownFields, first: int) -> bool:
    behind = draft.after(first, _MOST_COMMON)
    if behind is None or (draft.word(first) == "recurring" and draft.word(behind) not in _NEW_NOUNS):
        return False
    behind = draft.past(behind, _SEEN)
    noun = noun_at(draft, fields, behind)
    if noun is not None and fields.is_numeric(noun.name) and noun.name != fields.status():
        return False
    if noun is None and not draft.word(behind) and draft.said(first - 1) in {"is", "are", "the", "was", "were"}:
        draft.take(first, behind, Part.ORDER, "the most first")
        return True
    if noun is None and (
        draft.said(first) in {"biggest", "noisy", "worst", "dominant"} or draft.is_plain(behind) is False
    ):
        return False
    limit, start = number_before(draft, first)
    _limited(draft, limit, start, behind)
    _group(draft, fields, noun or Noun("pattern", behind, behind), behind)
    return True


def _slow(draft: Draft, fields: KnownFields, first: int) -> bool:
    """``slowest requests``: the largest durations of each route; single logs can't be sorted by a field."""
    behind = draft.after(first, _SLOW)
    name = fields.duration()
    if behind is None:
        return False
    said = " ".join(draft.run(first, behind - first))
    if said == "slow" and draft.word(behind) not in EVENT_NOUNS:
        return False
    statistic = _SLOW[said]
    if name is None:
        draft.leave(range(first, behind), "no field is known that says how long something took")
        return True
    limit, start = number_before(draft, first)
    if limit is None and (number := number_at(draft, behind)) is not None and draft.word(behind).isdigit():
        limit, behind = int(number[0]), number[1]
    if limit is not None and 1 <= limit <= MAX_LIMIT:
        draft.limit = limit
    draft.measures[:] = [each for each in draft.measures if each != "count"]
    draft.measures.extend([f"{statistic}:{name}", f"{'p95' if statistic == 'max' else 'p50'}:{name}"])
    draft.order = f"{statistic}:{name}"
    draft.take(start, behind, Part.MEASURE, f"by the {'largest' if statistic == 'max' else 'smallest'} {name}")
    noun = noun_at(draft, fields, draft.past(behind, {"database", "db", "sql", "http", "api"}))
    if noun is not None and noun.name != "pattern" and noun.last > noun.first:
        add_group(draft, noun.name, noun.first, noun.last)
    draft.slowest = name
    return True


def route_like(fields: KnownFields) -> str:
    """The field that says what was done, of which the slowest may be asked; else the pattern."""
    return next((name for words in _ROUTE_LIKE if (name := fields.called(words)) is not None), "pattern")


def _the_most(draft: Draft, fields: KnownFields, first: int) -> bool:
    """``which service has the most errors``: groups come so anyway."""
    lead = first + (draft.word(first) in _LEADS)
    behind = draft.after(lead, _THE_MOST)
    if any(draft.after(place, _MOST_COMMON | _SLOW.keys()) for place in (lead, lead + 1)):
        return False
    if behind is None or (draft.word(behind - 1) == "highest" and not _is_of_counts(draft, behind)):
        return False
    if draft.word(behind) in {"recent", "of", "likely", "important", "current", "recently"}:
        return False
    if "count" not in draft.measures:
        draft.measures.append("count")
    draft.take(first, behind, Part.ORDER, "the most first")
    _leave_who_has_the_most(draft, fields, first)
    if not {draft.said(first - 1), draft.said(first - 2), draft.said(first - 3)} & {"which", "what", "top"}:
        noun_before(draft, fields, first - (draft.word(first - 1) in _LEADS))
    return True


def _leave_who_has_the_most(draft: Draft, fields: KnownFields, first: int) -> None:
    """``which workers had the most``, where no field has workers."""
    asked = next(
        (place for place in range(first - 1, max(-1, first - 5), -1) if draft.word(place) in {"which", "what"}), None
    )
    if asked is not None and draft.word(asked + 1).isalpha() and noun_at(draft, fields, asked + 1) is None:
        leave_noun(draft, fields, asked + 1)


def _is_of_counts(draft: Draft, place: int) -> bool:
    return draft.word(place) in {"error", "errors", "rate", "count", "volume", "traffic", "number"}
