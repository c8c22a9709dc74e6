"""What may be the id of a thing that is named by its noun only: ``order 9981``, but not ``payment today``."""

import re

from tocsin.search.plain_words.draft import Draft
from tocsin.search.plain_words.durations import duration_at
from tocsin.search.plain_words.known_fields import parts_of
from tocsin.search.plain_words.levels import names_a_level
from tocsin.search.plain_words.lexicon import GROUP_CUES, STOP_WORDS, TIME_WORDS
from tocsin.search.plain_words.points import clock_at
from tocsin.search.plain_words.words import Form

_IDS = frozenset({"id", "uuid", "key"})
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:t.*)?|\d{1,2}(?:st|nd|rd|th)")
_PEOPLE = frozenset({"user", "customer", "account", "person", "tenant", "session", "device"})
"""Nouns that a plain name may follow: ``for user alice``."""


def is_of_ids(name: str) -> bool:
    """Whether a field has ids: no id is more than another."""
    return parts_of(name)[-1:] != () and parts_of(name)[-1] in _IDS


def is_only_the_noun(draft: Draft, first: int, behind: int, name: str) -> bool:
    """Whether the words name a field of ids by what has the id, and do not say ``id``."""
    said = {part for place in range(first, behind) for part in parts_of(draft.said(place))}
    return is_of_ids(name) and not (said & (_IDS | {"ids", "uuids", "keys"}))


def may_be_an_id(draft: Draft, first: int, place: int) -> bool:
    """Whether the word at ``place`` may be the id of the thing that the noun at ``first`` names."""
    if not draft.is_free(place) or draft.words[place].form is Form.SIGN:
        return False
    if draft.words[place].form is Form.QUOTED:
        return True
    word = draft.word(place)
    services = {service.lower() for service in draft.vocabulary.services}
    if word in STOP_WORDS | TIME_WORDS | GROUP_CUES | services or names_a_level(word):
        return False
    if any(character.isdigit() for character in word):
        is_time = clock_at(draft, place) or duration_at(draft, place) or _DAY.fullmatch(word)
        return not is_time
    return draft.word(first) in _PEOPLE and draft.word(first) not in services
