"""Signs that other query languages have and this one spells differently: refused, with what was probably meant."""

import re

from lark import Token

from tocsin.query.expressions import slashed
from tocsin.query.fields import NAMED_FIELDS
from tocsin.query.quoting import as_value
from tocsin.query.values import Form, InvalidValue, Value

_KEYWORD_BY_SIGN = {"&&": "AND", "||": "OR", "!": "NOT"}
_LONE_COMPARISON = re.compile(r"[<>=!]=?|=~|!~|<>|=>|=<")
_OPERATOR_OF_VALUE = re.compile(r"(==|=>|=<|=~|=|!=|!~|!|~|<>|(?:[<>]=|[<>](?!=))[<>=!~]+)(.*)", re.DOTALL)
_OPERATOR_BY_SIGN = {"=": "", "==": "", "=>": ">=", "=<": "<="}
_NEGATED = frozenset({"!", "!=", "<>", "!~"})
_COMPARED_WORD = re.compile(r"([^\W\d][\w.]*)(>=|<=|[<>](?=[0-9]))([\w.+-]+)")
_EQUATED_WORD = re.compile(r"([a-z_]+)(==?|!=)([^\s=!]+)")
_FIELD_BEFORE = re.compile(r"([^\s\"():*]+):?\s*\Z")
_VALUE_BEHIND = re.compile(r"\s*([^\s\"():*]+)")


def refuse_foreign_word(value: Value) -> None:
    """Refuse a word that is an operator elsewhere.

    Raises:
        InvalidQuery: it is; ``spaced_comparison`` may know what was meant.
    """
    keyword = _KEYWORD_BY_SIGN.get(value.text)
    if keyword is not None:
        value.refuse(f"{value.text} is written {keyword}", keyword, better_value=keyword)
    if value.text.startswith("!") and value.text[1:2].isalnum():
        better_value = f"-{value.text[1:]}"
        value.refuse("! is written NOT, or - before a word", "NOT", "a word", better_value=better_value)
    compared = _COMPARED_WORD.fullmatch(value.text)
    if compared is not None:
        better_value = "{}:{}{}".format(*compared.groups())
        value.refuse("a comparison stands behind its field's colon", "a comparison", better_value=better_value)
    equated = _EQUATED_WORD.fullmatch(value.text)
    # Any other name may well stand so in a message: ``took=17ms``.
    if equated is not None and equated[1] in NAMED_FIELDS:
        field, sign, operand = equated.groups()
        better_value = f"{'-' if sign in _NEGATED else ''}{field}:{operand}"
        value.refuse(f"a field's value stands behind a colon, not {sign}", "a colon", better_value=better_value)
    if _LONE_COMPARISON.fullmatch(value.text):
        value.refuse("a comparison stands directly behind its field's colon", "a comparison like duration_ms:>250")


def spaced_comparison(text: str, start: int, end: int) -> str | None:
    """The query with the comparison sign that stands alone at this place put between its neighbours: ``a > 5``."""
    sign = text[start:end]
    operator = _OPERATOR_BY_SIGN.get(sign, sign)
    field, value = _FIELD_BEFORE.search(text[:start]), _VALUE_BEHIND.match(text, end)
    if not _LONE_COMPARISON.fullmatch(sign) or field is None or value is None:
        return None
    negation, operator = ("-", "") if sign in _NEGATED else ("", operator)
    return f"{text[: field.start()]}{negation}{field[1]}:{operator}{value[1]}{text[value.end() :]}"


def refuse_foreign_value(name: Token, value: Value, *, in_list: bool) -> None:
    """Refuse a bare value that begins with an operator of another language.

    Raises:
        InvalidQuery: it does.
    """
    found = _OPERATOR_OF_VALUE.fullmatch(value.sign + value.text)
    if value.form is not Form.BARE or found is None:
        return
    sign, operand = found.groups()
    better, start = None, value.start
    if sign in _OPERATOR_BY_SIGN:
        better = f"{_OPERATOR_BY_SIGN[sign]}{operand}"
    elif sign in {"=~", "~"}:
        better = slashed(operand)
    elif sign in _NEGATED and not in_list:
        better, start = f"-{name}{slashed(operand) if sign == '!~' else as_value(operand)}", name.start_pos or 0
    detail = f"{sign} is no comparison of this language; a text that begins so stands in quotes"
    raise InvalidValue(
        detail, value, ("a value", ">", ">=", "<", "<="), better if operand else None, (start, value.end)
    )
