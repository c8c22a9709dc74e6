"""How keys and strings stand in canonical metadata."""

import msgspec


def json_text(text: str) -> str:
    """A string as it stands in canonical metadata."""
    return msgspec.json.encode(text).decode()


def is_ambiguous(key: str) -> bool:
    """Whether ``"key":`` can also be found across the border of two entries, beginning at a closing quote."""
    return key[:1] in (",", ":")
