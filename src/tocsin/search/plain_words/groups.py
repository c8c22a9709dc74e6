"""How numbers are divided: ``per service``, ``grouped by host``, ``for each level``, ``which users``."""

from dataclasses import dataclass

from tocsin.search.plain_words.contracts import Part
from tocsin.search.plain_words.draft import Draft
from tocsin.search.plain_words.known_fields import KnownFields
from tocsin.search.plain_words.levels import names_a_level
from tocsin.search.plain_words.lexicon import ARTICLES, EVENT_NOUNS, STOP_WORDS
from tocsin.search.plain_words.words import is_plural

_STRONG = frozenset({
    "per", "grouped by", "group by", "for each", "for every", "broken down by", "break down by", "breakdown by",
    "split by", "in each", "by each", "from each", "divided by", "separated by", "grouping by", "on each", "of each",
    "per each", "to each", "segmented by", "partitioned by", "sliced by", "bucketed by", "for each unique",
    "from each unique", "and by", "on every", "grouped per", "each", "every", "group per", "at each",
})  # fmt: skip
_SPLITS = frozenset({"breakdown", "distribution", "split", "break", "group", "divide", "rank"})
_WEAK = frozenset({"by", "across", "/"})
_QUALIFIERS = ARTICLES | frozenset({"unique", "distinct", "individual", "source", "single", "different", "top"})
_PATTERN_NOUNS = frozenset({
    "pattern", "patterns", "message", "messages", "template", "templates", "kinds", "types", "kind", "type",
})  # fmt: skip
_WHAT_HAPPENS = frozenset({
    "errors", "error", "warnings", "warning", "exceptions", "exception", "failures", "issues", "problems", "messages",
    "logs", "events", "crashes", "timeouts", "fatals",
})  # fmt: skip

_AFTER_SUBJECT = frozenset({
    "affected", "with", "that", "who", "which", "having", "seeing", "hit", "impacted", "reporting", "logging",
    "throwing", "returning", "producing", "emitting", "where", "whose",
})  # fmt: skip
_AFTER_WHICH = frozenset({
    "are", "is", "the", "all", "of", "different", "were", "unique", "distinct", "kind", "kinds", "was",
})  # fmt: skip

MAX_LIMIT = 1_000
"""As many logs or groups as one answer may have."""

MAX_GROUPED = 5


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun that names a field, and its words."""

    name: str
    first: int
    last: int


def noun_at(draft: Draft, fields: KnownFields, first: int) -> Noun | None:
    """The field that a noun at ``first`` names; messages, and what happens, come in patterns.

    Of ``error messages`` only the second word is the noun's, and of ``errors`` none: the level is read of it, too.
    """
    found = fields.at(draft, first, has_built_in=True)
    if found is not None and not (draft.word(first) in EVENT_NOUNS and found[0] != "pattern"):
        # Of ``error types`` the level is read, too.
        return Noun(found[0], first + (names_a_level(draft.word(first)) and found[1] > first + 1), found[1])
    word = draft.word(first)
    if (names_a_level(word) or word in {"exception", "log"}) and draft.word(first + 1) in _PATTERN_NOUNS:
        return Noun("pattern", first + 1, first + 2)
    if word in _WHAT_HAPPENS or word in {"pattern", "patterns"}:
        return Noun(
            "pattern", first, first + (word in _PATTERN_NOUNS or word in {"issues", "problems", "events", "logs"})
        )
    return None


def add_group(draft: Draft, name: str, first: int, last: int) -> None:
    """Group by a field; no more than ``MAX_GROUPED``."""
    if name not in draft.by and len(draft.by) < MAX_GROUPED:
        draft.by.append(name)
    if last > first:
        draft.take(first, last, Part.GROUP, f"by {name}")


def read_groups(draft: Draft, fields: KnownFields) -> None:
    """Take the words that say how numbers are divided."""
    for index in range(len(draft.words)):
        if draft.is_plain(index):
            _ = _grouped(draft, fields, index) or _divided(draft, fields, index)
    for index in range(len(draft.words)):
        _stands_for_patterns(draft, index)
    for index in range(len(draft.words)):
        if draft.is_plain(index):
            _ = (
                (index == 0 and _is_subject(draft, fields))
                or _asked_for(draft, fields, index)
                or _listed(draft, fields, index)
            )


def _grouped(draft: Draft, fields: KnownFields, first: int) -> bool:
    behind = draft.after(first, _STRONG)
    is_strong = behind is not None
    behind = behind or draft.after(first, _WEAK)
    if behind is None:
        return False
    place = draft.past(behind, _QUALIFIERS)
    noun = _group_noun(draft, fields, place) or _group_noun(draft, fields, behind)
    if noun is None and draft.word(first) == "across" and draft.word(behind) in {"all", "every", "the"}:
        draft.skip(range(first, place + is_plural(draft.word(place))))
        return True
    if noun is None:
        return is_strong and _unknown(draft, fields, first, place)
    if draft.word(first) == "across":
        # "across all hosts" is everywhere, and not on each.
        draft.skip(range(first, noun.last))
        return True
    add_group(draft, noun.name, first, noun.last)
    _others(draft, fields, noun.last)
    return True


def _group_noun(draft: Draft, fields: KnownFields, first: int) -> Noun | None:
    if names_a_level(draft.word(first)) and draft.word(first + 1) not in {*_PATTERN_NOUNS, "code", "codes"}:
        return None
    noun = noun_at(draft, fields, first)
    return noun if noun is not None and noun.last > noun.first else None


def _others(draft: Draft, fields: KnownFields, first: int) -> None:
    """``by level and service``, ``per host, region``."""
    place = draft.past(first, {"and", "then", "by", "per", "&", "each"})
    is_joined = place > first or (draft.is_free(first) and draft.words[first].is_after_break)
    noun = _group_noun(draft, fields, draft.past(place, ARTICLES)) if is_joined else None
    if noun is not None:
        add_group(draft, noun.name, first, noun.last)
        _others(draft, fields, noun.last)


def _unknown(draft: Draft, fields: KnownFields, first: int, place: int) -> bool:
    word = draft.word(place)
    is_concept = fields.concept_at(draft, place) is not None
    if (
        not word
        or word in STOP_WORDS
        or names_a_level(word)
        or (draft.word(first) in {"each", "every"} and not is_concept)
    ):
        return False
    leave_noun(draft, fields, place)
    draft.leave(range(first, place))
    return True


def leave_noun(draft: Draft, fields: KnownFields, first: int) -> None:
    """Say that no field is called so."""
    last = fields.concept_at(draft, first) or first + 1
    if not draft.is_plain(first) or draft.word(first) in STOP_WORDS or names_a_level(draft.word(first)):
        return
    said = draft.text[draft.words[first].start : draft.words[last - 1].end]
    draft.leave(range(first, last), f"no field is called {said}")


def _divided(draft: Draft, fields: KnownFields, first: int) -> bool:
    """``distribution of levels``, ``breakdown of status codes``."""
    if draft.word(first) not in _SPLITS:
        return False
    if draft.word(first + 1) in {"down", "up"}:
        draft.skip([first + 1])
    if draft.said(first + 1) not in {"of", "by", "per", "up", "down"}:
        if first == 0:
            draft.skip([first])
        return False
    if draft.said(first + 1) in {"down", "up"} and draft.word(first + 2) not in {"of", "by", "per"}:
        draft.skip([first])
        return False
    place = draft.past(first + 1, {"of", "the", "by", "per", "all", "up", "down"})
    noun = _group_noun(draft, fields, place)
    draft.skip([first])
    if noun is not None and noun.name != "pattern":
        add_group(draft, noun.name, first, noun.last)
        _others(draft, fields, noun.last)
    if "count" not in draft.measures:
        draft.measures.append("count")
    return True


def _stands_for_patterns(draft: Draft, index: int) -> None:
    """``error patterns``, ``patterns in checkout``, ``summarize errors``, ``rare errors``."""
    word = draft.word(index)
    is_summary = word in {"summarize", "summarise", "summary", "cluster"} and index < 3 and not draft.by
    if is_summary or word in {"patterns", "templates"}:
        add_group(draft, "pattern", index, index + 1)
    elif word in {"rare", "rarest", "uncommon", "infrequent"} and not draft.by:
        add_group(draft, "pattern", index, index)
        draft.leave([index], "patterns with the most logs come first, and the rarest last")


def _asked_for(draft: Draft, fields: KnownFields, first: int) -> bool:
    """``which services have errors``, ``what hosts``, ``who``."""
    if draft.word(first) == "who" and (user := fields.called(("user",))) is not None:
        add_group(draft, user, first, first + 1)
        return True
    if draft.word(first) not in {"which", "what"}:
        return False
    place = draft.past(first + 1, _AFTER_WHICH)
    number = draft.word(place)
    if number.isdigit() and 1 <= int(number) <= MAX_LIMIT and _group_noun(draft, fields, place + 1) is not None:
        draft.limit = int(number)
        draft.take(place, place + 1, Part.LIMIT, f"the top {number}")
        place += 1
    if draft.word(place) == "types" or draft.word(first + 1) in {"kind", "kinds"}:
        return False
    noun = _group_noun(draft, fields, place)
    if noun is None or noun.name == fields.duration() or draft.word(place) in {"message", "messages", "log", "logs"}:
        return False
    if place > first + 1 and not number.isdigit() and not is_plural(draft.word(noun.last - 1)):
        return False
    add_group(draft, noun.name, first, noun.last)
    _others(draft, fields, noun.last)
    return True


def _is_subject(draft: Draft, fields: KnownFields) -> bool:
    """``services with errors``, ``users affected by timeouts``: who is asked for stands first."""
    noun = _group_noun(draft, fields, draft.past(0, ARTICLES))
    if noun is None or noun.name == "pattern" or not is_plural(draft.word(noun.last - 1)):
        return False
    if draft.word(noun.last) not in _AFTER_SUBJECT or fields.is_numeric(noun.name):
        return False
    add_group(draft, noun.name, noun.first, noun.last)
    return True


def _listed(draft: Draft, fields: KnownFields, first: int) -> bool:
    """``list all hosts``, ``show me the services with errors``."""
    if draft.word(first) not in {"list", "show", "find", "give", "get", "name", "enumerate", "display"}:
        return False
    place = draft.past(first + 1, ARTICLES | {"me", "us", "of", "unique", "distinct", "different", "which", "list"})
    noun = _group_noun(draft, fields, place)
    concept = fields.concept_at(draft, place)
    if noun is None and concept is not None and is_plural(draft.word(concept - 1)):
        leave_noun(draft, fields, place)
        return True
    if noun is None or not is_plural(draft.word(noun.last - 1)) or draft.word(place) in EVENT_NOUNS:
        return False
    if noun.name == fields.duration() or (fields.is_numeric(noun.name) and noun.name != fields.status()):
        return False
    add_group(draft, noun.name, first, noun.last)
    return True


def noun_before(draft: Draft, fields: KnownFields, last: int) -> None:
    """``users with the most errors``, ``hosts that log the most``: the noun says by what."""
    for first in range(max(0, last - 3), last):
        if draft.names(first, last - first) and len(draft.names(first, last - first)) == last - first:
            noun = noun_at(draft, fields, first)
            if noun is not None and noun.last == last and noun.first == first and noun.name != "pattern":
                add_group(draft, noun.name, first, last)
                return
