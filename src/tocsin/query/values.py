"""A value as it was written in a query: what ``fields`` and ``parser`` make nodes of, or refuse with its place."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import NoReturn

from tocsin.kit.errors import InvalidQuery
from tocsin.query.tree import Operator, Wildcard


class Form(Enum):
    """How a value was written."""

    BARE = auto()
    QUOTED = auto()
    WILDCARD = auto()
    EXPRESSION = auto()
    ANY = auto()


@dataclass(frozen=True, slots=True)
class Value:
    """What is looked for, as it was written, behind a field's colon or alone; ``start`` and ``end`` are where.

    ``text`` is without its quotes or slashes; ``wildcard`` is there in that form only.
    """

    text: str
    start: int
    end: int
    form: Form = Form.BARE
    operator: Operator = Operator.EQUALS
    wildcard: Wildcard | None = None

    @property
    def is_text(self) -> bool:
        """Whether it is a text as it stands, without gaps and not an expression."""
        return self.form in {Form.BARE, Form.QUOTED}

    @property
    def sign(self) -> str:
        """The comparison as it stands before the value; a value to be equal to has none."""
        return "" if self.operator is Operator.EQUALS else str(self.operator)

    def refuse(self, detail: str, *expected: str, better_value: str | None = None) -> NoReturn:
        """Say that this can't be looked for; ``better_value`` is what may have been meant in its place."""
        raise InvalidValue(detail, self, expected, better_value)


class InvalidValue(InvalidQuery):
    """A value can't be looked for, or not in its field.

    ``better_text`` may be right in place of what stands between ``replaced``, which is the value unless said.
    """

    def __init__(
        self,
        detail: str,
        value: Value,
        expected: tuple[str, ...] = (),
        better_text: str | None = None,
        replaced: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(detail, start=value.start, end=value.end, expected=expected)
        self.better_text = better_text
        self.replaced = replaced or (value.start, value.end)

    def suggest(self, text: str) -> None:
        """Set the suggestion, now that the whole query is known."""
        if self.better_text is not None:
            start, end = self.replaced
            self.suggestion = f"{text[:start]}{self.better_text}{text[end:]}"
