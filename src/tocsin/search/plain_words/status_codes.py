"""Status codes of HTTP: ``5xx``, ``404 or 410``, ``http 500``, ``a 503 status code``."""

import re

from tocsin.search.plain_words.contracts import Part
from tocsin.search.plain_words.draft import Condition, Draft
from tocsin.search.plain_words.known_fields import KnownFields
from tocsin.search.plain_words.levels import names_a_level
from tocsin.search.plain_words.lexicon import EVENT_NOUNS, STOP_WORDS

_CLASS = re.compile(r"([1-5])(?:xx|\*\*|xxs)(?:'s)?")
_PLURAL = re.compile(r"([1-5]\d\d)(?:s|'s)")
_CODE = re.compile(r"[1-5]\d\d")
_CUES = frozenset({
    "errors", "error", "status", "code", "http", "statuses", "codes", "returned", "returning", "returns", "return",
    "statuscode", "httpstatus", "responded", "http/1.1",
})  # fmt: skip
_LINKS = frozenset({"of", "with", "a", "an", "the", "is", "was", "=", ":", "as", "in", "are"})
_NOUNS = frozenset({
    "status", "code", "codes", "statuses", "response", "responses", "error", "errors", "http", "result", "results",
    "failures",
})  # fmt: skip
_COMPARING = frozenset({"than", "least", "over", ">", "<", ">=", "<=", "above", "under", "below"})
_JOINTS = frozenset({"or", "and"})


def read_status_codes(draft: Draft, fields: KnownFields) -> None:
    """Take the words that are status codes; without a field that has them they are looked for in messages."""
    index = 0
    while index < len(draft.words):
        codes, last = _codes(draft, index)
        if codes and _is_status(draft, index, last, codes):
            _add(draft, fields, index, last, codes)
        index = max(index + 1, last)


def _codes(draft: Draft, first: int) -> tuple[list[str], int]:
    """The codes from ``first`` on, joined by ``or``, and the place behind them."""
    codes: list[str] = []
    place = last = first
    while (code := _code(draft, place)) is not None:
        codes.append(code)
        last = place + 1
        place = last + (draft.word(last) in _JOINTS)
        if place == last and not (draft.is_free(place) and draft.words[place].is_after_break):
            break
    return codes, last


def _code(draft: Draft, index: int) -> str | None:
    word = draft.word(index)
    if match := _CLASS.fullmatch(word):
        return f"{match[1]}00..{match[1]}99"
    if match := _PLURAL.fullmatch(word):
        return match[1]
    return word if _CODE.fullmatch(word) else None


def _is_status(draft: Draft, first: int, last: int, codes: list[str]) -> bool:
    """Whether numbers are status codes and not just numbers."""
    if draft.said(first - 1) in _COMPARING and not any(".." in code for code in codes):
        return False
    if len(codes) > 1 and draft.said(first - 1) not in {"between", "from"}:
        return True
    if any(".." in code for code in codes) or _PLURAL.fullmatch(draft.word(first)):
        return True
    if draft.word(draft.before(first, _LINKS)) in _CUES or draft.word(last) in {
        "status",
        "code",
        "codes",
        "http",
        "response",
        "responses",
    }:
        return True
    if _stands_alone(draft, first, last):
        return True
    follows_with = draft.said(draft.before(first, {"a", "an", "the"})) in {
        "with",
        "returning",
        "got",
        "getting",
        "by",
        "gives",
        "giving",
    }
    if follows_with and (
        draft.word(last) in {"", "in", "on", "from", "for", "since", "and", "at"} or last == len(draft.words)
    ):
        return True
    return names_a_level(draft.word(last)) and draft.said(first - 1) not in {
        "top",
        "last",
        "first",
        "latest",
        "show",
        "limit",
        "me",
    }


def _stands_alone(draft: Draft, first: int, last: int) -> bool:
    """``hit 429 the most``, ``GET /cart 404``, ``but not 404``: of errors nobody says the number of something else."""
    before, behind = draft.said(first - 1), draft.word(last)
    is_error = draft.word(first)[:1] in {"4", "5"}
    is_counted = behind != "" and behind not in STOP_WORDS and behind not in {"since", "yesterday", "today"}
    if not is_error or is_counted or behind in EVENT_NOUNS:
        return False
    return before in {"hit", "hits", "not", "got", "gets", "without", "except", "excluding", "no"} or before.startswith(
        "/"
    )


def _add(draft: Draft, fields: KnownFields, first: int, last: int, codes: list[str]) -> None:
    name = fields.status()
    place = first
    while draft.word(place - 1) in _LINKS - {"with", "in"}:
        place -= 1
    while draft.word(place - 1) in _CUES and draft.word(place - 1) not in {
        "returned",
        "returning",
        "returns",
        "return",
    }:
        place -= 1
    if name is not None and draft.word(place - 1) == name.lower():
        place -= 1
    opened = (
        place if place < first and (draft.word(place) in _CUES or draft.word(place) == str(name).lower()) else first
    )
    while draft.word(last) in (_NOUNS if name is not None else {"status", "code", "codes", "response"}):
        last += 1
    if name is None:
        draft.add(
            Condition(first=opened, last=last, field="message", value=_in_messages(codes)),
            Part.MESSAGE,
            f"messages with {' or '.join(codes)}",
        )
        return
    value = codes[0] if len(codes) == 1 else f"({' OR '.join(codes)})"
    draft.add(Condition(first=opened, last=last, field=name, value=value), Part.FIELD, f"{name} is {value}")


def _in_messages(codes: list[str]) -> str:
    texts = [rf"/\b{code[0]}\d\d\b/" if ".." in code else code for code in codes]
    return texts[0] if len(texts) == 1 else f"({' OR '.join(texts)})"
