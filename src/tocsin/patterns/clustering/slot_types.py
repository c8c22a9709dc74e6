"""What kind of value a text is."""

import re
from collections.abc import Iterable

ANY = "*"

_NUMBER = r"[-+]?(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9\-]+)+"

#: The first that fits; names are what a template shows.
_TYPES = tuple(
    (name, re.compile(expression))
    for name, expression in (
        ("num", rf"#?{_NUMBER}%?"),
        (
            "ip",
            r"/?[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:[:/][0-9]+)?|\[?[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,7}\]?(?<=.{6})",
        ),
        ("uuid", r"\{?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?"),
        ("mac", r"[0-9A-Fa-f]{2}(?:[:\-][0-9A-Fa-f]{2}){5}"),
        (
            "time",
            r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}(?:[T ][0-9:.,]+(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
            r"|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?",
        ),
        (
            "duration",
            rf"[<>~]?(?:{_NUMBER} ?(?:[num\u00b5]?s|msecs?|secs?|seconds?|mins?|minutes?|m|h|hours?|d|days?))+",
        ),
        ("size", rf"[<>~]?{_NUMBER} ?(?:[kKMGTP]i?B?|B|[kMG]?bytes|[kKMG]b)"),
        ("bool", r"(?i:true|false)"),
        ("url", r"[A-Za-z][0-9A-Za-z+.\-]*://\S+"),
        ("email", r"[\w.+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+"),
        ("hex", r"0[xX][0-9A-Fa-f]+|(?=.*[0-9])[0-9A-Fa-f]{8,}(?:-[0-9A-Fa-f]{4,})*"),
        ("path", r"(?:[A-Za-z]:\\|[~.]?/)\S*|[\w.\-]+(?:/[\w.@%+\-]+){2,}/?"),
        ("host", rf"{_HOST}:[0-9]+|(?=.*[A-Za-z]){_HOST}\.(?:com|net|org|edu|io|local|internal|info|[a-z]{{2}})"),
    )
)

NAMES = tuple(name for name, _ in _TYPES)


def type_of(value: str) -> str:
    """The name of the first kind of value that the whole text is; ``ANY`` where it is none."""
    for name, expression in _TYPES:
        if expression.fullmatch(value):
            return name
    return ANY


def common_type(values: Iterable[str]) -> str:
    """What all values are; ``ANY`` where they don't agree."""
    found = ""
    for value in values:
        kind = type_of(value)
        if kind == ANY or (found and kind != found):
            return ANY
        found = kind
    return found or ANY
