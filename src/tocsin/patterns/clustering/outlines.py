"""Masked texts → outlines: what is surely one pattern, told apart column-wise before anything is looked at in Python.

Bodies of dictionaries and lists, what is written together with a mask, and runs of masks become one mask. Real logs
have several times more shapes than outlines.
"""

import polars as pl

from tocsin.patterns.clustering.bodies import LINE_BREAK, outline_of_lines
from tocsin.patterns.clustering.structure import MAX_CHARACTERS

#: Innermost first, so each pass takes one level of nesting away.
_NESTED_LEVELS = 3

_BODY = r"""[{\[]\s*(?:u?(?:'[^'\n]*'|"[^"\n]*")(?:\s*[:=,]?\s*[^\[\]{},]*,?)*)?[}\]]"""
_TOGETHER = r"[\w$\-/@\\+~*%&]*<\*>(?:[\w$./@\\+~*%&]+|-?<\*>)*"
_RUN = r"<\*>(?:[ .:,/\-_@#|+x%;]*<\*>)+"


def outlines(masked: pl.Series) -> list[str]:
    """The outline of each masked text."""
    column = masked.str.slice(0, MAX_CHARACTERS)
    for _ in range(_NESTED_LEVELS):
        column = column.str.replace_all(_BODY, "<*>")
    column = column.str.replace_all(_TOGETHER, "<*>").str.replace_all(_RUN, "<*>")
    found: list[str] = column.to_list()
    many_lines = masked.str.contains(LINE_BREAK, literal=True).arg_true()
    for index, text in zip(many_lines.to_list(), masked.gather(many_lines).to_list(), strict=True):
        found[index] = outline_of_lines(text) or found[index]
    return found
