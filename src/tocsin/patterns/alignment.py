"""Which part of a message stands in which wildcard of a template."""

import re
from typing import Any, Final

import re2

from tocsin.patterns.clustering.slot_types import ANY, NAMES

_WILDCARD = re.compile(rf"<(\*|{'|'.join(NAMES)})>")
_SPACE = re.compile(r"\s+")
_SPACE_IN_RE2: Final = r"[\s\x0b\x1c-\x1f\x85\p{Z}]"

_TYPES_WITH_SPACE = frozenset({ANY, "time", "duration", "size"})
"""Values of the other types have no white space in them: of alignments that fit, one that keeps to it is right."""

MAX_EXPRESSION_BYTES = 16 << 20
"""What RE2 may use for one template; one with 200 wildcards needs a tenth of it."""


class Template:
    """Constant words and typed wildcards, as in ``took <duration> for <*>``."""

    def __init__(self, text: str) -> None:
        pieces = _WILDCARD.split(text)
        #: The text before, between and after the wildcards: one more than there are wildcards.
        self.constants: tuple[str, ...] = tuple(pieces[::2])
        #: The type of each wildcard: ``num``, ``ip`` …, and ``*`` where none holds for all values.
        self.types: tuple[str, ...] = tuple(pieces[1::2])
        self._expressions = [
            _compiled(expression)
            for expression in dict.fromkeys(
                [
                    self._expression(are_typed=True),
                    self._expression(),
                    self._expression(is_cut=True),
                ]
            )
        ]

    def aligned(self, message: str) -> tuple[str, ...] | None:
        """What stands in each wildcard; None where the message does not fit. Runs of white space are all the same.

        Where several alignments fit, wildcards take as little as they can, the first one first.
        """
        for expression in self._expressions:
            if match := expression.fullmatch(message):
                return tuple(match.groups())
        return None

    def _expression(self, *, are_typed: bool = False, is_cut: bool = False) -> str:
        """The template in RE2's words; where it is cut, its last wildcard may begin in the middle of a word."""
        constants = list(self.constants)
        constants[0] = constants[0].lstrip()
        constants[-1] = constants[-1].rstrip()
        written = [_escaped(constant) for constant in constants]
        if is_cut and self.types and not constants[-1]:
            written[-2] = f"{_escaped(constants[-2].rstrip())}{_SPACE_IN_RE2}*"
        values = [r"(\S+?)" if are_typed and kind not in _TYPES_WITH_SPACE else "(.*?)" for kind in self.types]
        pairs = zip(values, written[1:], strict=True)
        middle = "".join(f"{value}{constant}" for value, constant in pairs)
        return f"{_SPACE_IN_RE2}*{written[0]}{middle}{_SPACE_IN_RE2}*"


def _escaped(constant: str) -> str:
    return f"{_SPACE_IN_RE2}+".join(re2.escape(word) for word in _SPACE.split(constant))


def _compiled(expression: str) -> Any:
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    options.max_mem = MAX_EXPRESSION_BYTES
    return re2.compile(expression, options)
