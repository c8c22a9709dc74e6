"""Masked texts → structures, by what log messages of all kinds of software have in common.

Each rule is a pass over the text, in which a slot is one character of a private area, so that rules build on each
other. None names a system.
"""

import re
from collections.abc import Callable, Sequence

from tocsin.logmodel.masking import MASK
from tocsin.patterns.clustering.structure import COLUMN, FIRST_MASK, Kind, Slot, Structure

_S = "[\U000f0000-\U000ffffd]"
_PRIVATE = re.compile(f"[\U000f0000-\U000ffffd{COLUMN}]")

_UNITS = (
    "[kKMGTP]?i?B|[kMG]?bytes|[kKMG]b|[num\u00b5]?s|msecs?|millis|sec|secs|seconds?|min|mins|minutes?|hours?|hrs?|days?"
    "|milliseconds?|microseconds?|[kMG]?Hz|%"
)
_TEXT_KEYS = frozenset({"msg", "message", "event", "error", "err", "exception", "text", "description", "title", "log"})

_WORD = r"[\w$]+(?:(?:[.\-'/@\\&+~*]|::)+[\w$]+)*"
_CHUNK = re.compile(
    r"(?<![\w$])(?:\.{1,2}(?=/)|~(?=/))?[/\\]?[\w$\U000f0000-\U000ffffd]+(?:(?:\.{1,2}|[\-/@\\+~*%&]+|::)[\w$\U000f0000-\U000ffffd]+)*[/\\]?"
)
_HAS_SLOT = re.compile(_S)
_NAME_DOT_SLOT = re.compile(rf"[A-Za-z_$]+\.+{_S}")
_SLOT_WORD = re.compile(rf"{_S}(?:-[a-z]+)+")
_DIGITS = re.compile(r"(?<![\w$.])[A-Za-z_$]+\d[\w$]*\d[\w$]*(?![\w$])")
_HEX_WORD = re.compile(r"(?<![\w$])(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{6,}(?![\w$])")
_DATED = re.compile(
    rf"(?:(?<!\w)(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?(?:{_S} )?"
    rf"(?<!\w)(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sep|Oct|Nov|Dec)[a-z]{{0,6}}\.? {_S}"
    rf"(?:,? {_S})*(?: [A-Z]{{3,4}}(?: {_S}|(?!\w)))?"
)
_EMPTY_PARENTHESES = re.compile(r"(?<= )\(\)")
_DOTTED_PATH = re.compile(r"(?<![~\w/.])(?=[\w$\-]*(?:/[\w$\-]+)*\.)[\w$.\-]+(?:/[\w$.\-]+)+")
_PATH = re.compile(r"(?<![~\w/.<>:\-\U000f0000-\U000ffffd])(?:\.{1,2}|~)?/[A-Za-z_][\w.\-+@]*(?:/[\w.\-+@*]*)*")
_CONSTANT_VALUE = re.compile(
    r"(?<![\w.?$\-/])(?:true|false|null|nil|True|False|None|NULL|TRUE|FALSE|NaN|undefined)(?![\w?.\-/])"
)
_EMPTY = re.compile(r"\[\s*\]|\{\s*\}")
_KEY_VALUE = re.compile(rf"([\w\-\]]+)(\s?=\s?)({_S}|[^\s,;()\[\]{{}}\"'=<>|\U000f0000-\U000ffffd]+)(?![\w({{\[=])")
_KEY_QUOTED = re.compile(r"([\w.\-]+)(=)\"((?:[^\"\\]|\\.)*)\"")
_QUOTED_KEY_TEXT = re.compile(r"\"([\w.\-/@ $]{1,100})\"(\s*:\s*)\"((?:[^\"\\]|\\.)*)\"")
_QUOTED_TOKEN = re.compile(r"(?<![\w])(['\"`])([^\s'\"`]+)\1(?!\w)")
_KEY = re.compile(r"\s?=(?!=)")
_VALUE = re.compile(rf"[./@0-9]|{_S}")
_ANY_DIGIT = re.compile(r"[0-9]")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CONSTANT_PARTS = ("rue", "alse", "RUE", "ALSE", "null", "nil", "NULL", "None", "NaN", "undefined")
_EMPTY_BODIES = ("[]", "[ ]", "{}", "{ }")
_SIGN = re.compile(rf"(?<![\w$)\]])[-+]+(?={_S})({_S})")
_AMOUNT = re.compile(rf"(?<!\w)[<>~\u2248]{_S}(?: ?(?:{_UNITS})(?!\w))?|{_S} ?(?:{_UNITS})(?!\w)")
_RUN = re.compile(rf"{_S}(?:[ .:,/\-_@#|+x%;]*{_S})+")
_SPACE = re.compile(r"\s+")
_TOKEN = re.compile(rf"({_S}|{_WORD})")


def structure_of(text: str) -> Structure:
    """Take a text apart that has ``MASK`` where something was masked."""
    return _Refiner(text).structure()


class _Refiner:
    def __init__(self, text: str) -> None:
        pieces = _PRIVATE.sub(" ", text).split(MASK)
        self._slots: list[Slot] = []
        #: The value of each slot's character.
        self._texts: dict[int, str] = {}
        for index in range(len(pieces) - 1):
            pieces[index] += self._next(Slot(Kind.HARD, chr(FIRST_MASK + index)))
        self._text = "".join(pieces)

    def structure(self) -> Structure:
        self._text = _SPACE.sub(" ", self._text).strip()
        self._bodies()
        self._chunks()
        self._values()
        self._amounts()
        return self._columns()

    def _slot(self, text: str, kind: Kind = Kind.HARD) -> str:
        return self._next(Slot(kind, text if text.isascii() else text.translate(self._texts)))

    def _slot_of_parts(self, text: str) -> str:
        inner, parts = list[str](), list[str]()
        for character in text:
            slot = self._slots[ord(character) - FIRST_MASK] if ord(character) >= FIRST_MASK else None
            inner.append(character if slot is None else slot.inner or COLUMN)
            if slot is not None:
                parts.extend(slot.parts or (slot.text,))
        return self._next(Slot(Kind.HARD, text.translate(self._texts), "".join(inner), tuple(parts)))

    def _next(self, slot: Slot) -> str:
        self._slots.append(slot)
        code = FIRST_MASK + len(self._slots) - 1
        self._texts[code] = slot.text
        return chr(code)

    def _each(self, expression: re.Pattern[str], change: Callable[[re.Match[str]], str]) -> None:
        self._text = expression.sub(change, self._text)

    def _whole(self, expression: re.Pattern[str]) -> None:
        self._text = expression.sub(lambda match: self._slot(match[0]), self._text)

    def _has(self, texts: Sequence[str]) -> bool:
        return any(text in self._text for text in texts)

    def _bodies(self) -> None:
        """JSON, key="value" and dictionaries inside a text."""
        if '"' in self._text:
            if '":' in self._text or '" :' in self._text:
                self._each(_QUOTED_KEY_TEXT, lambda match: self._keyed_text(f'"{match[1]}"{match[2]}', match))
            self._each(_KEY_QUOTED, lambda match: self._keyed_text(f"{match[1]}{match[2]}", match))

    def _keyed_text(self, before: str, match: re.Match[str]) -> str:
        key, text = match[1], match[3]
        if key.lower() in _TEXT_KEYS and " " in text:
            return f'{before}"{text}"'
        return f'{before}"{self._slot(text, self._kind(text))}"' if text else f'{before}""'

    def _chunks(self) -> None:
        """What is written together with a masked part, paths, and words that only values are."""
        if self._has(_MONTHS):
            self._whole(_DATED)
        if _ANY_DIGIT.search(self._text):
            self._whole(_HEX_WORD)
            self._whole(_DIGITS)
        if "/" in self._text:
            self._whole(_PATH)
            self._whole(_DOTTED_PATH)
        self._text = " ".join(
            token if len(token) == 1 or token.isascii() else _CHUNK.sub(self._glued, token)
            for token in self._text.split(" ")
        )
        if self._has(_CONSTANT_PARTS):
            self._whole(_CONSTANT_VALUE)

    def _glued(self, match: re.Match[str]) -> str:
        text = match[0]
        if len(text) == 1 or text.isascii() or not _HAS_SLOT.search(text):
            return text
        if _NAME_DOT_SLOT.fullmatch(text) or _SLOT_WORD.fullmatch(text):
            return text
        return self._slot(text)

    def _values(self) -> None:
        """What stands where values stand."""
        if self._has("'\"`"):
            self._each(_QUOTED_TOKEN, self._quoted_token)
        if "=" in self._text:
            self._each(_KEY_VALUE, self._key_value)
        if "()" in self._text:
            self._each(_EMPTY_PARENTHESES, lambda _: f"({self._slot('')})")
        if self._has(_EMPTY_BODIES):
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
        return Kind.HARD if _VALUE.search(text) else Kind.SOFT

    def _amounts(self) -> None:
        """Signs, units, and runs of values."""
        if self._has("+-"):
            self._whole(_SIGN)
        self._each(_AMOUNT, lambda match: self._slot_of_parts(match[0]))
        self._each(_RUN, lambda match: self._slot_of_parts(match[0]))

    def _columns(self) -> Structure:
        pieces = _TOKEN.split(self._text)
        columns: list[str | Slot] = []
        has_keys = "=" in self._text
        for index in range(1, len(pieces), 2):
            piece = pieces[index]
            if ord(piece[0]) >= FIRST_MASK:
                columns.append(self._slots[ord(piece) - FIRST_MASK])
            elif has_keys and _KEY.match(pieces[index + 1]):
                continue
            else:
                columns.append(piece)
            pieces[index] = COLUMN
        return Structure("".join(pieces), tuple(columns))
