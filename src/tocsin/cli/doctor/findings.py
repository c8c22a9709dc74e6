"""What the doctor says."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    UNSAFE = "unsafe"
    WORTH_A_LOOK = "worth a look"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    #: What is so.
    what: str
    #: Why it matters, and what to do; empty where it is fine.
    why: str = ""
    remedy: str = ""


def unsafe(what: str, why: str, remedy: str) -> Finding:
    """Something that others can misuse, or that loses data."""
    return Finding(Level.UNSAFE, what, why, remedy)


def worth_a_look(what: str, why: str, remedy: str) -> Finding:
    """Something that is right in some places only."""
    return Finding(Level.WORTH_A_LOOK, what, why, remedy)


def fine(what: str) -> Finding:
    """Something that needs nothing."""
    return Finding(Level.FINE, what)
