"""Masked texts → structures, by what log messages of all kinds of software have in common.

Each rule is a pass over the text, in which a slot is one character of a private area, so that rules build on each
other. None names a system.
"""

import re
from collections.abc import Callable, Sequence

from tocsin.logmodel.masking import MASK
from tocsin.patterns.clustering.rules import NOTHING, Rule
from tocsin.patterns.clustering.structure import COLUMN, FIRST_MASK, MAX_CHARACTERS, Kind, Slot, Structure
from tocsin.patterns.clustering.words import NAMING_WORDS, names_the_next, says_what_happens

_S = "[\U000f0000-\U000ffffd]"
_PRIVATE = re.compile(f"[\U000f0000-\U000ffffd{COLUMN}]")

_UNITS = (
    "[kKMGTP]?i?B|[kMG]?bytes|[kKMG]b|[num\u00b5]?s|msecs?|millis|sec|secs|seconds?|min|mins|minutes?|hours?|hrs?|days?"
    "|milliseconds?|microseconds?|[kMG]?Hz|%"
)
#: The first of these keys that a text has tells what happened; what other keys have are values.
_TELLING_KEYS = ("msg", "message", "log", "event", "text", "error", "err", "exception", "description", "title")

_WORD = r"[\w$]+(?:(?:[.\-'/@\\&+~*]|::)+[\w$]+)*"
_CHUNK = re.compile(
    r"(?<![\w$])(?:\.{1,2}(?=/)|~(?=/))?[/\\]?[\w$\U000f0000-\U000ffffd]+(?:(?:\.{1,2}|[\-/@\\+~*%&]+)[\w$\U000f0000-\U000ffffd]+)*/?"
)
_TOUCHING = re.compile(rf"{_S}[.\-/@\\+~*%&]*[\w$]|[\w$/][.\-/@\\+~*%&]*{_S}|{_S}[.\-/@\\+~*%&]*{_S}|{_S}/")
_HAS_SLOT = re.compile(_S)
_NAME_DOT_SLOT = re.compile(rf"[A-Za-z_$]+\.+{_S}")
_SLOT_WORD = re.compile(rf"{_S}(?:-(?![a-f]+(?:-|$))[a-z]+)+")
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
_ITEM = r"(?:[\w.\-/$\U000f0000-\U000ffffd]+(?::[\w.\-]+)?)"
_LIST = re.compile(rf"\[{_ITEM}(?:, ?{_ITEM})+\]|(?<==)\[{_ITEM}\]")
_WITH_QUERY = re.compile(rf"{_S}\?[\w\-.~%&=+;,/:@\U000f0000-\U000ffffd]*")
_MASKED_NAME = re.compile(rf"{_S}(?=::)")
_QUOTED_AGENT = re.compile(rf"(?<=\" \"){_S}(?: [^\"]*)(?=\")|(?<= \")-(?=\"(?:\s|$))")
_NAMED_VALUE = re.compile(
    rf"((?<!\w)(?:for|by|as|from|with|invalid|unknown|new) (?:{'|'.join(NAMING_WORDS)}) )([\w.\-$]+)(?![\w=])"
)
_EMPTY = re.compile(r"\[\s*\]|\{\s*\}")
_KEY_VALUE = re.compile(rf"([\w\-\]]+)(\s?=\s?)({_S}|[^\s,;()\[\]{{}}\"'=<>|\U000f0000-\U000ffffd]+)(?![\w({{\[=])")
_KEY_QUOTED = re.compile(r"()([\w.\-]+)(=\")((?:[^\"\\]|\\.)*)\"")
_QUOTED_KEY_TEXT = re.compile(r"(\")([\w.\-/@ $]{1,100})(\"\s*:\s*\")((?:[^\"\\]|\\.)*)\"")
_QUOTED_TOKEN = re.compile(r"(?<![\w])(['\"`])([^\s'\"`]+)\1(?!\w)")
_KEY = re.compile(r"\s?=(?!=)")
_VALUE = re.compile(rf"[/@0-9]|{_S}")
_ANY_LETTER = re.compile(r"[^\W\d_]")
_ANY_DIGIT = re.compile(r"[0-9]")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CONSTANT_PARTS = ("rue", "alse", "RUE", "ALSE", "null", "nil", "NULL", "None", "NaN", "undefined")
_SIGN = re.compile(rf"(?<![\w$)\]])[-+]+(?={_S})({_S})")
_AMOUNT = re.compile(rf"(?<!\w)[<>~\u2248]{_S}(?: ?(?:{_UNITS})(?!\w))?|{_S} ?(?:{_UNITS})(?!\w)")
_RUN = re.compile(rf"{_S}(?:[ .:,/\-_@#|+x%;]*{_S}(?!\s?=|::))+")
_SPACE = re.compile(r"\s+")
_TOKEN = re.compile(rf"({_S}|{_WORD})")


def structure_of(text: str, without: frozenset[Rule] = NOTHING) -> Structure:
    """Take a text apart that has ``MASK`` where something was masked.

    Args:
        text: an outline, or a line of a stack trace.
        without: rules that don't hold.
    """
    return _Refiner(text[: MAX_CHARACTERS + len(MASK)]).structure(without)


#: As many as a text has room for.
_MASKS = [Slot(Kind.HARD, chr(FIRST_MASK + index)) for index in range(MAX_CHARACTERS // len(MASK) + 2)]


class _Refiner:
    def __init__(self, text: str) -> None:
        pieces = _PRIVATE.sub(" ", text).split(MASK)
        masks = len(pieces) - 1
        self._slots: list[Slot] = _MASKS[:masks]
        #: The value of each slot's character, where it is not the character of a mask itself.
        self._texts: dict[int, str] = {}
        for index in range(masks):
            pieces[index] += chr(FIRST_MASK + index)
        self._text = _SPACE.sub(" ", "".join(pieces)).strip()

    def structure(self, without: frozenset[Rule]) -> Structure:
        for rule, hints, run in _PASSES:
            if rule not in without and (not hints or _has_any(self._text, hints)):
                run(self)
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

    def _whole(self, *expressions: re.Pattern[str]) -> None:
        for expression in expressions:
            self._text = expression.sub(lambda match: self._slot(match[0]), self._text)

    def bodies(self) -> None:
        telling = next((key for key in _TELLING_KEYS if _has_key(self._text, key)), None)

        def keyed(match: re.Match[str]) -> str:
            key, text = match[2], match[4]
            if key == telling and " " in text:
                return match[0]
            return f'{match[1]}{key}{match[3]}{self._slot(text, _kind(text))}"' if text else match[0]

        if '":' in self._text or '" :' in self._text:
            self._each(_QUOTED_KEY_TEXT, keyed)
        self._each(_KEY_QUOTED, keyed)

    def dates(self) -> None:
        self._whole(_DATED)

    def numbered_words(self) -> None:
        if _ANY_DIGIT.search(self._text):
            self._whole(_HEX_WORD, _DIGITS)

    def paths(self) -> None:
        self._whole(_PATH, _DOTTED_PATH)

    def together(self) -> None:
        if not _TOUCHING.search(self._text):
            return
        self._text = " ".join(
            token if len(token) == 1 or token.isascii() else _CHUNK.sub(self._glued, token)
            for token in self._text.split(" ")
        )

    def _glued(self, match: re.Match[str]) -> str:
        text = match[0]
        if len(text) == 1 or text.isascii() or not _HAS_SLOT.search(text):
            return text
        if _NAME_DOT_SLOT.fullmatch(text) or _SLOT_WORD.fullmatch(text):
            return text
        return self._slot(text)

    def queries(self) -> None:
        self._whole(_WITH_QUERY)

    def masked_names(self) -> None:
        self._each(
            _MASKED_NAME, lambda match: self._next(Slot(Kind.NAME, self._slots[ord(match[0]) - FIRST_MASK].text))
        )

    def constants(self) -> None:
        self._whole(_CONSTANT_VALUE)

    def named_values(self) -> None:
        self._each(
            _NAMED_VALUE, lambda match: match[0] if says_what_happens(match[2]) else match[1] + self._slot(match[2])
        )

    def quoted(self) -> None:
        if '"' in self._text:
            self._whole(_QUOTED_AGENT)
        self._each(_QUOTED_TOKEN, self._quoted_token)

    def _quoted_token(self, match: re.Match[str]) -> str:
        text = match[2]
        is_after_key = match.string[: match.start()].endswith("=")
        if (len(text) == 1 and _HAS_SLOT.match(text)) or not (is_after_key or _VALUE.search(text)):
            return match[0]
        return f"{match[1]}{self._slot(text, _kind(text))}{match[1]}"

    def key_values(self) -> None:
        self._each(_KEY_VALUE, self._key_value)

    def _key_value(self, match: re.Match[str]) -> str:
        value = match[3]
        bare = value.rstrip(".:")
        if not bare or (len(value) == 1 and _HAS_SLOT.match(value)):
            return match[0]
        kind = Kind.HARD if names_the_next(match[1]) else _kind(bare, is_dotted_value=True)
        return f"{match[1]}{match[2]}{self._slot(bare, kind)}{value[len(bare) :]}"

    def lists(self) -> None:
        self._each(
            _LIST,
            lambda match: (
                f"[{self._slot(match[0][1:-1], _kind(match[0], is_dotted_value=True))}]"
                if _ANY_LETTER.search(match[0])
                else match[0]
            ),
        )

    def empty(self) -> None:
        self._each(_EMPTY_PARENTHESES, lambda _: f"({self._slot('')})")
        self._each(_EMPTY, lambda match: f"{match[0][0]}{self._slot('')}{match[0][-1]}")

    def amounts(self) -> None:
        if "-" in self._text or "+" in self._text:
            self._whole(_SIGN)
        self._each(_AMOUNT, lambda match: self._slot_of_parts(match[0]))

    def runs(self) -> None:
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


#: In order: a rule, texts of which one must be there for it to change anything, and how it changes the text.
_PASSES: tuple[tuple[Rule, Sequence[str], Callable[[_Refiner], None]], ...] = (
    (Rule.TELLING_KEYS, '"', _Refiner.bodies),
    (Rule.DATES, _MONTHS, _Refiner.dates),
    (Rule.NUMBERED_WORDS, (), _Refiner.numbered_words),
    (Rule.PATHS, "/", _Refiner.paths),
    (Rule.TOGETHER, (), _Refiner.together),
    (Rule.QUERIES, "?", _Refiner.queries),
    (Rule.MASKED_NAMES, ("::",), _Refiner.masked_names),
    (Rule.CONSTANTS, _CONSTANT_PARTS, _Refiner.constants),
    (Rule.NAMED_VALUES, NAMING_WORDS, _Refiner.named_values),
    (Rule.QUOTED, "'\"`", _Refiner.quoted),
    (Rule.KEY_VALUES, "=", _Refiner.key_values),
    (Rule.LISTS, "[", _Refiner.lists),
    (Rule.EMPTY, ("()", "[]", "[ ]", "{}", "{ }"), _Refiner.empty),
    (Rule.AMOUNTS, (), _Refiner.amounts),
    (Rule.RUNS, (), _Refiner.runs),
)


def _kind(text: str, *, is_dotted_value: bool = False) -> Kind:
    return Kind.HARD if _VALUE.search(text) or (is_dotted_value and "." in text) else Kind.SOFT


def _has_any(text: str, hints: Sequence[str]) -> bool:
    for hint in hints:  # noqa: SIM110  a generator costs more than what it looks for
        if hint in text:
            return True
    return False


def _has_key(text: str, key: str) -> bool:
    return f'"{key}":"' in text or f'"{key}": "' in text or f'{key}="' in text
