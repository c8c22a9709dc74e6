"""Hypothesis strategies for queries about given logs, made of pieces of them, so that they match some of them."""

from collections.abc import Sequence
from typing import Any

import re2
from hypothesis import strategies as st

from tests.support.random_logs import combined, query_trees
from tocsin.logmodel.metadata import flatten, text_of
from tocsin.query.tokens import fold, tokens_of
from tocsin.query.tree import (
    Matches,
    MetadataIs,
    MetadataLike,
    MetadataMatches,
    Node,
    Phrase,
    ServiceLike,
    Substring,
    Wildcard,
    WordLike,
)


def queries_about(rows: Sequence[dict[str, Any]]) -> st.SearchStrategy[Node]:
    """Trees of which most leaves match a log of these rows."""
    leaves = [query_trees]
    messages = [row["message"] for row in rows if row["message"]]
    if messages:
        leaves += [_leaves_about_messages(messages)] * 2
    values = [(key, text_of(value)) for row in rows for key, value in flatten(row["metadata"]).items()]
    if values:
        leaves += [st.sampled_from(values).flatmap(lambda entry: _leaves_about_metadata(*entry))] * 2
    if rows:
        leaves.append(_wildcards_of([row["service"] for row in rows]).map(ServiceLike))
    leaf = st.one_of(leaves)
    return st.one_of(leaf, leaf, combined(leaf))


def _leaves_about_messages(messages: Sequence[str]) -> st.SearchStrategy[Node]:
    tokens = [token for message in messages for token in tokens_of(message)]
    leaves: list[st.SearchStrategy[Node]] = [
        expressions_about(messages).map(Matches),
        st.sampled_from(messages).flatmap(_slices).filter(bool).map(Substring),
        st.sampled_from(messages).map(tokens_of).filter(bool).map(Phrase),
    ]
    if tokens:
        leaves.append(_wildcards_of(tokens).map(WordLike))
    return st.one_of(leaves)


def _leaves_about_metadata(key: str, text: str) -> st.SearchStrategy[Node]:
    return st.one_of(
        st.just(MetadataIs(key, text)),
        _wildcards_of([text]).map(lambda wildcard: MetadataLike(key, wildcard)),
        expressions_about([text]).map(lambda expression: MetadataMatches(key, expression)),
    )


def _slices(text: str) -> st.SearchStrategy[str]:
    return _cuts(text, 2).map(lambda cuts: text[cuts[0] : cuts[1]])


def _cuts(text: str, count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, len(text)), min_size=count, max_size=count).map(sorted)


def _wildcards_of(texts: Sequence[str]) -> st.SearchStrategy[Wildcard]:
    """A text with two or three holes in it; now and then in other letters, so that it may be another's."""
    folded = st.sampled_from([*texts, *map(fold, texts)])
    return folded.flatmap(_pieces_of).map(Wildcard)


def _pieces_of(text: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.one_of(
        _cuts(text, 2).map(lambda cuts: (text[: cuts[0]], text[cuts[1] :])),
        _cuts(text, 4).map(lambda cuts: (text[: cuts[0]], text[cuts[1] : cuts[2]], text[cuts[3] :])),
        _cuts(text, 2).map(lambda cuts: ("", text[cuts[0] : cuts[1]], "")),
    )


def expressions_about(texts: Sequence[str]) -> st.SearchStrategy[str]:
    """Expressions of which most find something in one of these texts."""
    return st.tuples(
        st.sampled_from(["", "", "^", r"\b", "(?i)", "(?-s)"]),
        st.sampled_from(texts).flatmap(_pieces_of).map(lambda pieces: map(re2.escape, pieces)),
        st.sampled_from([".*", ".?", r"\S*", "[^a]+", "|"]),
        st.sampled_from(["", "", "$", r"\b"]),
    ).map(lambda parts: f"{parts[0]}{parts[2].join(parts[1])}{parts[3]}")
