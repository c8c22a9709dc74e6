"""Text on a terminal: what logs hold must not be able to steer it."""

import re
import unicodedata

# Control characters, and those that reorder or hide what follows them; a tab is harmless.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
_MAYBE_UNSAFE = re.compile(r"[^\x20-\x7e\t]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\x1b": "\\e"}


def harmless(text: str) -> str:
    """The text with everything spelled out that a terminal would obey instead of show."""
    return _MAYBE_UNSAFE.sub(_spelled, text)


def harmless_lines(text: str) -> str:
    """The same for a text of several lines, which stay lines."""
    return "\n".join(harmless(line.removesuffix("\r")) for line in text.split("\n"))


def _spelled(match: re.Match[str]) -> str:
    character = match[0]
    if unicodedata.category(character) not in _UNSAFE_CATEGORIES:
        return character
    code = ord(character)
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def bytes_shown(count: int) -> str:
    """A number of bytes as people read it."""
    size = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
