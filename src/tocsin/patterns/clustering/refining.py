"""Masked texts → structures, by what log messages of all kinds of software have in common.

Each rule is a pass over the text, in which a slot is one character of a private area, so that rules build on each
other. None names a system.
"""

import re
from collections.abc import Callable, Sequence

from tocsin.logmodel.masking import MASK
from tocsin.patterns.clustering.structure import COLUMN, Kind, Slot, Structure

MAX_CHARACTERS = 2_000
"""Of a masked text; what is beyond belongs to one slot at the end. Costs and memory per shape grow with it."""

_FIRST = 0xF0000
_S = "[\U000f0000-\U000ffffd]"
_PRIVATE = re.compile(f"[\U000f0000-\U000ffffd{COLUMN}]")

_UNITS = (
    "[kKMGTP]?i?B|[kMG]?bytes|[kKMG]b|[num\u00b5]?s|msecs?|millis|sec|secs|seconds?|min|mins|minutes?|hours?|hrs?|days?"
    "|milliseconds?|microseconds?|[kMG]?Hz|%"
)
_TEXT_KEYS = frozenset({"msg", "message", "event", "error", "err", "exception", "text", "description", "title", "log"})

_WORD = r"[\w$]+(?:(?:[.\-'/@\\&+~*]|::)+[\w$]+)*"
_CHUNK = re.compile(
    r"(?<![\w$])[~.]?[/\\]?[\w$\U000f0000-\U000ffffd]+(?:(?:[.\-/@\\+~*%&]|::)+[\w$\U000f0000-\U000ffffd]+)*[/\\]?"
)
_HAS_SLOT = re.compile(_S)
_NAME_DOT_SLOT = re.compile(rf"(?:[A-Za-z_$][\w$]*\.+)+{_S}")
_SLOT_WORD = re.compile(rf"{_S}(?:-[a-z]+)+")
_BRACED = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")
_BRACED_VALUES = re.compile(rf"[\[{{](?:\s*u?(?:'[^']*'|\"[^\"]*\"|{_S}|[\w.\-]+)\s*(?:[:,=]\s*|(?=[\]}}])))*[\]}}]")
_QUOTE = re.compile("['\"]")
_PATH = re.compile(r"(?<![\w/.<>:\-\U000f0000-\U000ffffd])/[A-Za-z_][\w.\-+@]*(?:/[\w.\-+@*]*)*")
_CONSTANT_VALUE = re.compile(
    r"(?<![\w.?$\-/])(?:true|false|null|nil|True|False|None|NULL|TRUE|FALSE|NaN|undefined)(?![\w?.\-/])"
)
_EMPTY = re.compile(r"\[\s*\]|\{\s*\}")
_KEY_VALUE = re.compile(rf"([\w\-\]]+)(\s?=\s?)({_S}|[^\s,;()\[\]{{}}\"'=<>|\U000f0000-\U000ffffd]+)(?![\w({{\[=])")
_KEY_QUOTED = re.compile(r"([\w.\-]+)(=)\"((?:[^\"\\]|\\.)*)\"")
_QUOTED_KEY_TEXT = re.compile(r"\"([\w.\-/@ $]{1,100})\"(\s*:\s*)\"((?:[^\"\\]|\\.)*)\"")
_QUOTED_TOKEN = re.compile(r"(?<![\w])(['\"`])([^\s'\"`]+)\1(?!\w)")
_SIGN = re.compile(rf"(?<![\w$)\]])[-+]+(?={_S})({_S})")
_AMOUNT = re.compile(rf"(?<![\w])[<>~\u2248]?{_S}(?: ?(?:{_UNITS})(?![\w]))?")
_RUN = re.compile(rf"{_S}(?:[ .:,/\-_@#|+x%;]*{_S})+")
_SPACE = re.compile(r"\s+")
_TOKEN = re.compile(rf"({_S})|({_WORD})|(.)", re.DOTALL)


def structure_of(masked: str, values: Sequence[str]) -> Structure:
    """Take a masked text apart.

    Args:
        masked: as ``logmodel.masking`` makes it.
        values: what stands at each mask in the exemplar; not known where there are fewer or more than masks.
    """
    return _Refiner(masked, values).structure()


class _Refiner:
    def __init__(self, masked: str, values: Sequence[str]) -> None:
        parts = _PRIVATE.sub(" ", masked[:MAX_CHARACTERS]).split(MASK)
        is_known = masked.count(MASK) == len(values)
        self._slots: list[tuple[Kind, str, bool]] = []
        pieces = [parts[0]]
        for index, part in enumerate(parts[1:]):
            pieces += [self._slot(values[index] if is_known else MASK), part]
        self._text = "".join(pieces)
        if len(masked) > MAX_CHARACTERS:
            self._text += " " + self._slot(MASK)

    def structure(self) -> Structure:
        self._text = _SPACE.sub(" ", self._text).strip()
        self._bodies()
        self._chunks()
        self._values()
        self._amounts()
        return self._columns()

    def _slot(self, text: str, kind: Kind = Kind.HARD, *, has_parts: bool = False) -> str:
        self._slots.append((kind, text, has_parts))
        return chr(_FIRST + len(self._slots) - 1)

    def _each(self, expression: re.Pattern[str], change: Callable[[re.Match[str]], str]) -> None:
        self._text = expression.sub(change, self._text)

    def _bodies(self) -> None:
        """JSON, key="value" and dictionaries inside a text."""
        if '"' in self._text:
            if self._text.startswith("{") or '":' in self._text:
                self._each(_QUOTED_KEY_TEXT, self._quoted_key_text)
            self._each(_KEY_QUOTED, lambda match: self._keyed_text(match[1], f"{match[1]}{match[2]}", match[3]))
        if not self._text.startswith(("{", "[{")):
            for _ in range(3):
                if "{" in self._text or "[" in self._text:
                    self._each(_BRACED, self._braced)

    def _quoted_key_text(self, match: re.Match[str]) -> str:
        return self._keyed_text(match[1], f'"{match[1]}"{match[2]}', match[3])

    def _keyed_text(self, key: str, before: str, text: str) -> str:
        if key.lower() in _TEXT_KEYS and " " in text:
            return f'{before}"{text}"'
        return f'{before}"{self._slot(text, self._kind(text))}"' if text else f'{before}""'

    def _braced(self, match: re.Match[str]) -> str:
        text = match[0]
        return self._slot(text) if _QUOTE.search(text) and _BRACED_VALUES.fullmatch(text) else text

    def _chunks(self) -> None:
        """What is written together with a masked part, paths, and words that only values are."""
        self._each(_PATH, lambda match: self._slot(match[0]))
        self._each(_CHUNK, self._glued)
        self._each(_CONSTANT_VALUE, lambda match: self._slot(match[0]))

    def _glued(self, match: re.Match[str]) -> str:
        text = match[0]
        if len(text) == 1 or not _HAS_SLOT.search(text) or _NAME_DOT_SLOT.fullmatch(text) or _SLOT_WORD.fullmatch(text):
            return text
        return self._slot(text)

    def _values(self) -> None:
        """What stands where values stand."""
        self._each(_QUOTED_TOKEN, self._quoted_token)
        self._each(_KEY_VALUE, self._key_value)
        self._each(_EMPTY, lambda match: f"{match[0][0]}{self._slot('')}{match[0][-1]}")

    def _quoted_token(self, match: re.Match[str]) -> str:
        text = match[2]
        if len(text) == 1 and _HAS_SLOT.match(text):
            return match[0]
        return f"{match[1]}{self._slot(text, self._kind(text))}{match[1]}"

    def _key_value(self, match: re.Match[str]) -> str:
        value = match[3]
        if len(value) == 1 and _HAS_SLOT.match(value):
            return match[0]
        bare = value.rstrip(".:")
        if not bare:
            return match[0]
        return f"{match[1]}{match[2]}{self._slot(bare, self._kind(bare))}{value[len(bare) :]}"

    def _kind(self, text: str) -> Kind:
        is_value = _HAS_SLOT.search(text) or any(character in "./@0123456789" for character in text)
        return Kind.HARD if is_value else Kind.SOFT

    def _amounts(self) -> None:
        """Signs, units, and runs of values."""
        self._each(_SIGN, lambda match: self._slot(match[0]))
        self._each(_AMOUNT, lambda match: match[0] if len(match[0]) == 1 else self._slot(match[0], has_parts=True))
        self._each(_RUN, lambda match: self._slot(match[0], has_parts=True))

    def _columns(self) -> Structure:
        skeleton: list[str] = []
        columns: list[str | Slot] = []
        for match in _TOKEN.finditer(self._text):
            slot, word, other = match.groups()
            if other is not None:
                skeleton.append(other)
            elif word is not None and _is_key(self._text, match.end()):
                skeleton.append(word)
            else:
                columns.append(word if word is not None else self._finished(slot))
                skeleton.append(COLUMN)
        return Structure("".join(skeleton), tuple(columns))

    def _finished(self, character: str) -> Slot:
        kind, text, has_parts = self._slots[ord(character) - _FIRST]
        if not has_parts:
            return Slot(kind, self._expanded(text))
        inner, parts = self._parts(text)
        return Slot(kind, self._expanded(text), inner, tuple(parts))

    def _parts(self, text: str) -> tuple[str, list[str]]:
        inner, parts = "", list[str]()
        for character in text:
            if not _HAS_SLOT.match(character):
                inner += character
                continue
            _, part, has_parts = self._slots[ord(character) - _FIRST]
            if has_parts:
                deeper, deeper_parts = self._parts(part)
                inner, parts = inner + deeper, [*parts, *deeper_parts]
            else:
                inner, parts = inner + COLUMN, [*parts, self._expanded(part)]
        return inner, parts

    def _expanded(self, text: str) -> str:
        if len(text) == 1 and not _HAS_SLOT.match(text):
            return text
        return _HAS_SLOT.sub(lambda match: self._expanded(self._slots[ord(match[0]) - _FIRST][1]), text)


def _is_key(text: str, end: int) -> bool:
    """Whether what ends here is the key of a key=value."""
    after = text[end : end + 3].lstrip(" ")
    return after.startswith("=") and not after.startswith("==")
