"""What words look like, and what that says of them."""

import re
from dataclasses import dataclass
from functools import lru_cache

_STRONG = re.compile(r"[0-9/@\\]|\..*\.")
_VARIABLE = re.compile(r"[0-9/@_$\\]|\w\.\w|[a-z][A-Z]")
_CAPITALS = re.compile(r"[A-Z][A-Z_]+")
_EVENT = re.compile(r"[A-Za-z]{3,}(?:ed|ing|tion|sion)")
_EVENT_WORDS = frozenset(
    """
        start stop begin end open close read write up down on off get set put add remove create delete update
        insert success failure fail error warning ok enter exit leave load store send receive push pop commit
        abort sent lost found over register unregister connect disconnect enable disable lock unlock attach
        detach join resume pause suspend acquire release mount unmount before after first last next previous
        input output left right view modify startup shutdown
        post patch head options
        none no not any all unknown is was are has had does did and or with without in at to for from by
    """.split()  # noqa: SIM905  a list would be a page
)
NAMING_WORDS = ("user", "username", "users", "account", "host", "hostname", "domain", "group", "role")
"""The word after one of these names somebody or something, more often than not."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What a word looks like."""

    #: It is hardly ever a constant: it has a digit, two dots, a slash or an at.
    very_variable: bool
    #: It may well be a value: an identifier, a name with a dot or a number.
    variable: bool
    #: It is the name of a state or a constant of a program, and not what happens.
    capitals: bool
    #: It tells one event from another: where it varies, so does what is meant.
    event: bool


@lru_cache(maxsize=50_000)
def looks_of(word: str) -> Looks:
    """What a word looks like; remembered for the words that are seen most."""
    return Looks(
        very_variable=_STRONG.search(word) is not None,
        variable=_VARIABLE.search(word) is not None,
        capitals=_CAPITALS.fullmatch(word) is not None and not says_what_happens(word),
        event=says_what_happens(word),
    )


def says_what_happens(word: str) -> bool:
    """Whether a word tells one event from another."""
    return word.lower() in _EVENT_WORDS or _EVENT.fullmatch(word) is not None


def names_the_next(word: str) -> bool:
    """Whether the word after this one is a name."""
    return word.lower() in NAMING_WORDS
