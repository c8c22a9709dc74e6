"""From the conditions of a question to one query."""

from tocsin.kit.errors import InvalidQuery
from tocsin.query.parser import MAX_LENGTH, parse
from tocsin.search.plain_words.draft import Condition, Draft
from tocsin.search.plain_words.levels import merged
from tocsin.search.plain_words.lexicon import ARTICLES
from tocsin.search.plain_words.negations import with_negations
from tocsin.search.plain_words.words import is_plural

_BUILT_IN = ("service", "level", "trace_id", "span_id")


def query_of(draft: Draft) -> str:
    """The query that asks for logs of which every condition is true; what can't be in a query is left."""
    conditions = with_negations(draft)
    included = [each for each in conditions if not each.is_negated]
    excluded = [each for each in conditions if each.is_negated]
    pieces = [
        *_of_fields(included, sign=""),
        *_of_messages(draft, included),
        *_of_fields(excluded, sign="-"),
        *_without_messages(draft, excluded),
    ]
    return _that_parses(draft, pieces)


Piece = tuple[str, list[Condition]]
"""A part of a query, and the conditions that it is made of."""


def _of_fields(conditions: list[Condition], *, sign: str) -> list[Piece]:
    names = dict.fromkeys(each.field for each in conditions if each.field != "message")
    ordered = [*(name for name in _BUILT_IN if name in names), *(name for name in names if name not in _BUILT_IN)]
    pieces: list[Piece] = []
    for name in ordered:
        of_name = [each for each in conditions if each.field == name]
        if name == "level":
            pieces.append((f"{sign}level:{_listed(merged([each.value for each in of_name]))}", of_name))
            continue
        equal = [each for each in of_name if each.value[:1] not in {">", "<"} and each.value != "*"]
        others = [each for each in of_name if each not in equal]
        if equal:
            values = dict.fromkeys(value for each in equal for value in _values(each.value))
            pieces.append((f"{sign}{name}:{_listed(list(values))}", equal))
        pieces.extend((f"{sign}{name}:{each.value}", [each]) for each in others)
    return pieces


def _values(value: str) -> list[str]:
    return value[1:-1].split(" OR ") if value.startswith("(") else [value]


def _listed(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"({' OR '.join(values)})"


def _of_messages(draft: Draft, conditions: list[Condition]) -> list[Piece]:
    """Words beside each other must all be there; those with ``or`` between them are a choice."""
    pieces: list[Piece] = []
    choice: list[Run] = []
    for run in _runs(draft, [each for each in conditions if each.field == "message"]):
        if choice and _is_choice(draft, choice[-1][-1], run[0]):
            if len(choice) == 1 and not is_plural(draft.said(choice[0][-1].last - 1)):
                # "connection refused or reset": only the word beside "or" is a part of the choice.
                pieces.extend((each.value, [each]) for each in choice[0][:-1])
                choice[0] = choice[0][-1:]
            choice.append(run)
        else:
            pieces.extend(_chosen(choice))
            choice = [run]
    pieces.extend(_chosen(choice))
    return list({text: (text, conditions) for text, conditions in pieces}.values())


Run = list[Condition]
"""Conditions whose words stand beside each other."""


def _runs(draft: Draft, conditions: list[Condition]) -> list[Run]:
    runs: list[Run] = []
    for condition in conditions:
        if runs and runs[-1][-1].last == condition.first and not draft.words[condition.first].is_after_break:
            runs[-1].append(condition)
        else:
            runs.append([condition])
    return runs


def _chosen(choice: list[Run]) -> list[Piece]:
    if len(choice) < 2:
        return [(each.value, [each]) for run in choice for each in run]
    texts = [run[0].value if len(run) == 1 else f"({' '.join(each.value for each in run)})" for run in choice]
    return [(f"({' OR '.join(texts)})", [each for run in choice for each in run])]


def _is_choice(draft: Draft, first: Condition, second: Condition) -> bool:
    between = [draft.said(place) for place in range(first.last, second.first)]
    return "or" in between and all(word in {"or", "either", "a", "an", "the"} for word in between)


def _without_messages(draft: Draft, conditions: list[Condition]) -> list[Piece]:
    """Words that stand beside each other are excluded together: ``without health checks``."""
    runs: list[list[Condition]] = []
    for condition in (each for each in conditions if each.field == "message"):
        if runs and all(draft.said(place) in ARTICLES for place in range(runs[-1][-1].last, condition.first)):
            runs[-1].append(condition)
        else:
            runs.append([condition])
    return [
        (f"-{each[0].value}" if len(each) == 1 else f"-({' '.join(one.value for one in each)})", each) for each in runs
    ]


def _that_parses(draft: Draft, pieces: list[Piece]) -> str:
    kept: list[str] = []
    for text, conditions in pieces:
        longer = " ".join([*kept, text])
        if len(longer) <= MAX_LENGTH and _parses(longer):
            kept.append(text)
            continue
        for condition in conditions:
            draft.untake(condition.first, condition.last)
            draft.leave(range(condition.first, condition.last))
    return " ".join(kept)


def _parses(text: str) -> bool:
    try:
        parse(text)
    except InvalidQuery:
        return False
    return True
