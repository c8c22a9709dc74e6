"""Values that are unmistakable where they are said alone: ``in eu-west``, ``GET``, ``staging``."""

from tocsin.query.quoting import as_value
from tocsin.search.plain_words.contracts import Part
from tocsin.search.plain_words.draft import Condition, Draft
from tocsin.search.plain_words.known_fields import KnownFields
from tocsin.search.plain_words.lexicon import STOP_WORDS
from tocsin.search.plain_words.words import Form

_METHODS = frozenset({"GET", "PUT", "POST", "HEAD", "DELETE", "PATCH", "OPTIONS"})


def read_values(draft: Draft, fields: KnownFields) -> None:
    """Take the words that are a known value of one field, and no common word; methods of HTTP are known anyway."""
    method = fields.called(("method",))
    for index, word in enumerate(draft.words):
        if method is not None and draft.is_plain(index) and word.text in _METHODS:
            condition = Condition(first=index, last=index + 1, field=method, value=word.text)
            draft.add(condition, Part.FIELD, f"{method} is {word.text}")
    owners: dict[str, list[tuple[str, str]]] = {}
    for name, values in draft.vocabulary.values.items():
        for value in values:
            owners.setdefault(value.lower(), []).append((name, value))
    for index, word in enumerate(draft.words):
        found = owners.get(word.text.lower(), []) if draft.is_free(index) and word.form is not Form.SIGN else []
        if len(found) != 1 or (word.text.lower() in STOP_WORDS and word.text != found[0][1]):
            continue
        name, value = found[0]
        if value.isupper() and not word.text.isupper():
            # "get" and "post" are words, GET and POST are methods.
            continue
        condition = Condition(first=index, last=index + 1, field=name, value=as_value(value))
        draft.add(condition, Part.FIELD, f"{name} is {value}")
