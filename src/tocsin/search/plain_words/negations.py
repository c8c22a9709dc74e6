"""What a question excludes: ``except checkout and cart``, ``without debug``, ``but not timeouts``."""

from dataclasses import replace

from tocsin.search.plain_words.draft import Condition, Draft
from tocsin.search.plain_words.lexicon import ARTICLES

NEGATIONS = frozenset({
    "not", "without", "except", "excluding", "exclude", "excludes", "ignoring", "ignore", "minus", "no", "non",
    "besides", "omit", "omitting", "skip", "skipping", "hide", "hiding", "nor", "neither", "aren't", "isn't", "don't",
    "doesn't", "didn't", "excluded", "never", "wasn't", "weren't", "barring", "discard", "discarding", "cannot",
})  # fmt: skip
_IMPERATIVES = frozenset({"ignore", "skip", "hide", "omit", "discard", "exclude"})
_PAIRS = frozenset({("other", "than"), ("apart", "from"), ("aside", "from"), ("anything", "but"), ("everything", "but"),
                    ("all", "but"), ("filter", "out"), ("filtering", "out"), ("leave", "out"), ("leaving", "out"),
                    ("instead", "of"), ("services", "but"), ("rather", "than"), ("filtered", "out"),
                    ("get", "rid"), ("left", "out")})  # fmt: skip
_FILLERS = ARTICLES | frozenset({
    "from", "in", "of", "for", "on", "with", "by", "to", "at", "those", "logs", "ones", "messages", "log", "message",
    "status", "level", "service", "services", "about", "containing", "mentioning", "like", "related", "coming",
    "including", "contain", "contains", "mention", "are", "is", "lines", "entries", "matching", "have", "having", "has",
    "which", "that", "say", "saying", "field", "severity", "events", "requests", "come", "user", "host", "code", "word",
    "phrase", "text", "caused", "the", "where",
})  # fmt: skip
_JOINTS = frozenset({"and", "or", "nor", "&", "also", "neither"}) | ARTICLES


def with_negations(draft: Draft) -> list[Condition]:
    """The conditions in the order in which they are said, with those negated that the words before exclude."""
    found: list[Condition] = []
    for condition in sorted(draft.conditions, key=lambda each: (each.first, each.value)):
        previous = found[-1] if found else None
        is_excluded = _is_excluded(draft, condition) or (
            previous is not None
            and condition.field == previous.field
            and (condition.first, condition.last) != (previous.first, previous.last)
            and _is_excluded_chain(draft, previous, condition)
        )
        is_negated = condition.is_negated != is_excluded
        if previous is not None and (condition.first, condition.last) == (previous.first, previous.last):
            # Several services that the same words name.
            is_negated = previous.is_negated
        found.append(replace(condition, is_negated=is_negated))
    return found


def _is_excluded(draft: Draft, condition: Condition) -> bool:
    # A condition that no word says can't be excluded by one.
    place = condition.first - 1 if condition.first < len(draft.words) else -1
    while place >= 0:
        said = draft.said(place)
        if (draft.said(place - 1), said) in _PAIRS:
            return True
        if said in NEGATIONS and draft.taken.get(place) is None and tells_to_exclude(draft, place):
            return not _is_presence(condition)
        if said not in _FILLERS or draft.taken.get(place) is not None or draft.words[place + 1].is_after_break:
            return False
        place -= 1
    return False


def tells_to_exclude(draft: Draft, place: int) -> bool:
    """``ignore retries`` tells to exclude them where it begins; ``did PAM ignore retries`` says what happened."""
    if draft.said(place) not in _IMPERATIVES or place == 0 or draft.words[place].is_after_break:
        return True
    return draft.said(place - 1) in {"and", "but", "please", "to", "then", "also", "just", "can", "you", "-"}


def _is_presence(condition: Condition) -> bool:
    """``without a user id`` is negated where it is read."""
    return condition.is_negated and condition.value == "*"


def _is_excluded_chain(draft: Draft, previous: Condition, condition: Condition) -> bool:
    """Whether only ``and`` and the like stand between a condition that is excluded and this one."""
    between = [draft.said(place) for place in range(previous.last, condition.first)]
    is_run = previous.is_negated and all(word in _JOINTS | {"from", "in"} for word in between)
    return is_run and not (previous.value.endswith("*") and previous.value == "*")
