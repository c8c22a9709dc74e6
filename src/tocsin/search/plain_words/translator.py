"""``translate``: what somebody asks in English, as Tocsin takes it.

The readers take turns, those first whose words would mean something else to a later one: ``every 5 minutes`` is an
interval before ``5 minutes`` is a time, and ``slower than 2 seconds`` a condition. What is left in the end is looked for in
messages, or said to be not understood. The same text, vocabulary and moment always give the same translation.
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
from tocsin.search.plain_words.measures import read_measures
from tocsin.search.plain_words.messages import (
    read_denials,
    read_free_words,
    read_columns,
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

MAX_WORDS = 300
"""Words beyond are not read: nobody asks so much at once."""

_COUNTED = frozenset({"rate", "rates", "count", "counts", "number", "numbers", "volume", "volumes", "amount", "patterns"})
"""What a comparison looks at anyway."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def translate(text: str, vocabulary: Vocabulary, *, now_unix_nano: int, time_zone: tzinfo = UTC) -> Translation:
    """What the text asks for; any text gives a translation, if only one that says what was not understood."""
    fields, services = KnownFields(vocabulary), KnownServices(vocabulary.services)
    words = _with_slips_corrected(words_of(text), vocabulary)
    draft = Draft(text=text, words=words, vocabulary=vocabulary)
    draft.leave(range(MAX_WORDS, len(words)), f"only the first {MAX_WORDS} words are read")
    times = Times(draft, _moment(now_unix_nano, time_zone))

    read_query_words(draft)
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
    read_services(draft, services)
    if is_comparison:
        draft.skip(index for index in range(len(words)) if draft.word(index) in _COUNTED)
    else:
        _read_numbers(draft, fields)
    read_order(draft)
    read_levels(draft)
    read_trouble(draft)
    read_values(draft)
    read_denials(draft)
    read_timeouts(draft)
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


def _read_numbers(draft: Draft, fields: KnownFields) -> None:
    read_tops(draft, fields)
    read_measures(draft, fields)
    read_groups(draft, fields)


def _moment(unix_nano: int, time_zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(seconds=unix_nano // NANOSECONDS_A_SECOND)).astimezone(time_zone)


def _with_slips_corrected(words: tuple[Word, ...], vocabulary: Vocabulary) -> tuple[Word, ...]:
    known = {part for name in vocabulary.services for part in parts_of(name)}
    known |= {part for field in vocabulary.fields for part in parts_of(field.name)}
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
