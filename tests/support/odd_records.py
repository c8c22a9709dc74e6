"""A Hypothesis strategy for records as senders may write them, right or wrong."""

from typing import Any

from hypothesis import strategies as st

_TRACE = "0af7651916cd43dd8448eb211c80319c"
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.sampled_from([0, 1, 30, 1.0, 30.0, 2**63, 1_764_763_200]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "a", "info", "WARN", "2025-12-03T11:00:00Z", "2025-12-03 11:00:00.5", _TRACE, _TRACE.upper()]),
    st.text(max_size=5),
)
_json = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["trace_id", "a", "b.c", "severity_text", ""]), inner, max_size=2),
    ),
    max_leaves=5,
)
odd_records: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "timestamp": _json,
        "level": _json,
        "service": _json,
        "message": st.one_of(st.text(max_size=5), _json),
        "metadata": st.one_of(st.dictionaries(st.sampled_from(["trace_id", "spanId", "k"]), _json), _json),
        "trace_id": _json,
        "span_id": _json,
        "occurrence": st.one_of(st.none(), st.integers(-1, 3), _scalars),
    },
)
"""Records whose fields hold anything that JSON can, and often something that nearly is right."""
