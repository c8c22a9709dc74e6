"""Metadata in canonical form: flat, keys sorted, compact JSON.

One form, whatever the protocol, so that equal metadata has equal bytes: the content hash rests on it, and a store
may look for ``"key":value`` in the text. A quote inside a JSON string is escaped, so such a text can only be found
where ``key`` really is a key.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

MAX_DEPTH = 8
"""Objects nested deeper than this are kept as JSON text under the last key that fits."""

MAX_KEYS = 256
"""More keys than this in one log make it a dead letter."""

_ENCODER = msgspec.json.Encoder(order="sorted")
_SCALARS = (str, int, float, bool, type(None))


def flatten(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Join nested keys with dots; arrays, and objects below ``MAX_DEPTH``, become JSON text.

    Where two spellings meet (``{"a.b": 1, "a": {"b": 2}}``), the later one wins.
    """
    flat: dict[str, Any] = {}
    _flatten_into(flat, "", metadata, depth=1)
    return flat


def _flatten_into(flat: dict[str, Any], prefix: str, node: Mapping[str, Any], *, depth: int) -> None:
    for key, value in node.items():
        name = f"{prefix}{key}"
        if isinstance(value, _SCALARS):
            flat[name] = value
        elif isinstance(value, Mapping) and value and depth < MAX_DEPTH:
            _flatten_into(flat, f"{name}.", value, depth=depth + 1)
        else:
            flat[name] = _ENCODER.encode(value).decode()


def canonical(flat: Mapping[str, Any]) -> str:
    """The canonical text of flat metadata."""
    return _ENCODER.encode(flat).decode()


def canonical_column(rows: Sequence[Mapping[str, Any]]) -> pa.LargeStringArray:
    """The canonical text of each row's metadata, nested or flat, as one column."""
    if not rows:
        return pa.array([], pa.large_string())
    lines = _ENCODER.encode_lines(rows)
    codes = np.frombuffer(lines, dtype=np.uint8)
    # Flat rows without arrays have one brace each, if none of their texts has one; only others are looked at closely.
    if np.count_nonzero(codes == ord("{")) > len(rows) or b"[" in lines:
        lines = _ENCODER.encode_lines([flatten(row) for row in rows])
        codes = np.frombuffer(lines, dtype=np.uint8)
    # A JSON text has no raw newline, so the newlines are the borders, and are left out.
    is_newline = codes == ord("\n")
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    offsets[1:] = np.flatnonzero(is_newline) - np.arange(len(rows))
    texts = lines.replace(b"\n", b"")
    return pa.LargeStringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(texts))


def text_of(value: object) -> str:
    """What a query compares a metadata value with: strings as they are, everything else as its JSON text."""
    return value if isinstance(value, str) else _ENCODER.encode(value).decode()
