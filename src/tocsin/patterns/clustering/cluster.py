"""What comes out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cluster:
    """Shapes that one statement of a program writes, as far as can be told."""

    shapes: frozenset[int]
    #: Constant words and typed wildcards; white space is collapsed, but for the lines of a stack trace.
    template: str
