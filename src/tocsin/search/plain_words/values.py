"""Values that are unmistakable where they are said alone: ``in eu-west``, ``GET``, ``staging``."""

from tocsin.query.quoting import as_value
from tocsin.search.plain_words.contracts import Part
from tocsin.search.plain_words.draft import Condition, Draft
from tocsin.search.plain_words.lexicon import STOP_WORDS
from tocsin.search.plain_words.words import Form


def read_values(draft: Draft) -> None:
    """Take the words that are a known value of one field, and no common word."""
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
