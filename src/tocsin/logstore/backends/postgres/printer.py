"""From a query's tree to two conditions: values bound, the organization and the time range always there.

``must`` holds for no log that the query does not match, ``may`` for every log that it does. Mostly they are one and the
same condition. Where PostgreSQL can't tell (case and tokens beyond ASCII, RE2), they differ, and ``recheck`` decides
about the logs between them.
"""

from dataclasses import dataclass

import msgspec
import re2

from tocsin.logmodel.ids import SPAN_ID_BYTES, TRACE_ID_BYTES, pack_hex_id
from tocsin.logstore.backends.postgres.connection import Value
from tocsin.logstore.backends.postgres.encoding import escaped, found_only_where_it_is, signed, word_hashes
from tocsin.logstore.backends.postgres.schema import NUMBER_OF
from tocsin.logstore.ports import OrganizationId, TimeRange
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
    PatternIs,
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

ALWAYS, NEVER = "TRUE", "FALSE"

_TOKEN = re2.compile(f"{TOKEN_CLASS}+")
_KELVIN = "\N{KELVIN SIGN}"
_IS_ASCII = "octet_length(message) = char_length(message)"
_ASCII_TOKEN_CHARACTER, _ASCII_BORDER = "[0-9a-z_]", "[^0-9a-z_]"


@dataclass(frozen=True, slots=True)
class Bounds:
    """A query's two conditions, neither of them ever null."""

    must: str
    may: str

    @property
    def is_exact(self) -> bool:
        """Whether there is nothing between them."""
        return self.must == self.may


class Printer:
    """Prints conditions and gathers the values that they bind."""

    def __init__(self) -> None:
        self.parameters: dict[str, Value] = {}

    def bind(self, value: Value) -> str:
        """Bind a value; the placeholder that stands for it."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s"

    def text(self, value: str) -> str:
        """Bind a text as it is stored."""
        return f"{self.bind(escaped(value))}::text"

    def time(self, unix_nano: int) -> str:
        """Bind a point in time."""
        return self.bind(max(-(2**63), min(2**63 - 1, unix_nano)))

    def scope(self, organization_id: OrganizationId, time_range: TimeRange) -> str:
        """The condition that every read has."""
        return (
            f"organization_id = {self.bind(str(organization_id))}::uuid"
            f" AND timestamp >= {self.time(time_range.start_unix_nano)}"
            f" AND timestamp < {self.time(time_range.end_unix_nano)}"
        )

    def bounds(self, node: Node) -> Bounds:
        """The conditions for a node."""
        match node:
            case And(nodes):
                each = [self.bounds(child) for child in nodes]
                return Bounds(all_of([child.must for child in each]), all_of([child.may for child in each]))
            case Or(nodes):
                each = [self.bounds(child) for child in nodes]
                return Bounds(_any_of([child.must for child in each]), _any_of([child.may for child in each]))
            case Not(child):
                inner = self.bounds(child)
                return Bounds(_not(inner.may), _not(inner.must))
            case Phrase() | Substring() | WordLike() | Matches():
                return self._message(node)
            case MetadataIs() | MetadataLike() | MetadataMatches() | MetadataCompares() | MetadataExists():
                return self._metadata(node)
            case ServiceLike(wildcard):
                return self._like("service", wildcard)
            case PatternIs(pattern):
                raise TypeError(f"no store knows the shapes of the pattern {pattern!r}")
            case _:
                return _exactly(self._column_condition(node))

    def _column_condition(
        self, node: Everything | TimestampCompares | ServiceIs | SeverityBetween | TraceIs | SpanIs | ShapeIs | ShapeIn
    ) -> str:
        match node:
            case Everything():
                return ALWAYS
            case TimestampCompares(operator, unix_nano):
                return f"timestamp {operator.value} {self.bind(unix_nano)}"
            case ServiceIs(service):
                return f"service = {self.text(service)}"
            case SeverityBetween(first, last):
                return f"severity_number BETWEEN {self.bind(first)} AND {self.bind(last)}"
            case TraceIs(trace_id):
                return f"trace_id = {self.bind(pack_hex_id(trace_id, width_bytes=TRACE_ID_BYTES))}"
            case SpanIs(span_id):
                return f"span_id = {self.bind(pack_hex_id(span_id, width_bytes=SPAN_ID_BYTES))}"
            case ShapeIs(shape):
                return f"shape = {self.bind(signed(shape))}"
            case ShapeIn(shapes):
                numbers = ",".join(str(signed(shape)) for shape in sorted(shapes))
                return f"shape = ANY({self.bind(f'{{{numbers}}}')}::bigint[])"

    def _message(self, node: Phrase | Substring | WordLike | Matches) -> Bounds:
        match node:
            case Phrase(tokens):
                return self._phrase(tokens)
            case Substring(text):
                return self._substring(fold(text))
            case WordLike(wildcard):
                # Without a letter of its own it still stands for a token, which is never empty.
                pieces = wildcard.pieces if any(wildcard.pieces) else ("", _ASCII_TOKEN_CHARACTER, "")
                return self._folded_expression(pieces, between=f"{_ASCII_TOKEN_CHARACTER}*")
            case Matches():
                return Bounds(NEVER, ALWAYS)

    def _phrase(self, tokens: tuple[str, ...]) -> Bounds:
        words = self._has_words(tokens)
        if len(tokens) == 1:
            return _exactly(words)
        adjacent = self._folded_expression(tokens, between=f"{_ASCII_BORDER}+")
        return Bounds(all_of([words, adjacent.must]), all_of([words, adjacent.may]))

    def _substring(self, folded: str) -> Bounds:
        found = f"strpos(lower(message), {self.text(folded)}) > 0"
        must = found if found_only_where_it_is(folded) else NEVER
        if not folded.isascii():
            may = f"NOT {_IS_ASCII}"
        elif "k" in folded:
            # The one character outside ASCII whose lower case is inside.
            may = _any_of([found, f"strpos(message, {self.text(_KELVIN)}) > 0"])
        else:
            may = found
        whole_words = [
            match.group() for match in _TOKEN.finditer(folded) if match.start() > 0 and match.end() < len(folded)
        ]
        words = self._has_words(whole_words) if whole_words else ALWAYS
        return Bounds(all_of([words, must]), all_of([words, may]))

    def _folded_expression(self, pieces: tuple[str, ...], *, between: str) -> Bounds:
        """Whether these pieces, joined so, stand between the borders of tokens; PostgreSQL can tell within ASCII."""
        if not all(piece.isascii() for piece in pieces):
            return Bounds(NEVER, f"NOT {_IS_ASCII}")
        expression = f"(^|{_ASCII_BORDER}){between.join(pieces)}($|{_ASCII_BORDER})"
        found = f"lower(message) ~ {self.text(expression)}"
        return Bounds(all_of([_IS_ASCII, found]), _any_of([f"NOT {_IS_ASCII}", found]))

    def _has_words(self, tokens: tuple[str, ...] | list[str]) -> str:
        return f"words @> {self.bind(word_hashes(dict.fromkeys(tokens)))}::bigint[]"

    def _metadata(
        self, node: MetadataIs | MetadataLike | MetadataMatches | MetadataCompares | MetadataExists
    ) -> Bounds:
        match node:
            case MetadataIs(key, value):
                entry = msgspec.json.encode({escaped(key): escaped(value)}).decode()
                return _exactly(f"fields @> {self.bind(entry)}::jsonb")
            case MetadataLike(key, wildcard):
                return self._like(f"(fields ->> {self.text(key)})", wildcard)
            case MetadataMatches(key):
                return Bounds(NEVER, f"fields ? {self.text(key)}")
            case MetadataExists(key):
                return _exactly(f"fields ? {self.text(key)}")
            case MetadataCompares(key, operator, number):
                value = f"{NUMBER_OF}(fields ->> {self.text(key)})"
                return _exactly(f"coalesce({value} {operator.value} {self.bind(float(number))}, FALSE)")

    def _like(self, value: str, wildcard: Wildcard) -> Bounds:
        pattern = "%".join(map(_like_literal, wildcard.pieces))
        found = f"coalesce({value} LIKE {self.text(pattern)}, FALSE)"
        return Bounds(found if all(map(found_only_where_it_is, wildcard.pieces)) else NEVER, found)


def all_of(conditions: list[str]) -> str:
    """The condition that all of these hold."""
    if NEVER in conditions:
        return NEVER
    parts = [condition for condition in conditions if condition != ALWAYS]
    return " AND ".join(f"({part})" for part in parts) or ALWAYS


def _any_of(conditions: list[str]) -> str:
    if ALWAYS in conditions:
        return ALWAYS
    parts = [condition for condition in conditions if condition != NEVER]
    return " OR ".join(f"({part})" for part in parts) or NEVER


def _not(condition: str) -> str:
    return {ALWAYS: NEVER, NEVER: ALWAYS}.get(condition, f"NOT ({condition})")


def _exactly(condition: str) -> Bounds:
    return Bounds(condition, condition)


def _like_literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
