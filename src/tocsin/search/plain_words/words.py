"""A text → its words, with their places."""

import re
from dataclasses import dataclass, replace
from enum import Enum, auto


class Form(Enum):
    """How a word was written."""

    PLAIN = auto()
    QUOTED = auto()
    SIGN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word, a text in quotes, or a sign."""

    #: As it was written, without quotes and without the punctuation around it.
    text: str
    #: In lower case, without a genitive, and with a slip of the pen corrected; empty for a text in quotes.
    folded: str
    start: int
    end: int
    form: Form = Form.PLAIN
    #: Whether a comma, a parenthesis or the like stands before it.
    is_after_break: bool = False


_WORD = re.compile(
    r"""
    "(?P<double>[^"]*[^"\s][^"]*)" | “(?P<curly>[^”]*[^”\s][^”]*)” | `(?P<tick>[^`]*[^`\s][^`]*)`
    | (?<!\w)'(?P<single>[^']*[^'\s][^']*)'(?!\w) | (?<!\w)‘(?P<bent>[^’]*[^’\s][^’]*)’(?!\w)
    | (?P<sign>>=|<=|!=|==|=>|[=<>≥≤≠~]|(?<=\s)[-–—](?=\s)|(?<=\d)[-–—](?=\d{1,2}(?::|\s?[aApP]\.?[mM]\b))|[–—])
    | (?P<iso>\d{4}-\d\d-\d\d(?:[Tt]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?(?![\w-]))
    | (?P<clock>\d{1,2}:\d\d(?::\d\d)?(?:\s?[aApP]\.?[mM]\b)?(?![\w:]))
    | (?P<thousands>\d{1,3}(?:,\d{3})+(?!\d))
    | (?P<hour>\d{1,2}(?=[-–—]\d{1,2}(?::\d\d)?\s?[aApP]\.?[mM]\b))
    | (?P<plain>(?:[^\s,;!?()<>=≥≤≠"“”`~|&]|(?<=\S)[?&](?=\w))+)
    | (?P<break>[,;!?()|&])
    """,
    re.VERBOSE,
)
_TRAILING = ".:'’"
_LEADING = "'‘’"
_GENITIVE = re.compile(r"['’]s$")

_SIGNS = {"≥": ">=", "≤": "<=", "=>": ">=", "==": "=", "≠": "!=", "–": "-", "—": "-"}


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text, in order."""
    found: list[Word] = []
    is_after_break = False
    for match in _WORD.finditer(text):
        if match.lastgroup == "break":
            is_after_break = True
            continue
        word = _word(match, is_after_break=is_after_break)
        if word is not None:
            found.extend(_split(word))
            is_after_break = False
    return tuple(found)


def _word(match: re.Match[str], *, is_after_break: bool) -> Word | None:
    group, written = match.lastgroup or "plain", match[0]
    start, end = match.span()
    if group in {"double", "curly", "tick", "single", "bent"}:
        inner = match[group].strip()
        return Word(text=inner, folded="", start=start, end=end, form=Form.QUOTED, is_after_break=is_after_break)
    if group == "sign":
        sign = _SIGNS.get(written, written)
        return Word(text=written, folded=sign, start=start, end=end, form=Form.SIGN, is_after_break=is_after_break)
    if group == "plain":
        stripped = written.lstrip(_LEADING)
        start += len(written) - len(stripped)
        written = stripped.rstrip(_TRAILING)
        end = start + len(written)
        if not written:
            return None
    folded = _GENITIVE.sub("", written.lower().replace("’", "'"))
    if group == "thousands":
        folded = folded.replace(",", "")
    return Word(text=written, folded=folded, start=start, end=end, is_after_break=is_after_break)


_CHOICE = re.compile(
    r"p\d\d?(?:/p\d\d?)+|(?:errors?|warn(?:ing)?s?|info|debug|fatals?)(?:/(?:errors?|warn(?:ing)?s?|info|debug|fatals?))+"
)


def _split_at_slashes(word: Word) -> list[Word]:
    """``p50/p95`` and ``errors/warnings`` are a word each."""
    found: list[Word] = []
    start = word.start
    for part in word.text.split("/"):
        found.append(replace(word, text=part, folded=part.lower(), start=start, end=start + len(part)))
        start += len(part) + 1
    return found


def _split(word: Word) -> list[Word]:
    """``non-debug`` is two words."""
    if _CHOICE.fullmatch(word.folded):
        return _split_at_slashes(word)
    if word.form is not Form.PLAIN or not word.folded.startswith("non-") or len(word.text) < 6:
        return [word]
    border = word.start + len("non-")
    return [
        replace(word, text=word.text[:3], folded="non", end=word.start + 3),
        replace(word, text=word.text[4:], folded=word.folded[4:], start=border, is_after_break=False),
    ]


_SINGULAR_S = re.compile(r"(?:ss|us|is|as|os|\ds)$")
_TAKES_ES = re.compile(r"(?:sh|ch|ss|x|z)es$")
_NO_PLURALS = frozenset({"https", "dns", "aws", "sms", "tls", "always", "sometimes", "kubernetes", "postgres", "news"})


def is_plural(folded: str) -> bool:
    """Whether a word looks like the plural of a noun."""
    return (
        len(folded) > 3
        and folded.endswith("s")
        and folded.isalpha()
        and not _SINGULAR_S.search(folded)
        and folded not in _NO_PLURALS
    )


def singular(folded: str) -> str:
    """The singular of a plural; other words as they are."""
    if folded in {"ips", "ids", "vms", "statuses"}:
        return folded.removesuffix("es") if folded == "statuses" else folded[:-1]
    if not is_plural(folded):
        return folded
    if folded.endswith("ies") and len(folded) > 4:
        return f"{folded[:-3]}y"
    return folded[:-2] if _TAKES_ES.search(folded) else folded[:-1]
