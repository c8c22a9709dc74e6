"""Slips of the pen: one letter too many, too few, wrong, or two exchanged."""

from functools import lru_cache

from tocsin.search.plain_words.lexicon import EVENT_NOUNS, OWN_NOUNS, STOP_WORDS

MIN_LENGTH = 5
"""Shorter words are one letter from too many others."""

_KEYWORDS = frozenset({
    "yesterday", "today", "errors", "error", "warnings", "warning", "service", "services", "between", "minutes",
    "minute", "hours", "average", "compare", "changed", "critical", "monday", "tuesday", "wednesday", "thursday",
    "friday", "saturday", "sunday", "since", "after", "before", "around", "median", "number", "count", "unique",
    "distinct", "percentile", "slowest", "latency", "duration", "status", "patterns", "pattern", "common", "frequent",
    "excluding", "except", "without", "containing", "mentioning", "morning", "evening", "weekend", "month", "fatal",
    "debug", "seconds", "second", "grouped", "longer", "slower", "larger", "requests", "different", "messages",
    "message", "hourly", "daily", "noisiest", "highest", "maximum", "minimum", "exceptions", "timeouts", "failures",
    "hosts", "users",
})  # fmt: skip

_RIGHT = frozenset({
    "hour", "times", "month", "counts", "counter", "mounts", "mouth", "terror", "hosted", "users", "user", "host",
    "ghosts", "posts", "costs", "lower", "longest", "larger", "statue", "states", "state", "toddy", "deputy",
    "median", "medium", "warming", "mourning", "months", "battery", "fetal", "afters", "alter", "often", "later",
    "hasher", "patter", "seconded", "massages", "massage", "slower", "lowest", "slowed", "flower", "layer", "minuted",
    "counted", "country", "county", "court", "mount", "amount", "numbers", "exception", "timeout", "failure",
    "request", "warned", "excluded", "exclude", "includes", "contains", "compared", "compares", "changes", "change",
    "fatals", "failed", "cursor", "using", "uses", "usual", "posted",
})  # fmt: skip
"""Words that are right though they are one letter from another."""


@lru_cache(maxsize=4_096)
def corrected(folded: str) -> str:
    """The keyword that a word was meant to be; words that are right as they are stay so."""
    if len(folded) < MIN_LENGTH or not folded.isalpha() or folded in _KEYWORDS or folded in _RIGHT:
        return folded
    if folded in STOP_WORDS or folded in EVENT_NOUNS or folded in OWN_NOUNS:
        return folded
    meant = [keyword for keyword in _KEYWORDS if folded[0] == keyword[0] and is_slip_of(folded, keyword)]
    return min(meant, key=lambda keyword: (abs(len(keyword) - len(folded)), keyword)) if meant else folded


def is_slip_of(written: str, meant: str) -> bool:
    """Whether one slip makes ``written`` of ``meant``, which has at least ``MIN_LENGTH`` letters."""
    if written == meant or len(meant) < MIN_LENGTH or abs(len(written) - len(meant)) > 1:
        return False
    first = next((n for n, pair in enumerate(zip(written, meant, strict=False)) if pair[0] != pair[1]), None)
    if first is None:
        return True
    if len(written) == len(meant):
        rest_is_same = written[first + 1 :] == meant[first + 1 :]
        exchanged = written[first : first + 2] == meant[first : first + 2][::-1]
        return rest_is_same or (exchanged and written[first + 2 :] == meant[first + 2 :])
    longer, shorter = (written, meant) if len(written) > len(meant) else (meant, written)
    return longer[first + 1 :] == shorter[first:]
