"""Masked texts → outlines: what is surely one pattern, told before anything is looked at in Python.

Bodies of dictionaries and lists, and what is written together with a mask, become one mask. Real logs have several
times more shapes than outlines.
"""

import polars as pl

from tocsin.logmodel.masking import MASK
from tocsin.patterns.clustering.bodies import LINE_BREAK, outline_of_lines
from tocsin.patterns.clustering.structure import MAX_CHARACTERS

#: Innermost first, so each pass takes one level of nesting away.
_NESTED_LEVELS = 3

_BODY = r"""[{\[]\s*(?:u?(?:'[^'\n]*'|"[^"\n]*")(?:\s*[:=,]?\s*(?:[^\[\]{},]|\[[^\[\]{}'"]*\])*,?)*)?[}\]]"""
#: A body that says something in words is no value.
_TELLING_BODY = r"""^\s*\{|["'](?:msg|message|event|error)["']\s*:\s*["']"""
_JOINED = r"[./@\\+~*%&]+(?:[\w$]+|<\*>)|(?:-\w*)*<\*>|-[A-Za-z]*[0-9]\w*|-[a-f]{1,8}\b"
_TOGETHER = rf"(?:[\w$]+[\-/@\\+~*%&]*|[\-+/\\~])*<\*>(?:[\w$]+|{_JOINED}|[/%])*"


def outlines(masked: pl.Series) -> list[str]:
    """The outline of each masked text, with ``MASK`` for all that was taken away."""
    column = pl.col("text")
    rows = masked.rename("text").to_frame().with_columns(text=column.str.slice(0, MAX_CHARACTERS))
    is_telling = column.str.contains(_TELLING_BODY)
    collapsed = column
    for _ in range(_NESTED_LEVELS):
        collapsed = collapsed.str.replace_all(_BODY, MASK)
    told = pl.when(is_telling).then(column).otherwise(collapsed)
    rows = rows.with_columns(text=told).with_columns(text=column.str.replace_all(_TOGETHER, MASK))
    found: list[str] = rows["text"].to_list()
    for index in (masked.str.len_chars() > MAX_CHARACTERS).arg_true().to_list():
        found[index] += MASK
    many_lines = masked.str.contains(LINE_BREAK, literal=True).arg_true()
    for index, text in zip(many_lines.to_list(), masked.gather(many_lines).to_list(), strict=True):
        found[index] = outline_of_lines(text) or found[index]
    return found
