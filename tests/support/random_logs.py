"""Hypothesis strategies for logs and query trees that meet each other often enough to be a test."""

from typing import Any

from hypothesis import strategies as st

from tests.support.logs import NOON_UNIX_NANO
from tests.support.random_expressions import expressions
from tocsin.query.text import normalised
from tocsin.query.tokens import tokens_of
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
    Operator,
    Or,
    Phrase,
    ServiceIs,
    ServiceLike,
    SeverityBetween,
    ShapeIs,
    SpanIs,
    Substring,
    TimestampCompares,
    TraceIs,
    Wildcard,
    WordLike,
)

_WORDS = ["payment", "Payment", "declined", "10", "a_b", "É", "éa", "ΣΑΣ", "İx", "ẞ", "日本", "e\u0301", "ǅ", "K", ""]
_SEPARATORS = [" ", "  ", "-", "_", "—", ".", "%", "\\", '"', "'", "\n", "\t", "\x00", "🎉", "\u00a0", "", "*", "("]
_KEYS = ["key", "key.a", "Key", "a", "ke", 'k"ey', "k\\", "é", "", "level"]
_SERVICES = ["api", "API", "api-2", "", "é'"]
_TRACES = ["", "0af7651916cd43dd8448eb211c80319c", "0AF7", "sixteen-bytes-id", "é" * 8]
_SPANS = ["", "b7ad6b7169203331", "eight-id", "B7AD6B7169203331"]
_SHAPES = [0, 1, 2**63, 2**64 - 1]


def moment(tick: int) -> int:
    """A point in time of the few at which there are logs, in nanoseconds."""
    return NOON_UNIX_NANO + tick * 500_000_000


messages = st.lists(
    st.tuples(st.sampled_from(_WORDS), st.sampled_from(_SEPARATORS)).map("".join), min_size=0, max_size=6
).map("".join)

_numbers = st.one_of(
    st.integers(-10, 10),
    st.sampled_from([0.5, -0.5, 1e300, -1e-300, 2.0**53, 2**53 + 1, 2**63, -(2**63)]),
)
_number_texts = st.sampled_from(
    ["5", "-5", "5.0", "05", "5e0", "+5", " 5", "5x", ".5", "5.", "inf", "nan", "0x5", "1e999"]
)
_values = st.one_of(messages, _numbers, _number_texts, st.booleans(), st.none())

log_rows: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "timestamp": st.integers(0, 20).map(moment),
        "severity_number": st.integers(1, 24),
        "service": st.sampled_from(_SERVICES),
        "message": messages,
        "metadata": st.dictionaries(st.sampled_from(_KEYS), _values, max_size=4),
        "trace_id": st.sampled_from(_TRACES),
        "span_id": st.sampled_from(_SPANS),
        "shape": st.sampled_from(_SHAPES),
    }
)
"""Rows for ``log_batch``."""

_pieces_of_text = st.one_of(
    st.sampled_from(["", "", "pay", "ment", "5", "-", "e", "É", "σ", "K", " ", "tr", "%", "\\", '"', "\n"]),
    st.sampled_from([*_WORDS, *_SEPARATORS]),
    messages,
)
_pieces_of_tokens = st.one_of(
    st.sampled_from(["", "", "pay", "ent", "de", "0", "a", "_b", "σ", "k", "本"]),
    st.sampled_from([token for word in _WORDS for token in tokens_of(word)]),
)


def _wildcards(pieces: st.SearchStrategy[str]) -> st.SearchStrategy[Wildcard]:
    return st.lists(pieces, min_size=2, max_size=4).map(tuple).map(Wildcard)


_comparisons = st.builds(
    MetadataCompares,
    st.sampled_from(_KEYS),
    st.sampled_from([operator for operator in Operator if operator is not Operator.EQUALS]),
    _numbers.map(float),
)
_severities = st.tuples(st.integers(1, 24), st.integers(1, 24)).map(lambda ends: SeverityBetween(min(ends), max(ends)))

_leaves: st.SearchStrategy[Node] = st.one_of(
    st.just(Everything()),
    messages.map(tokens_of).filter(bool).map(Phrase),
    messages.filter(bool).map(Substring),
    _wildcards(_pieces_of_tokens).map(WordLike),
    expressions.map(Matches),
    st.sampled_from(_SERVICES).map(ServiceIs),
    _wildcards(st.sampled_from(["", "", "a", "ap", "i", "-", "2", "é", "API"])).map(ServiceLike),
    st.builds(TimestampCompares, st.sampled_from(Operator), st.integers(-1, 21).map(moment)),
    _severities,
    st.sampled_from(_TRACES).map(TraceIs),
    st.sampled_from(_SPANS).map(SpanIs),
    st.sampled_from(_SHAPES).map(ShapeIs),
    st.builds(
        MetadataIs, st.sampled_from(_KEYS), st.one_of(messages, _number_texts, st.sampled_from(["true", "null"]))
    ),
    st.builds(MetadataLike, st.sampled_from(_KEYS), _wildcards(_pieces_of_text)),
    st.builds(MetadataMatches, st.sampled_from(_KEYS), expressions),
    _comparisons,
    st.sampled_from(_KEYS).map(MetadataExists),
)


def combined(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Trees over these."""
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(inner.map(Not), several.map(And), several.map(Or))


query_trees: st.SearchStrategy[Node] = st.recursive(_leaves, combined, max_leaves=6)
"""Trees of every kind of node."""

normalised_trees: st.SearchStrategy[Node] = query_trees.map(normalised)
"""Trees as ``parse`` makes them."""
