"""From a query's tree to ClickHouse's SQL: values bound, names fixed, the organization and the time range always there.

A search for text is made of up to three parts: a cheap one that misses nothing, one that asks the bloom filters so
that blocks of rows are skipped, and, where these are not exact, a regular expression with the character classes of
``query.tokens``. ClickHouse evaluates each on the rows that the one before has left.
"""

import re
import sys
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import assert_never

import re2

from tocsin.logmodel.ids import SPAN_ID_BYTES, TRACE_ID_BYTES, pack_hex_id
from tocsin.logstore.backends.clickhouse.connection import Value
from tocsin.logstore.backends.clickhouse.json_text import is_ambiguous, json_text
from tocsin.logstore.backends.clickhouse.metadata_values import (
    entry_expression,
    is_plain,
    like_pattern,
    raw_value,
    text_of_raw,
)
from tocsin.logstore.backends.clickhouse.schema import MESSAGE_WORDS, METADATA_WORDS
from tocsin.logstore.ports import OrganizationId, Selection, TimeRange
from tocsin.query.numbers import NUMBER_EXPRESSION
from tocsin.query.tokens import TOKEN_CLASS, fold
from tocsin.query.tree import (
    And,
    Everything,
    Matches,
    MetadataCompares,
    MetadataExists,
    MetadataIs,
    MetadataLike,
    MetadataMatches,
    Node,
    Not,
    Or,
    Phrase,
    ServiceIs,
    ServiceLike,
    SeverityBetween,
    ShapeIn,
    ShapeIs,
    SpanIs,
    Substring,
    TimestampCompares,
    TraceIs,
    Wildcard,
    WordLike,
)

MAX_HINTS = 8
"""More words than this narrow a search no further; each costs a look into the bloom filters."""

MAX_SHAPES_IN_TEXT = 5_000
"""Some 100 KiB: ClickHouse parses no statement of more than 256. More shapes are bound as one text."""

_BORDER = TOKEN_CLASS.replace("[", "[^", 1)
_FOLDED_GAP = r"[0-9a-z_\x{80}-\x{10FFFF}]"
_INDEXED_WORD = re.compile(r"[0-9a-z]+")
_KELVIN = "\N{KELVIN SIGN}"
_BARE_SCALAR = re.compile(rf"(?:{NUMBER_EXPRESSION}|true|false|null)\Z")
_AROUND_NUMBERS = '",}'
_ASCII_ONLY = "length(message) = lengthUTF8(message)"


class Printer:
    """Prints conditions and gathers the values that they bind.

    Args:
        promoted: column by metadata key, for the keys that have a column of their own.
    """

    def __init__(self, promoted: Mapping[str, str] = MappingProxyType({})) -> None:
        self.parameters: dict[str, Value] = {}
        self.promoted = promoted

    def bind(self, value: Value) -> str:
        """Bind a value; the placeholder that stands for it."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        kind = {str: "String", int: "UInt64", float: "Float64"}[type(value)]
        return f"{{{name}:{kind}}}"

    def time(self, unix_nano: int) -> str:
        """Bind a point in time."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = max(-(2**63), min(2**63 - 1, unix_nano))
        return f"fromUnixTimestamp64Nano({{{name}:Int64}}, 'UTC')"

    def selection(self, selection: Selection) -> str:
        """The condition for a selection: organization, time range and query."""
        scope = self.scope(selection.organization_id, selection.time_range)
        if isinstance(selection.query, Everything):
            return scope
        return f"{scope} AND {self.condition(selection.query)}"

    def scope(self, organization_id: OrganizationId, time_range: TimeRange) -> str:
        """The condition that every read has."""
        return (
            f"organization_id = {self.bind(str(organization_id))}"
            f" AND timestamp >= {self.time(time_range.start_unix_nano)}"
            f" AND timestamp < {self.time(time_range.end_unix_nano)}"
        )

    def condition(self, node: Node, *, hinted: bool = True) -> str:
        """The condition for a node, never null; ``hinted`` lets it ask indexes, which only holds without negation."""
        match node:
            case And(nodes):
                return "(" + " AND ".join(self.condition(child, hinted=hinted) for child in nodes) + ")"
            case Or(nodes):
                return "(" + " OR ".join(self.condition(child, hinted=hinted) for child in nodes) + ")"
            case Not(child):
                return f"NOT {self.condition(child, hinted=False)}"
            case Phrase() | Substring() | WordLike() | Matches():
                return self._message_condition(node, hinted=hinted)
            case MetadataIs() | MetadataLike() | MetadataMatches() | MetadataCompares() | MetadataExists():
                return self._metadata_condition(node, hinted=hinted)
            case _:
                return self._column_condition(node)

    def _message_condition(self, node: Phrase | Substring | WordLike | Matches, *, hinted: bool) -> str:
        match node:
            case Phrase(tokens):
                return self._phrase(tokens, hinted=hinted)
            case Substring(text):
                return self._substring(text, hinted=hinted)
            case WordLike(wildcard):
                return self._word_like(wildcard, hinted=hinted)
            case Matches(expression):
                return f"match(message, {self.bind(expression)})"
            case _:
                assert_never(node)

    def _metadata_condition(
        self,
        node: MetadataIs | MetadataLike | MetadataMatches | MetadataCompares | MetadataExists,
        *,
        hinted: bool,
    ) -> str:
        match node:
            case MetadataIs(key, value):
                return self._metadata_is(key, value, hinted=hinted)
            case MetadataLike(key, wildcard):
                return self._metadata_like(key, wildcard, hinted=hinted)
            case MetadataMatches(key, expression):
                return self._metadata_matches(key, expression, hinted=hinted)
            case MetadataCompares():
                return self._metadata_compares(node, hinted=hinted)
            case MetadataExists(key):
                return self._metadata_exists(key, hinted=hinted)
            case _:
                assert_never(node)

    def _column_condition(self, node: Node) -> str:
        match node:
            case ServiceIs(service):
                return f"(service = {self.bind(service)})"
            case ServiceLike(wildcard):
                return f"(service LIKE {self.bind(like_pattern(wildcard.pieces))})"
            case TimestampCompares(operator, unix_nano):
                return f"(timestamp {operator.value} {self.time(unix_nano)})"
            case SeverityBetween(first, last):
                return f"(severity_number BETWEEN {self.bind(first)} AND {self.bind(last)})"
            case TraceIs(trace_id):
                return f"(trace_id = {self._packed(trace_id, TRACE_ID_BYTES)})"
            case SpanIs(span_id):
                return f"(span_id = {self._packed(span_id, SPAN_ID_BYTES)})"
            case ShapeIs(shape):
                return f"(shape = {self.bind(shape)})"
            case ShapeIn(shapes):
                return self._any_shape(sorted(shapes))
            case Everything():
                return "1"
            case _:
                raise TypeError(f"not a node of a query: {node!r}")

    def _any_shape(self, shapes: list[int]) -> str:
        numbers = ",".join(map(str, shapes))
        if not shapes:
            return "0"
        if len(shapes) <= MAX_SHAPES_IN_TEXT:
            # A parameter for each would cost more than the read.
            return f"(shape IN ({numbers}))"
        return f"(shape IN (SELECT toUInt64(arrayJoin(splitByChar(',', {self.bind(numbers)})))))"

    def _packed(self, text: str, width_bytes: int) -> str:
        return f"unhex({self.bind(pack_hex_id(text, width_bytes=width_bytes).hex())})"

    def _phrase(self, tokens: tuple[str, ...], *, hinted: bool) -> str:
        exact = f"match(message, {self.bind(_phrase_expression(tokens))})"
        words = [word for token in tokens for word in _INDEXED_WORD.findall(token)]
        hints = self._hints(MESSAGE_WORDS, words) if hinted else []
        if not all(token.isascii() for token in tokens):
            return _all_of([*hints, exact])
        # In a message of ASCII alone, the borders and the lower case of ASCII are exact, and three times as fast.
        cheap = f"match(lower(message), {self.bind(_ascii_phrase_expression(tokens))})"
        return _all_of([self._or_kelvin(cheap, "".join(tokens)), *hints, f"({_ASCII_ONLY} OR {exact})"])

    def _substring(self, text: str, *, hinted: bool) -> str:
        folded = fold(text)
        hints = self._hints(MESSAGE_WORDS, _whole_words(folded)) if hinted else []
        exact = f"match(message, {self.bind(_any_case(folded))})"
        if not folded.isascii():
            return _all_of([*hints, exact])
        found = self._or_kelvin(f"positionCaseInsensitive(message, {self.bind(folded)}) > 0", folded)
        return _all_of([found, *hints, *([f"({_ASCII_ONLY} OR {exact})"] if "k" in folded else [])])

    def _word_like(self, wildcard: Wildcard, *, hinted: bool) -> str:
        exact = f"match(message, {self.bind(_word_like_expression(wildcard))})"
        hints = self._hints(MESSAGE_WORDS, _words_between(wildcard, " ", " ")) if hinted else []
        pieces = "".join(wildcard.pieces)
        if not pieces.isascii():
            return _all_of([*hints, exact])
        cheap = f"match(lower(message), {self.bind(_ascii_word_like_expression(wildcard))})"
        return _all_of([self._or_kelvin(cheap, pieces), *hints, f"({_ASCII_ONLY} OR {exact})"])

    def _or_kelvin(self, condition: str, text: str) -> str:
        """The condition, opened for the one character outside ASCII whose lower case is inside: a ``k``."""
        return f"({condition} OR position(message, {self.bind(_KELVIN)}) > 0)" if "k" in text else condition

    def _metadata_is(self, key: str, value: str, *, hinted: bool) -> str:
        spellings = [json_text(value)]
        if _BARE_SCALAR.match(value):
            spellings.append(value)
        if key in self.promoted:
            values = ", ".join(self.bind(spelling) for spelling in spellings)
            return f"({quote_identifier(self.promoted[key])} IN ({values}))"
        entries = [f"{json_text(key)}:{spellings[0]}"]
        entries += [f"{json_text(key)}:{value}{end}" for end in ",}" if len(spellings) > 1]
        found = " OR ".join(f"position(metadata, {self.bind(entry)}) > 0" for entry in entries)
        parts = [
            f"({found})",
            *(self._hints(METADATA_WORDS, _INDEXED_WORD.findall(fold(entries[0]))) if hinted else []),
        ]
        if is_ambiguous(key):
            values = ", ".join(self.bind(spelling) for spelling in spellings)
            parts.append(f"JSONExtractRaw(metadata, {self.bind(key)}) IN ({values})")
        return _all_of(parts)

    def _metadata_exists(self, key: str, *, hinted: bool) -> str:
        if key in self.promoted:
            return f"({quote_identifier(self.promoted[key])} != '')"
        name = json_text(key)
        parts = [f"position(metadata, {self.bind(f'{name}:')}) > 0"]
        parts += self._hints(METADATA_WORDS, _INDEXED_WORD.findall(fold(name))) if hinted else []
        if is_ambiguous(key):
            parts.append(f"JSONHas(metadata, {self.bind(key)})")
        return _all_of(parts)

    def _metadata_compares(self, node: MetadataCompares, *, hinted: bool) -> str:
        if is_ambiguous(node.key):
            raw = f"JSONExtractRaw(metadata, {self.bind(node.key)})"
            expression = f'^({NUMBER_EXPRESSION}|"{NUMBER_EXPRESSION}")$'
            spelled = f"extract({raw}, {self.bind(expression)})"
        else:
            expression = f'{re2.escape(json_text(node.key))}:({NUMBER_EXPRESSION}[,}}]|"{NUMBER_EXPRESSION}")'
            spelled = f"extract(metadata, {self.bind(expression)})"
        number = f"toFloat64OrNull(trimBoth({spelled}, {self.bind(_AROUND_NUMBERS)}))"
        compared = f"ifNull({number} {node.operator.value} {self.bind(float(node.number))}, 0)"
        return f"({self._metadata_exists(node.key, hinted=hinted)} AND {compared})"

    def _metadata_like(self, key: str, wildcard: Wildcard, *, hinted: bool) -> str:
        parts = [self._metadata_exists(key, hinted=hinted)]
        escaped = Wildcard(tuple(json_text(piece)[1:-1] for piece in wildcard.pieces))
        longest = max(escaped.pieces, key=len)
        if key not in self.promoted and longest:
            parts.append(f"position(metadata, {self.bind(longest)}) > 0")
            folded = Wildcard(tuple(map(fold, escaped.pieces)))
            parts += self._hints(METADATA_WORDS, _words_between(folded, ":", ",")) if hinted else []
        parts.append(f"{text_of_raw(self.metadata_raw(key))} LIKE {self.bind(like_pattern(wildcard.pieces))}")
        return _all_of(parts)

    def _metadata_matches(self, key: str, expression: str, *, hinted: bool) -> str:
        found = f"match({text_of_raw(self.metadata_raw(key))}, {self.bind(expression)})"
        return _all_of([self._metadata_exists(key, hinted=hinted), found])

    def metadata_raw(self, key: str) -> str:
        """SQL for the key's value as it stands in the canonical text; an empty text where there is none."""
        if key in self.promoted:
            return quote_identifier(self.promoted[key])
        if not is_plain(key):
            return f"extract(metadata, {self.bind(entry_expression(key))})"
        return raw_value(self.bind(key), self.bind(entry_expression(key)))

    def _hints(self, words_of_rows: str, words: list[str]) -> list[str]:
        longest = sorted(dict.fromkeys(words), key=len, reverse=True)[:MAX_HINTS]
        return [f"has({words_of_rows}, {self.bind(word)})" for word in longest]


def quote_identifier(name: str) -> str:
    """The name of a column as it stands in SQL."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def _whole_words(text: str) -> list[str]:
    """The words of a substring that begin and end inside it, so that they are words of the message too."""
    return [found.group() for found in _INDEXED_WORD.finditer(text) if found.start() > 0 and found.end() < len(text)]


def _words_between(wildcard: Wildcard, before: str, behind: str) -> list[str]:
    """The whole words of a wildcard's folded pieces, in a text that has these signs around it."""
    first, *inner, last = wildcard.pieces
    texts = [f"{before}{first}" if first else "", *inner, f"{last}{behind}" if last else ""]
    return [word for text in texts for word in _whole_words(text)]


def _word_like_expression(wildcard: Wildcard) -> str:
    first, *_, last = wildcard.pieces
    start, end = f"(?:^|{_BORDER})" if first else "", f"(?:$|{_BORDER})" if last else ""
    pieces = f"{TOKEN_CLASS}*".join(_any_case(piece) for piece in wildcard.pieces if piece)
    return f"{start}{pieces or TOKEN_CLASS}{end}"


def _ascii_word_like_expression(wildcard: Wildcard) -> str:
    """Finds folded ASCII pieces at ASCII borders, as ``_ascii_phrase_expression`` does; gaps may go beyond ASCII."""
    first, *_, last = wildcard.pieces
    start, end = r"\b" if first else "", r"\b" if last else ""
    pieces = f"{_FOLDED_GAP}*".join(piece for piece in wildcard.pieces if piece)
    return f"{start}{pieces or _FOLDED_GAP}{end}"


def _phrase_expression(tokens: tuple[str, ...]) -> str:
    joined = f"{_BORDER}+".join(_any_case(token) for token in tokens)
    return f"(?:^|{_BORDER}){joined}(?:$|{_BORDER})"


def _ascii_phrase_expression(tokens: tuple[str, ...]) -> str:
    """Finds folded ASCII tokens at ASCII borders: all that are there, and in a text beyond ASCII some that are not."""
    return rf"\b{'[^0-9a-z_]+'.join(tokens)}\b"


def _all_of(parts: list[str]) -> str:
    return "(" + " AND ".join(parts) + ")"


def _any_case(folded: str) -> str:
    """A regular expression for the texts that ``fold`` turns into this one."""
    return "".join(_any_case_of(character) for character in folded)


def _any_case_of(character: str) -> str:
    spellings = _spellings().get(character, character)
    escaped = "".join(f"\\x{{{ord(spelling):x}}}" for spelling in spellings)
    return f"[{escaped}]" if len(spellings) > 1 else escaped


@cache
def _spellings() -> dict[str, str]:
    """By folded character, it and the others that fold to it, where there are others."""
    spellings: dict[str, str] = {}
    for character in map(chr, range(sys.maxunicode + 1)):
        if character.lower() != character and (folded := fold(character)) != character:
            spellings[folded] = spellings.get(folded, folded) + character
    return spellings
