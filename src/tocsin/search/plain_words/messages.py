"""What messages must say: texts in quotes, ids, and the words that nothing else explains."""

import re

from tocsin.kit.errors import InvalidQuery
from tocsin.query.expressions import slashed
from tocsin.query.fields import NAMED_FIELDS
from tocsin.query.parser import parse
from tocsin.query.quoting import as_value, quoted
from tocsin.query.tokens import tokens_of
from tocsin.search.plain_words.contracts import Part
from tocsin.search.plain_words.draft import Condition, Draft
from tocsin.search.plain_words.durations import UNITS
from tocsin.search.plain_words.known_fields import KnownFields
from tocsin.search.plain_words.levels import names_a_level
from tocsin.search.plain_words.lexicon import ORDERS, STOP_WORDS, UNANSWERABLE
from tocsin.search.plain_words.negations import NEGATIONS, tells_to_exclude
from tocsin.search.plain_words.times import EVENTS
from tocsin.search.plain_words.words import Form, Word, is_plural, singular

_TRACE = re.compile(r"[0-9a-f]{32}")
_SPAN = re.compile(r"[0-9a-f]{16}")
_TRACE_WORDS = frozenset({"trace", "trace_id", "traceid", "trace-id"})
_SPAN_WORDS = frozenset({"span", "span_id", "spanid", "span-id"})
_QUERY_WORD = re.compile(r"-?(?P<field>[A-Za-z_@$][\w.@$/-]*):(?P<value>[^:/].*)", re.DOTALL)
_WITH_GAPS = re.compile(r"\*|\{[^{}]*\}")
_SAYING = frozenset({
    "containing", "contains", "contain", "mentioning", "mentions", "mention", "saying", "says", "matching",
    "that say", "with the text", "with the message", "with message", "with the words", "with the word", "with text",
    "including the text", "the phrase", "the text", "the string", "phrase", "string", "the word", "the words", "like",
    "that contain", "which contain", "that mention", "which mention", "with the phrase", "message contains",
    "including the words", "including the word", "that contains", "about", "that include", "including", "word",
    "keyword", "the keyword", "text", "with the string", "which say", "whose message contains", "has the words",
})  # fmt: skip
_BEFORE_QUOTES = _SAYING | frozenset({"message", "messages", "with", "for", "error", "errors"})
_BORDERS = frozenset({
    "in", "from", "on", "at", "since", "after", "before", "by", "per", "for", "and", "or", "but", "during", "between",
    "with", "without", "where", "last", "within", "yesterday", "today", "over", "except", "not", "across",
    "excluding", "around", "until", "this", "happened", "of", "when",
})  # fmt: skip
_MODALS = frozenset(
    {"could", "does", "did", "do", "is", "was", "can", "has", "would", "will", "were", "are", "had", "have"}
)
_PARTICIPLE = re.compile(
    r"(?:.{2,}(?:ed|ing|able|ible)|found|set|sent|exist|exists|respond|connect|valid|allowed|ready|open)"
)
_COMPARING = frozenset(
    {"than", "over", "above", "under", "below", "least", "exceeding", "exceeded", ">", "<", ">=", "<="}
)
_BARE_WORD = re.compile(r"\w[\w.-]*")
_TIME_WORDS = frozenset({
    "after", "before", "since", "until", "till", "ago", "later", "soon", "earlier", "yesterday", "today", "tomorrow",
})  # fmt: skip
"""Where nothing took them, they stand with something that is no time."""

_STACK_TRACES = frozenset({"stack trace", "stack traces", "stacktrace", "stacktraces", "tracebacks"})
_IDIOMS = frozenset({("out", "of"), ("no", "such"), ("no", "space"), ("too", "many"), ("no", "route"), ("no", "more")})
_COLUMN_BORDERS = frozenset({"for", "from", "in", "on", "since", "during", "per", "by", "over", "where"})
_COMPARATIVES = frozenset({
    "longer", "slower", "faster", "shorter", "larger", "bigger", "greater", "higher", "lower", "fewer", "less",
    "more", "smaller", "older", "newer",
})  # fmt: skip
_METHODS = frozenset({"GET", "PUT", "POST", "HEAD", "DELETE", "PATCH", "OPTIONS"})
_FAILURES = frozenset({"failure", "failures", "failing", "fails"})


def read_query_words(draft: Draft, fields: KnownFields) -> None:
    """Take the words that are of the query language already: ``service:cart``, ``-level:DEBUG``."""
    known = {field.name for field in draft.vocabulary.fields} | set(NAMED_FIELDS)
    for index, word in enumerate(draft.words):
        match = _QUERY_WORD.fullmatch(word.text) if draft.is_plain(index) else None
        if match is None:
            continue
        name, value = match["field"], match["value"]
        if name not in known:
            name = fields.called((name.lower(),), has_built_in=True) or ""
        if name not in known or not _parses(f"{name}:{value}"):
            continue
        is_negated = word.text.startswith("-")
        if name in {"message", "timestamp", "severity_number", "shape", "pattern"}:
            name, value = "message", f"{name}:{value}"
        condition = Condition(first=index, last=index + 1, field=name, value=value, is_negated=is_negated)
        draft.add(condition, Part.FIELD, word.text)


def _parses(text: str) -> bool:
    try:
        parse(text)
    except InvalidQuery:
        return False
    return True


def read_ids(draft: Draft) -> None:
    """Take trace and span ids, with ``trace`` before them or without."""
    for index, word in enumerate(draft.words):
        text = word.text.lower()
        if not draft.is_free(index):
            continue
        before = draft.before(index, {"is", "=", "id", "ids", "with", "named", "of"})
        said = draft.said(before)
        if _TRACE.fullmatch(text):
            first = before if said in _TRACE_WORDS and draft.is_free(before) else index
            _add_id(draft, "trace_id", first, index, text)
        elif (_SPAN.fullmatch(text) or re.fullmatch(r"[\w-]*\d[\w-]*", text)) and said in _SPAN_WORDS:
            _add_id(draft, "span_id", before, index, text)
        elif said in _TRACE_WORDS and re.fullmatch(r"[\w-]*\d[\w-]*", text) and before > index - 4:
            _add_id(draft, "trace_id", before, index, word.text)


def _add_id(draft: Draft, name: str, first: int, index: int, text: str) -> None:
    condition = Condition(first=first, last=index + 1, field=name, value=as_value(text))
    draft.add(condition, Part.FIELD, f"{name} is {text}")


def read_columns(draft: Draft) -> None:
    """Leave ``, including timestamp and source IP``: which parts of logs are shown is not part of a question."""
    for index, word in enumerate(draft.words):
        behind = draft.after(index, {"including", "along with", "showing", "together with", "as well as"})
        if behind is None or not word.is_after_break or not draft.is_plain(behind):
            continue
        last = behind
        while draft.is_plain(last) and not draft.words[last].is_after_break and draft.word(last) not in _COLUMN_BORDERS:
            last += 1
        draft.leave(range(index, last), "which parts of the logs are shown can't be asked for")


def read_sorting(draft: Draft) -> None:
    """Take ``sorted by time``; by a field logs can't be."""
    for index in range(len(draft.words)):
        behind = draft.after(
            index, {"sorted by", "ordered by", "sort by", "order by", "sorting by", "ranked by", "rank by"}
        )
        if behind is None:
            continue
        behind = draft.past(behind, {"the", "their", "its"})
        if draft.word(behind) in {"time", "timestamp", "date", "newest", "recency", "recent", "oldest"}:
            draft.order = "oldest" if draft.word(behind) == "oldest" else "newest"
            draft.take(index, behind + 1, Part.ORDER, f"the {draft.order} first")
        elif draft.word(behind) in {"frequency", "count", "counts", "number", "volume"}:
            draft.take(index, behind + 1, Part.ORDER, "the most first")
        else:
            draft.leave(
                range(index, behind + draft.is_plain(behind)), "logs can only be sorted by time, and groups by count"
            )


def read_named_values(draft: Draft, fields: KnownFields) -> None:
    """Skip ``IP address`` before an address, where no field has it: the value is looked for, and not the words."""
    for index in range(len(draft.words)):
        behind = fields.concept_at(draft, index)
        if behind is None or not draft.is_free(behind):
            continue
        value = draft.words[behind]
        if value.form is Form.QUOTED or any(character.isdigit() for character in value.text):
            draft.skip(range(index, behind))


def read_named_ids(draft: Draft) -> None:
    """Take ``request id req-12``: without such a field, the id itself is looked for, and not the word."""
    for index in range(len(draft.words)):
        if draft.word(index) not in {"id", "ids", "uuid"} or not draft.is_free(index + 1):
            continue
        value = draft.words[index + 1]
        if value.form is Form.QUOTED or any(character.isdigit() for character in value.text):
            draft.skip([index, *([index - 1] if draft.is_plain(index - 1) else [])])


def read_quoted(draft: Draft) -> None:
    """Take the texts in quotes, as phrases."""
    for index, word in enumerate(draft.words):
        if not draft.is_free(index) or word.form is not Form.QUOTED:
            continue
        if draft.said(index - 1) in {"pattern", "template"} and draft.is_free(index - 1):
            _add(draft, index - 1, index + 1, f"pattern:{quoted(word.text)}", f"the pattern {word.text}")
            continue
        query = quoted(word.text) if tokens_of(word.text) else f"*{quoted(word.text)}*"
        _add(draft, index, index + 1, query, f"messages with “{word.text}”")


def _add(draft: Draft, first: int, last: int, query: str, meaning: str) -> None:
    draft.add(Condition(first=first, last=last, field="message", value=query), Part.MESSAGE, meaning)


def read_said(draft: Draft) -> None:
    """Take what stands behind ``containing`` and the like: words in a row are a phrase."""
    for index in range(len(draft.words)):
        behind = draft.after(index, _SAYING, longest=4) if draft.is_plain(index) else None
        if behind is None:
            continue
        is_weak = draft.word(index) in {"like", "about", "including", "word", "text"}
        last = behind
        while (
            draft.is_plain(last)
            and draft.word(last) not in _BORDERS
            and not (last > behind and draft.words[last].is_after_break)
        ):
            last += 1
        words = draft.words[behind:last]
        if not words or (is_weak and all(word.folded in STOP_WORDS for word in words)):
            continue
        draft.skip(range(index, behind))
        _add_run(draft, behind, last)
        _more_said(draft, last)


def _add_run(draft: Draft, first: int, last: int) -> None:
    text = draft.text[draft.words[first].start : draft.words[last - 1].end]
    query = word_query(draft.words[first]) if last - first == 1 else quoted(text)
    if not tokens_of(text):
        query = None
    if query is not None:
        _add(draft, first, last, query, f"messages with “{text}”")


def _more_said(draft: Draft, place: int) -> None:
    """``containing timeout or deadlock``."""
    if (
        draft.word(place) in {"or", "and"}
        and draft.is_plain(place + 1)
        and draft.word(place + 1) not in _BORDERS | STOP_WORDS
    ):
        _add_run(draft, place + 1, place + 2)
        _more_said(draft, place + 2)


def read_timeouts(draft: Draft) -> None:
    """Take ``time out`` and the like: messages say ``timeout`` or ``timed out``."""
    for index in range(len(draft.words)):
        if draft.word(index) in {"time", "times", "timing"} and draft.word(index + 1) == "out":
            _add(draft, index, index + 2, '(timeout* OR "timed out")', "messages with timeout or timed out")
        elif draft.run(index, 2) == ("timed", "out"):
            _add_run(draft, index, index + 2)


def read_idioms(draft: Draft) -> None:
    """Take ``out of memory`` and ``too many open files``, which are said with words that say nothing alone."""
    for index in range(len(draft.words)):
        if (behind := draft.after(index, _STACK_TRACES)) is not None:
            _add(draft, index, behind, '(traceback OR "stack trace" OR *exception*)', "messages with a stack trace")
        if draft.run(index, 2) not in _IDIOMS:
            continue
        last = index + 2
        while (
            last < index + 4
            and draft.is_plain(last)
            and draft.word(last) not in _BORDERS
            and not names_a_level(draft.word(last))
        ):
            last += 1
        if last > index + 2 and draft.word(index + 2) not in STOP_WORDS:
            _add_run(draft, index, last)


def read_denials(draft: Draft) -> None:
    """Take ``not found``, ``could not connect``: here ``not`` is what messages say."""
    for index in range(len(draft.words)):
        if draft.word(index).endswith("n't") and draft.is_plain(index + 1):
            _deny(draft, index)
        if draft.word(index) != "not" or not draft.is_plain(index + 1):
            continue
        first = index - (draft.word(index - 1) in _MODALS)
        is_said = draft.word(index - 1) in {"could", "does", "did", "can", "would", "will", "do"}
        verb = draft.word(index + 1)
        if (
            verb in {"containing", "including", "matching", "mentioning", "related", "caused", "involving"}
            or verb in STOP_WORDS
        ):
            continue
        if is_said or _PARTICIPLE.fullmatch(verb):
            start = first if is_said else index
            _add_run(draft, start, index + 2)


def _deny(draft: Draft, index: int) -> None:
    """``didn't belong``: messages say ``not belong``; ``doesn't contain`` is of the question itself."""
    verb = draft.word(index + 1)
    if verb in STOP_WORDS or verb in _SAYING or not verb.isalpha() or is_plural(verb):
        return
    _add(draft, index, index + 2, quoted(f"not {verb}"), f"messages with “not {verb}”")


def read_free_words(draft: Draft) -> None:
    """Take the words that nothing else explains: messages must have them; or leave them, and say so."""
    for index in draft.free_indices():
        if not draft.is_free(index):
            continue
        word = draft.words[index]
        if word.form is Form.SIGN:
            if word.folded != "-":
                draft.leave([index])
            continue
        folded = word.folded
        if (folded in NEGATIONS and tells_to_exclude(draft, index)) or _is_what_we_did(draft, index):
            draft.skip([index])
        elif folded in UNANSWERABLE:
            draft.leave([index], UNANSWERABLE[folded])
        elif index == _first_said(draft) and folded in ORDERS and word.text not in _METHODS:
            draft.leave([index], "a question changes nothing: it can only be answered")
        elif _is_number_compared(draft, index):
            draft.leave([index], f"it is not said which field is compared with {word.text}")
        elif (folded in UNITS and len(folded) > 1) or folded in _TIME_WORDS:
            draft.leave([index, *_event_behind(draft, index)])
        elif _is_comparing(draft, index):
            draft.leave([index], "it is not said, or not known, which field is compared")
        elif (folded in STOP_WORDS and word.text not in _METHODS) or _introduces(draft, index):
            draft.skip([index])
        else:
            _take_word(draft, index, word)


def _is_what_we_did(draft: Draft, index: int) -> bool:
    """``how many did we process``: the verb is of who asks."""
    if draft.taken.get(index - 1) is Part.GROUP and "did" in [
        draft.said(place) for place in range(max(0, index - 4), index)
    ]:
        return True
    return draft.said(index - 1) in {"we", "you", "i", "they"} and draft.said(index - 2) in {
        "did",
        "do",
        "have",
        "had",
        "can",
    }


def _is_comparing(draft: Draft, index: int) -> bool:
    return draft.said(index + 1) == "than" and draft.word(index) in _COMPARATIVES


def _introduces(draft: Draft, index: int) -> bool:
    """``containing``, and ``the phrase`` before one."""
    word = draft.word(index)
    if word not in _SAYING:
        return False
    return word not in {"string", "phrase", "word", "text", "keyword"} or draft.taken.get(index + 1) is Part.MESSAGE


def _event_behind(draft: Draft, index: int) -> list[int]:
    """``since the last deploy``: it is not known when that was."""
    place = draft.past(index + 1, {"the", "last", "latest", "our", "most", "recent", "previous"})
    if draft.word(place) not in EVENTS:
        return []
    draft.notes.append(f"it is not known when the {draft.word(place)} was: say its time")
    return list(range(index + 1, place + 1))


def _first_said(draft: Draft) -> int:
    """The number of the first word that is no politeness."""
    polite = {"please", "can", "could", "you", "just"}
    return next((index for index, word in enumerate(draft.words) if word.folded not in polite), 0)


def _is_number_compared(draft: Draft, index: int) -> bool:
    return draft.word(index).isdigit() and draft.said(index - 1) in _COMPARING


def _take_word(draft: Draft, index: int, word: Word) -> None:
    query = word_query(word)
    if query is None:
        draft.leave([index])
    else:
        _add(draft, index, index + 1, query, f"messages with {query}")


def word_query(word: Word) -> str | None:
    """The query for a word: plurals as beginnings of words; None where no message could have it."""
    text = word.text
    pieces = [piece for piece in _WITH_GAPS.split(text) if piece]
    if _WITH_GAPS.search(text) and any(tokens_of(piece) for piece in pieces):
        return _expression(pieces, text)
    if not tokens_of(text):
        return None
    folded = word.folded
    if folded in {"exception", "exceptions"}:
        return "*exception*"
    if folded in _FAILURES:
        return "fail*"
    if is_plural(folded) and text.isascii() and not text.isupper():
        stem = singular(folded)
        return f"({stem} OR {folded})" if folded.endswith("ies") else f"{stem}*"
    text = text.removesuffix("'s")
    return text if _BARE_WORD.fullmatch(text) and text not in {"AND", "OR", "NOT"} else quoted(text)


def _expression(pieces: list[str], text: str) -> str:
    """``/v2/*/servers`` and ``/v2/{id}/servers`` leave a gap; a word that ends with a star is a beginning."""
    if re.fullmatch(r"\w+\*", text):
        return text
    expression = r"[^\s/]*".join(re.escape(piece).replace(r"\-", "-") for piece in pieces)
    return slashed(expression)
