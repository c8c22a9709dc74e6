"""What kind of value a text is."""

import re
from collections.abc import Iterable
from functools import lru_cache

ANY = "*"

_NUMBER = r"[-+]?(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? "
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"

#: The first that fits; names are what a template shows.
_TYPES = {
    "num": rf"#?{_NUMBER}%?",
    "time": (
        r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}(?:[T ][0-9:.,]+(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
        r"|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
        rf"|(?:{_DAY})?(?:[0-9]+[ /])?{_MONTH}[ /.][0-9][0-9 :.,/A-Z+-]*"
    ),
    "mac": r"[0-9A-Fa-f]{2}(?:[:\-][0-9A-Fa-f]{2}){5}",
    "ip": (
        r"/?[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:[:/][0-9]+)?"
        r"|\[?(?=.{6})[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,7}\]?"
    ),
    "uuid": r"\{?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?",
    "duration": (
        rf"[<>~]?(?:{_NUMBER} ?(?:[num\u00b5]?s|msecs?|secs?|seconds?|mins?|minutes?|m|h|hours?|d|days?|milliseconds?"
        r"|microseconds?))+"
    ),
    "size": rf"[<>~]?{_NUMBER} ?(?:[kKMGTP]i?B?|B|[kMG]?bytes|[kKMG]b)",
    "bool": r"[Tt]rue|[Ff]alse|TRUE|FALSE",
    "url": r"[A-Za-z][0-9A-Za-z+.\-]*://\S+",
    "email": rf"[\w.+\-]+@{_LABEL}(?:\.{_LABEL})+",
    "hex": r"0[xX][0-9A-Fa-f]+|(?=.*[0-9])[0-9A-Fa-f]{6,}(?:-[0-9A-Fa-f]{4,})*",
    "path": r"(?:[A-Za-z]:\\|\.{0,2}/|~/)\S*|[\w.\-]+(?:/[\w.@%+\-]+){2,}/?",
    "host": rf"{_LABEL}(?:\.{_LABEL})+:[0-9]+|(?=.*[a-z])(?:{_LABEL}\.)+(?:com|net|org|edu|io|info|local|internal)",
}
_TYPE = re.compile("|".join(f"(?P<{name}>{expression})" for name, expression in _TYPES.items()))
_HEX_DIGITS = re.compile(r"(?:0[xX])?[0-9A-Fa-f]{6,}")

#: Of letters alone; all others are of no type.
_WORDS_WITH_TYPE = frozenset({"true", "false"})

NAMES = tuple(_TYPES)


@lru_cache(maxsize=20_000)
def type_of(value: str) -> str:
    """The name of the first kind of value that the whole text is; ``ANY`` where it is none."""
    if value.isdigit() and value.isascii():
        return "num"
    if value.isalpha() and value.lower() not in _WORDS_WITH_TYPE:
        return ANY
    found = _TYPE.fullmatch(value)
    return (found.lastgroup if found else None) or ANY


def common_type(values: Iterable[str]) -> str:
    """What all values are; ``ANY`` where they don't agree."""
    distinct = set(values)
    kinds = {type_of(value) for value in distinct}
    if len(kinds) == 1:
        return kinds.pop()
    if kinds == {"num", "hex"} and all(_HEX_DIGITS.fullmatch(value) for value in distinct):
        return "hex"
    return ANY
