"""A Hypothesis strategy for RE2 expressions, of every kind of sign that backends might read differently."""

import re2
from hypothesis import strategies as st

from tocsin.query.expressions import refusal

_SIGNS = [".", "^", "$", r"\b", r"\B", r"\d", r"\D", r"\w", r"\s", r"\S", r"\pL", "[^a-z]", "[/]", r"\A", r"\z", r"\C"]
_TEXTS = ["pay", "Pay", "ment", "d.*d", "[[:upper:]]", r"\x{e9}", r"\Qa.b\E", "K", "s", "ß", "e{1,2}", "a|", ""]
_WORDS = ["payment", "Payment", "declined", "10", "É", "ΣΑΣ", "日本", "K"]
_SEPARATORS = [" ", ".", "%", "\\", '"', "\n", "\t", "\x00", "🎉", "\u00a0", "*", "(", "/"]

_plain_expressions = st.one_of(
    st.sampled_from([*_WORDS, *_SEPARATORS]).map(re2.escape), st.sampled_from(_SIGNS), st.sampled_from(_TEXTS)
)


def _larger_expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=2, max_size=3)
    quantifiers = st.sampled_from(["*", "+", "?", "*?", "{2}", "{0,1}"])
    groups = st.sampled_from(["(", "(?:", "(?i:", "(?-s:", "(?m:", "(?U:", "(?P<name>"])
    flags = st.sampled_from(["(?i)", "(?m)", "(?-s)", "(?im)"])
    return st.one_of(
        several.map("".join),
        several.map("|".join),
        st.tuples(inner, quantifiers).map(lambda parts: f"(?:{parts[0]}){parts[1]}"),
        st.tuples(groups, inner).map(lambda parts: f"{parts[0]}{parts[1]})"),
        st.tuples(flags, inner).map("".join),
    )


expressions: st.SearchStrategy[str] = st.recursive(_plain_expressions, _larger_expressions, max_leaves=5).filter(
    lambda expression: refusal(expression) is None
)
"""Expressions that RE2 takes."""
