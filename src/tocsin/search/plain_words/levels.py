"""What a question says about levels: ``errors and warnings``, ``at least warn``, ``anything worse than info``."""

from tocsin.logmodel.levels import SEVERITY_RANGES, Level
from tocsin.search.plain_words.contracts import Part
from tocsin.search.plain_words.draft import Condition, Draft
from tocsin.search.plain_words.lexicon import ARTICLES, EVENT_NOUNS
from tocsin.search.plain_words.words import Form

_NAMES = {
    **dict.fromkeys(("debug", "debugs", "trace-level", "verbose", "trace"), Level.DEBUG),
    **dict.fromkeys(("info", "infos", "informational"), Level.INFO),
    **dict.fromkeys(("warn", "warns", "warning", "warnings", "wrn"), Level.WARN),
    **dict.fromkeys(("error", "errors", "err", "errs", "erroring", "errored", "severe"), Level.ERROR),
    **dict.fromkeys(("fatal", "fatals", "critical", "criticals", "crit", "panic", "panics", "emergency"), Level.FATAL),
}
_AT_LEAST = frozenset({"at least", "minimum", "min", ">=", "not below", "no lower than", "not less than"})
_ABOVE = frozenset({
    "above", "over", "worse than", "higher than", "more than", "greater than", ">", "more severe than",
    "more serious than", "beyond",
})  # fmt: skip
_AT_MOST = frozenset({"at most", "<=", "no higher than", "up to", "not above"})
_BELOW = frozenset({"below", "under", "lower than", "less than", "<", "less severe than"})
_OR_MORE = frozenset({
    "or above", "or higher", "or worse", "or more", "and above", "and higher", "and up", "and worse", "+", "or up",
    "and more", "or greater", "upwards", "or more severe", "or more serious", "and more severe", "and upwards",
    "plus",
})  # fmt: skip
_OR_LESS = frozenset({"or below", "or lower", "or less", "and below", "and lower", "and less"})
_LEVEL_WORDS = frozenset({"level", "levels", "severity", "loglevel", "log level", "lvl", "severities"})
_LINKS = frozenset({"is", "=", "of", "equals", "are", "==", ":", "was"})
_SERIOUS = frozenset({Level.ERROR, Level.FATAL})
_PLURALS = frozenset({"errors", "warnings", "error", "warning"})
_IS_A_MESSAGE = frozenset({"code", "codes", "budget", "id"})


def names_a_level(word: str) -> bool:
    """Whether a folded word is the name of a level, as people say it."""
    return word.rstrip("+") in _NAMES and word != "trace"


def read_levels(draft: Draft) -> None:
    """Take the words that name levels."""
    for index in range(len(draft.words)):
        if draft.word(index) == "trace" and (
            draft.word(index + 1) in _LEVEL_WORDS or draft.word(index - 1) in _LEVEL_WORDS
        ):
            _read_level(draft, index)
        if (
            draft.is_plain(index)
            and draft.is_free(index - 1)
            and draft.words[index - 1].form is Form.QUOTED
            and draft.word(index) in _PLURALS
        ):
            # "'card declined' errors": what messages say is enough, whatever their level.
            draft.skip([index])
        elif draft.word(index) == "info" and draft.word(index + 1) in {"about", "on", "regarding"}:
            draft.skip([index])
        elif draft.is_plain(index) and names_a_level(draft.word(index)) and draft.word(index + 1) not in _IS_A_MESSAGE:
            _read_level(draft, index)


def read_trouble(draft: Draft) -> None:
    """Take ``what went wrong``: what is serious is meant."""
    for index in range(len(draft.words)):
        if draft.word(index) in {
            "wrong",
            "broken",
            "broke",
            "amiss",
            "fire",
            "burning",
            "problems",
            "problem",
            "issues",
            "issue",
            "trouble",
        } and not any(each.field == "level" for each in draft.conditions):
            condition = Condition(first=index, last=index + 1, field="level", value=f">={Level.ERROR}")
            draft.add(condition, Part.LEVEL, f"level >={Level.ERROR}")


def _read_level(draft: Draft, index: int) -> None:
    first, operator, is_named = _opened(draft, index)
    last = index + 1
    word = draft.word(index)
    level = _NAMES[word.rstrip("+")]
    if word.endswith("+"):
        operator = ">="
    elif (behind := draft.after(last, _OR_MORE)) is not None:
        operator, last = ">=", behind
    elif (behind := draft.after(last, _OR_LESS)) is not None:
        operator, last = "<=", behind
    if level is Level.FATAL and draft.word(last) in {"error", "errors", "warning", "warnings"}:
        last += 1
    if draft.word(last) in _LEVEL_WORDS and not operator:
        is_named, last = True, last + 1
    if level is Level.ERROR and not operator and not is_named:
        # Who asks for errors asks for what is worse, too; "level error" is that level alone.
        operator = ">="
    if operator in {">", "<"} and level in {Level.FATAL, Level.DEBUG} and not _exists(level, operator):
        operator = f"{operator}="
    while draft.word(last) in EVENT_NOUNS:
        last += 1
    value = f"{operator}{level}"
    draft.add(Condition(first=first, last=last, field="level", value=value), Part.LEVEL, f"level {value}")


def _exists(level: Level, operator: str) -> bool:
    """Whether there is a level on that side."""
    return (level is not Level.FATAL) if operator == ">" else (level is not Level.DEBUG)


def _opened(draft: Draft, index: int) -> tuple[int, str, bool]:
    """Where the words before a level's name begin that belong to it, its comparison, and whether ``level`` is said."""
    first, operator = index, ""
    for phrases, sign in ((_AT_LEAST, ">="), (_ABOVE, ">"), (_AT_MOST, "<="), (_BELOW, "<")):
        start = _begins_before(draft, index, phrases)
        if start is not None and (not operator or start < first):
            first, operator = start, sign
    place = first
    while draft.word(place - 1) in _LINKS or (
        draft.word(place - 1) in ARTICLES and draft.word(place - 2) in _LEVEL_WORDS
    ):
        place -= 1
    if draft.word(place - 1) in _LEVEL_WORDS:
        place -= 1
        return place - (draft.word(place - 1) == "log"), operator, True
    return first, operator, False


def _begins_before(draft: Draft, index: int, phrases: frozenset[str]) -> int | None:
    """Where the longest of these phrases begins that ends just before ``index``, or before ``level`` there."""
    end = index - (draft.word(index - 1) in _LEVEL_WORDS)
    for length in (4, 3, 2, 1):
        start = end - length
        if start >= 0 and " ".join(draft.run(start, length)) in phrases:
            return start
    return None


def merged(values: list[str]) -> list[str]:
    """The same levels said more shortly: ``>=ERROR`` and ``WARN`` are ``>=WARN``."""
    levels = list(Level)
    included = [any(includes(value, level) for value in values) for level in levels]
    lowest = included.index(True)
    if all(included[lowest:]):
        last = levels[-1]
        return [str(last)] if levels[lowest] is last else [f">={levels[lowest]}"]
    if all(included[: lowest + 1]) and len(values) == 1:
        return values
    return [str(level) for level, is_included in zip(levels, included, strict=True) if is_included]


def includes(value: str, level: Level) -> bool:
    """Whether a level is one of those that the text behind ``level:`` means."""
    name = value.lstrip("<>=")
    sign, own, other = value.removesuffix(name), SEVERITY_RANGES[Level(name)], SEVERITY_RANGES[level]
    match sign:
        case ">=":
            return other[0] >= own[0]
        case ">":
            return other[0] > own[1]
        case "<=":
            return other[1] <= own[1]
        case "<":
            return other[1] < own[0]
        case _:
            return level == name
