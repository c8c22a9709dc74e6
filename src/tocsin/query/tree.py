"""The syntax tree of a query: what a log must be like to match.

The words are exact, whatever the backend. A *token* is a maximal run of letters, digits and ``_`` (Unicode), folded
to lower case. Text fields (``message``) match by tokens; all other fields match by their whole value.
"""

from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    """How a field's value is compared."""

    EQUALS = "="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


@dataclass(frozen=True, slots=True)
class Everything:
    """Matches every log."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Matches messages that hold these tokens next to each other, in this order; one token is a word.

    ``tokens`` are folded and not empty.
    """

    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Substring:
    """Matches messages that hold this text anywhere; case is folded as Unicode's simple lower-casing does."""

    text: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A text with gaps: the first piece begins it, the last one ends it, the others stand in between, in this order.

    At least two pieces; ``a*b`` is ``("a", "b")``, ``a*`` is ``("a", "")``. A gap may be empty.
    """

    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WordLike:
    """Matches messages with a token like this; the pieces are folded, and hold nothing that no token may hold."""

    wildcard: Wildcard


@dataclass(frozen=True, slots=True)
class Matches:
    """Matches messages in which this RE2 expression, in UTF-8 mode, finds something; case counts."""

    expression: str


@dataclass(frozen=True, slots=True)
class ServiceLike:
    """Matches logs of services like this."""

    wildcard: Wildcard


@dataclass(frozen=True, slots=True)
class TimestampCompares:
    """Matches logs whose timestamp stands in this relation to a point in time."""

    operator: Operator
    unix_nano: int


@dataclass(frozen=True, slots=True)
class ServiceIs:
    """Matches logs of exactly this service."""

    service: str


@dataclass(frozen=True, slots=True)
class SeverityBetween:
    """Matches severity numbers in ``first..last``, both included; a level is such a range."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class TraceIs:
    """Matches logs of this trace, the id as text."""

    trace_id: str


@dataclass(frozen=True, slots=True)
class SpanIs:
    """Matches logs of this span, the id as text."""

    span_id: str


@dataclass(frozen=True, slots=True)
class ShapeIs:
    """Matches logs of this shape."""

    shape: int


@dataclass(frozen=True, slots=True)
class ShapeIn:
    """Matches logs of any of these shapes; of none, no log."""

    shapes: frozenset[int]


@dataclass(frozen=True, slots=True)
class PatternIs:
    """Matches logs of this pattern, which is its id, name, template or one of its masked texts.

    Only the registry of patterns knows which shapes these are: ``search`` puts a ``ShapeIn`` in its place, and no store
    ever meets one.
    """

    pattern: str


@dataclass(frozen=True, slots=True)
class MetadataIs:
    """Matches logs whose metadata has this key with this value, compared as text (``metadata.text_of``), exactly."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class MetadataCompares:
    """Matches logs whose metadata has this key with a JSON number, or a string that spells one, in this relation.

    Numbers are compared as 64-bit floats. ``operator`` is never EQUALS.
    """

    key: str
    operator: Operator
    number: float


@dataclass(frozen=True, slots=True)
class MetadataExists:
    """Matches logs whose metadata has this key, whatever its value (null included)."""

    key: str


@dataclass(frozen=True, slots=True)
class MetadataLike:
    """Matches logs whose metadata has this key with a value like this, compared as text, case and all."""

    key: str
    wildcard: Wildcard


@dataclass(frozen=True, slots=True)
class MetadataMatches:
    """Matches logs whose metadata has this key, with a value (as text) in which this RE2 expression finds something."""

    key: str
    expression: str


@dataclass(frozen=True, slots=True)
class Not:
    """Matches what the node inside does not."""

    node: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """Matches what all of at least two nodes match."""

    nodes: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Matches what any of at least two nodes matches."""

    nodes: "tuple[Node, ...]"


Node = (
    Everything
    | Phrase
    | Substring
    | WordLike
    | Matches
    | ServiceIs
    | ServiceLike
    | TimestampCompares
    | SeverityBetween
    | TraceIs
    | SpanIs
    | ShapeIs
    | ShapeIn
    | PatternIs
    | MetadataIs
    | MetadataLike
    | MetadataMatches
    | MetadataCompares
    | MetadataExists
    | Not
    | And
    | Or
)
"""Any node of a query's tree."""
