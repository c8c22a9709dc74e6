"""What other rooms see of patterns."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShapeText:
    """A shape, and what its messages look like."""

    shape: int
    #: The message with its variable parts masked (``logmodel.masking``); its hash is the shape.
    masked: str
    #: One whole message of this shape.
    exemplar: str
