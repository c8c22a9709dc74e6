"""Which services a question is about: ``payment service``, ``in checkout``, ``from the nova services``.

The rules, strongest first; the first that fits decides:

1. a word, or some in a row, is the name of a service: ``api gateway`` is ``api-gateway``;
2. the same without the words that say no more than that it is a service: ``payments`` is ``payment-service``;
3. behind ``in``, ``from`` and the like, or before ``service``: the first part of names, ``nova`` is ``nova-api`` and
   ``nova-compute``;
4. there, and in long words anywhere: one slip of the pen.
"""

import re
from collections.abc import Collection

from tocsin.query.quoting import as_value
from tocsin.search.plain_words.contracts import Part
from tocsin.search.plain_words.draft import Condition, Draft
from tocsin.search.plain_words.known_fields import KnownFields, parts_of
from tocsin.search.plain_words.levels import names_a_level
from tocsin.search.plain_words.lexicon import STOP_WORDS
from tocsin.search.plain_words.negations import NEGATIONS
from tocsin.search.plain_words.slips import is_slip_of
from tocsin.search.plain_words.words import Form, is_plural, singular

_SAYS_SERVICE = frozenset({
    "service", "services", "svc", "app", "application", "applications", "apps", "microservice", "microservices",
    "component", "components", "daemon", "server", "servers", "container",
})  # fmt: skip
_GENERIC = frozenset({
    "service", "services", "svc", "api", "app", "application", "server", "backend", "worker", "ms", "microservice",
    "srv", "daemon", "prod", "production",
})  # fmt: skip
_CUES = frozenset({
    "from", "in", "of", "for", "on", "by", "inside", "within", "to", "at", "with", "about", "is", "except",
    "excluding", "via", "through", "hitting", "into", "against", "are", "without", "did", "does", "was",
})  # fmt: skip
_JOINTS = frozenset({"and", "or", "nor", "&"})
_ARTICLES = frozenset({"the", "our", "my", "a", "any", "all", "both"})

MAX_NAME_WORDS = 4

SLIP_LENGTH = 6
"""A shorter word without a cue that is one letter off may well be another word."""


class KnownServices:
    """Finds services by what they are called."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = tuple(sorted(names))
        self._spellings = [(name, {name.lower(), " ".join(_core(parts_of(name)))}) for name in self.names]
        self._exact: dict[str, list[str]] = {}
        self._core: dict[str, list[str]] = {}
        self._first: dict[str, list[str]] = {}
        for name in self.names:
            parts = parts_of(name)
            self._exact.setdefault(" ".join(parts), []).append(name)
            core = _core(parts)
            self._core.setdefault(" ".join(core), []).append(name)
            if len(parts) > 1:
                self._first.setdefault(singular(parts[0]), []).append(name)

    def named(self, words: tuple[str, ...], *, is_cued: bool) -> list[str]:
        """The services that these words name, by the first rule that fits."""
        parts = tuple(part for word in words for part in parts_of(word))
        if not parts:
            return []
        if (exact := self._exact.get(" ".join(parts))) is not None:
            return exact
        core = _core(parts)
        kept = " ".join(part for part in parts if part not in _GENERIC)
        if kept in self._exact:
            return self._exact[kept]
        family = self._first.get(core[0], []) if len(core) == 1 and core[0] not in STOP_WORDS else []
        if is_cued and len(family) > 1:
            return family
        if core and (is_cued or core[-1] not in STOP_WORDS) and (found := self._core.get(" ".join(core))):
            return found
        return family if is_cued else []

    def exactly(self, words: tuple[str, ...]) -> list[str]:
        """The services with just this name."""
        return self._exact.get(" ".join(part for word in words for part in parts_of(word)), [])

    def misspelt(self, word: str) -> list[str]:
        """The services whose name, or what is special in it, is one slip away."""
        return [
            name
            for name, spellings in self._spellings
            if any(abs(len(word) - len(spelling)) <= 1 and is_slip_of(word, spelling) for spelling in spellings)
        ]


def _core(parts: tuple[str, ...]) -> tuple[str, ...]:
    """What is special in a name, in the singular; a name of generic words alone is as it is."""
    kept = [part for part in parts if part not in _GENERIC]
    return (*kept[:-1], singular(kept[-1])) if kept else parts


def read_services(draft: Draft, services: KnownServices, fields: KnownFields) -> None:
    """Take the words that name services."""
    index = 0
    was_service = False
    while index < len(draft.words):
        last = _read_service(draft, services, fields, index, was_service=was_service)
        if last is None:
            was_service = was_service and draft.said(index) in _JOINTS | _ARTICLES
            index += 1
        else:
            was_service = True
            index = last


def read_whole_names(draft: Draft, services: KnownServices) -> None:
    """Take the names of several words, before a part of one is taken for a field."""
    for index in range(len(draft.words)):
        run = draft.names(index, MAX_NAME_WORDS)
        for length in range(len(run), 1, -1):
            if found := services.exactly(run[:length]):
                _add(draft, _opening(draft, index), index + length, found)
                break


def _read_service(
    draft: Draft, services: KnownServices, fields: KnownFields, first: int, *, was_service: bool
) -> int | None:
    if not draft.is_free(first):
        return None
    if draft.words[first].form is Form.QUOTED:
        return _quoted_service(draft, services, first)
    opened = _opening(draft, first)
    is_cued = opened < first or was_service or draft.said(draft.before(first, _ARTICLES)) in _CUES
    run = draft.names(first, MAX_NAME_WORDS)
    for length in range(len(run), 0, -1):
        is_called = draft.word(first + length) in _SAYS_SERVICE
        is_field = not is_called and fields.called(run[:length], has_built_in=True) is not None
        if is_field and not services.exactly(run[:length]):
            continue
        # "redis errors" are of a service as much as "errors in redis".
        is_subject = names_a_level(draft.word(first + length)) or draft.word(first + length) in {"logs", "log"}
        is_named = is_cued or (is_subject and length == 1)
        found = _found(draft, services, first, run[:length], is_cued=is_named, is_called=is_called or was_service)
        if found:
            return _add(draft, opened, first + length + is_called, found)
    return None


def _found(
    draft: Draft, services: KnownServices, first: int, run: tuple[str, ...], *, is_cued: bool, is_called: bool
) -> list[str]:
    if len(run) == 1 and (run[0] in _SAYS_SERVICE or _is_the_verb(draft, first, is_called=is_called)):
        return []
    found = services.named(run, is_cued=is_cued or is_called)
    if found or len(run) > 1:
        return found
    is_misspelt = is_cued or is_called or len(run[0]) >= SLIP_LENGTH
    if is_misspelt and run[0] not in STOP_WORDS and not names_a_level(run[0]):
        return services.misspelt(run[0])
    return []


def _is_the_verb(draft: Draft, first: int, *, is_called: bool) -> bool:
    """``search for deadlocks`` and ``can you search`` tell to search, and name no service."""
    word = draft.word(first)
    if word not in STOP_WORDS or is_called or draft.said(draft.before(first, _ARTICLES)) in _CUES - {"to", "with"}:
        return False
    return (
        first == 0
        or draft.said(first + 1) in {"for", "all", "the"}
        or draft.said(first - 1) in {"to", "you", "please", "and"}
    )


def _opening(draft: Draft, first: int) -> int:
    """Where a service's name begins together with ``service`` before it, as in ``service: checkout``."""
    place = first
    while draft.word(place - 1) in {"=", "is", "named", "called", "name", "named:"}:
        place -= 1
    return (
        place - 1
        if draft.word(place - 1) in _SAYS_SERVICE and draft.said(place - 2) not in {"per", "by", "each"}
        else first
    )


def _quoted_service(draft: Draft, services: KnownServices, first: int) -> int | None:
    """``for the application 'checkout'``: a name in quotes is a service behind such a word only, or if it is one."""
    text = draft.words[first].text
    opened = _opening(draft, first)
    found = [name for name in services.names if name.lower() == text.lower()]
    if not found and opened == first:
        return None
    return _add(draft, opened, first + 1, found or [text])


def _add(draft: Draft, first: int, last: int, names: list[str]) -> int:
    last += draft.word(last) in _SAYS_SERVICE
    for name in sorted(names):
        draft.conditions.append(Condition(first=first, last=last, field="service", value=as_value(name)))
    draft.take(first, last, Part.SERVICE, f"service {' or '.join(sorted(names))}")
    return last


_UNKNOWN_NAME = re.compile(r"[A-Za-z][\w.-]*")


def read_unknown_services(draft: Draft) -> None:
    """``service foo`` and ``the foo service`` name a service even if it is not known, and that is said."""
    for index in range(len(draft.words)):
        if not draft.is_plain(index) or draft.word(index) in STOP_WORDS:
            continue
        text = draft.words[index].text
        opened = _opening(draft, index)
        is_named = draft.word(index + 1) in {"service", "app", "application"}
        if draft.word(index) in NEGATIONS or (opened < index and is_plural(draft.word(opened))):
            continue
        if not _UNKNOWN_NAME.fullmatch(text) or (opened == index and not is_named) or names_a_level(draft.word(index)):
            continue
        _add(draft, opened, index + 1 + is_named, [text])
        draft.notes.append(f"no service named {text} is known")
