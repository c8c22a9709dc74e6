"""``translate``: what somebody asks in English, as Tocsin takes it.

The readers take turns, those first whose words would mean something else to a later one: ``every 5 minutes`` is an
interval before ``5 minutes`` is a time, and ``slower than 2 seconds`` a condition. What is left in the end is looked
for in messages, or said to be not understood. The same text, vocabulary and moment always give the same translation.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.search.plain_words.assembly import query_of
from tocsin.search.plain_words.comparisons import asks_for_a_comparison, read_comparison
from tocsin.search.plain_words.conditions import read_conditions
from tocsin.search.plain_words.contracts import Baseline, Kind, Translation, Vocabulary
from tocsin.search.plain_words.draft import Condition, Draft
from tocsin.search.plain_words.groups import read_groups
from tocsin.search.plain_words.intervals import read_intervals, read_order
from tocsin.search.plain_words.known_fields import KnownFields, parts_of
from tocsin.search.plain_words.levels import read_levels, read_trouble
from tocsin.search.plain_words.measures import read_measures, statistic_at
from tocsin.search.plain_words.messages import (
    read_columns,
    read_denials,
    read_free_words,
    read_idioms,
    read_ids,
    read_named_ids,
    read_named_values,
    read_query_words,
    read_quoted,
    read_said,
    read_sorting,
    read_timeouts,
)
from tocsin.search.plain_words.services import KnownServices, read_services, read_unknown_services, read_whole_names
from tocsin.search.plain_words.slips import corrected
from tocsin.search.plain_words.spans import Span
from tocsin.search.plain_words.status_codes import read_status_codes
from tocsin.search.plain_words.times import Times
from tocsin.search.plain_words.tops import read_tops, route_like
from tocsin.search.plain_words.values import read_values
from tocsin.search.plain_words.window import read_window
from tocsin.search.plain_words.words import Form, Word, words_of

MAX_WORDS = 100
"""Words beyond are not read: nobody asks so much at once."""

_COUNTED = frozenset(
    {
        "slower",
        "faster",
        "worse",
        "better",
        "higher",
        "lower",
        "more",
        "fewer",
        "less",
        "bigger",
        "smaller",
        "rate",
        "rates",
        "count",
        "counts",
        "number",
        "numbers",
        "volume",
        "volumes",
        "amount",
        "patterns",
    }
)
"""What a comparison looks at anyway."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def translate(text: str, vocabulary: Vocabulary, *, now_unix_nano: int, time_zone: tzinfo = UTC) -> Translation:
    """What the text asks for; any text gives a translation, if only one that says what was not understood."""
    return Translator(vocabulary).translate(text, now_unix_nano=now_unix_nano, time_zone=time_zone)


class Translator:
    """Translates with one vocabulary, whose names are taken apart once."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._fields = KnownFields(vocabulary)
        self._services = KnownServices(vocabulary.services)
        self._known = {part for name in vocabulary.services for part in parts_of(name)}
        self._known |= {part for field in vocabulary.fields for part in parts_of(field.name)}

    def translate(self, text: str, *, now_unix_nano: int, time_zone: tzinfo = UTC) -> Translation:
        """What the text asks for, if it is said at this moment in this zone."""
        words = _with_slips_corrected(words_of(text), self._known)
        draft = Draft(text=text, words=words, vocabulary=self._vocabulary)
        if len(words) > MAX_WORDS:
            draft.leave(range(MAX_WORDS, len(words)), f"only the first {MAX_WORDS} words are read")
        return _read(draft, Times(draft, _moment(now_unix_nano, time_zone)), self._fields, self._services)


def _read(draft: Draft, times: Times, fields: KnownFields, services: KnownServices) -> Translation:
    read_query_words(draft, fields)
    read_columns(draft)
    read_sorting(draft)
    read_ids(draft)
    is_comparison = asks_for_a_comparison(draft)
    read_whole_names(draft, services)
    read_status_codes(draft, fields)
    read_said(draft)
    read_conditions(draft, fields)
    if not is_comparison:
        read_intervals(draft)
    compared = read_comparison(draft, times) if is_comparison else None
    window = compared.window if compared else read_window(draft, times)
    read_services(draft, services, fields)
    if is_comparison:
        _skip_what_is_compared_anyway(draft, fields)
    else:
        _read_numbers(draft, fields)
    read_order(draft)
    read_levels(draft)
    read_trouble(draft)
    read_values(draft, fields)
    read_denials(draft)
    read_timeouts(draft)
    read_idioms(draft)
    read_unknown_services(draft)
    read_named_ids(draft)
    read_named_values(draft, fields)
    read_quoted(draft)
    read_free_words(draft)
    if draft.slowest:
        _ask_for_the_slowest(draft, fields)
    translation = _translation(draft, window, query=query_of(draft))
    if compared is None:
        return replace(translation, understood=draft.understood(), not_understood=draft.not_understood())
    return _compared(draft, translation, compared.baseline, compared.baseline_span)


def _skip_what_is_compared_anyway(draft: Draft, fields: KnownFields) -> None:
    """Counts and the numbers of every field; a comparison can't be of one of them."""
    for index in range(len(draft.words)):
        if draft.word(index) in _COUNTED or statistic_at(draft, index) is not None:
            draft.skip([index])
        elif draft.is_plain(index) and (found := fields.at(draft, index)) is not None:
            draft.skip(range(index, found[1]))
            draft.notes.append(f"a comparison looks at all fields, and at {found[0]} among them")


def _read_numbers(draft: Draft, fields: KnownFields) -> None:
    read_tops(draft, fields)
    read_measures(draft, fields)
    read_groups(draft, fields)


def _moment(unix_nano: int, time_zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(seconds=unix_nano // NANOSECONDS_A_SECOND)).astimezone(time_zone)


def _with_slips_corrected(words: tuple[Word, ...], known: set[str]) -> tuple[Word, ...]:
    return tuple(
        replace(word, folded=corrected(word.folded)) if word.form is Form.PLAIN and word.folded not in known else word
        for word in words
    )


def _ask_for_the_slowest(draft: Draft, fields: KnownFields) -> None:
    name = draft.slowest or ""
    has_condition = any(each.field == name for each in draft.conditions)
    if not has_condition:
        draft.conditions.append(Condition(first=len(draft.words), last=len(draft.words), field=name, value="*"))
    if not draft.by:
        draft.by.append(route_like(fields))
    draft.notes.append(f"logs can't be sorted by {name}: its extremes in each {draft.by[0]} are shown instead")


def _translation(draft: Draft, window: Span | None, *, query: str) -> Translation:
    is_aggregate = bool(draft.measures or draft.by or draft.interval)
    common = Translation(
        kind=Kind.AGGREGATE if is_aggregate else Kind.QUERY,
        query=query,
        start=window.start_expression if window else None,
        end=window.end_expression if window else None,
        limit=draft.limit,
        order=draft.order,
        notes=tuple(draft.notes),
    )
    if not is_aggregate:
        return common
    measures = list(dict.fromkeys(draft.measures)) or ["count"]
    if len(measures) > 1:
        # A count beside something else is asked for by "top" and the like, and goes without saying.
        measures = [each for each in measures if each != "count"]
    order = draft.order
    if order == "measure" or (order in {"newest", "oldest"}):
        order = measures[0] if order == "measure" else None
    return replace(
        common,
        measures=tuple(measures),
        by=tuple(draft.by),
        interval=draft.interval,
        order=order,
        is_only_new=draft.is_only_new,
    )


def _compared(draft: Draft, translation: Translation, baseline: Baseline | None, span: Span | None) -> Translation:
    return replace(
        translation,
        kind=Kind.COMPARISON,
        measures=(),
        by=(),
        interval=None,
        limit=None,
        order=None,
        is_only_new=False,
        baseline=None if span else baseline,
        baseline_start=span.start_expression if span else None,
        baseline_end=span.end_expression if span else None,
        understood=draft.understood(),
        not_understood=draft.not_understood(),
    )
