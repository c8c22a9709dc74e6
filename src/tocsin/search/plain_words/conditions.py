"""What a question says about fields: ``duration_ms > 500``, ``user 42``, ``slower than 2s``, ``without a user id``."""

import re

from tocsin.query.quoting import as_value, quoted
from tocsin.search.plain_words.contracts import Part
from tocsin.search.plain_words.draft import Condition, Draft
from tocsin.search.plain_words.durations import duration_at
from tocsin.search.plain_words.ids import is_of_ids, is_only_the_noun, may_be_an_id
from tocsin.search.plain_words.known_fields import KnownFields
from tocsin.search.plain_words.levels import names_a_level
from tocsin.search.plain_words.lexicon import ARTICLES, GROUP_CUES, STOP_WORDS
from tocsin.search.plain_words.quantities import Dimension, Quantity, number_text, quantity_at
from tocsin.search.plain_words.words import Form, is_plural

_OPERATORS = {
    **dict.fromkeys(
        (">", "more than", "greater than", "larger than", "bigger than", "higher than", "longer than", "slower than",
         "over", "above", "exceeds", "exceeding", "exceeded", "exceed", "beyond", "greater", "upwards of", "gt"), ">"),
    **dict.fromkeys(
        (">=", "at least", "not less than", "no less than", "greater than or equal to", "more than or equal to",
         "no fewer than", "minimum of", "gte"), ">="),
    **dict.fromkeys(
        ("<", "less than", "fewer than", "lower than", "smaller than", "shorter than", "faster than", "quicker than",
         "under", "below", "lt"), "<"),
    **dict.fromkeys(
        ("<=", "at most", "no more than", "not more than", "up to", "less than or equal to", "no longer than", "lte"),
        "<="),
    **dict.fromkeys(("=", "is", "equals", "equal to", "equal", "is equal to", "are", "was", "of", "named", "called",
                     "matching", "being", "set to", "eq"), "="),
    **dict.fromkeys(("!=", "is not", "isn't", "not equal to", "other than", "is not equal to", "not", "are not",
                     "was not", "wasn't", "does not equal", "ne"), "!="),
}  # fmt: skip
_LINKS = frozenset({
    "is", "are", "was", "were", "took", "takes", "taking", "that", "which", "being", "has", "of", "with", "value",
    "a", "an", "take",
})  # fmt: skip
_OF_TIME = frozenset({"longer than", "slower than", "shorter than", "faster than", "quicker than", "no longer than"})
_OR_MORE = frozenset({
    "or more", "or higher", "or above", "or longer", "or greater", "or over", "and above", "or larger", "and up",
    "and higher", "+", "or slower",
})  # fmt: skip
_OR_LESS = frozenset({"or less", "or lower", "or below", "or fewer", "or shorter", "or under", "or faster"})
_EXISTS = frozenset({"with", "having", "has", "have", "without", "missing", "lacking", "no", "that have", "who have"})
_DATA_VALUE = re.compile(r"\S*[\d@_:/.-]\S*")
_RANGE = re.compile(r"(\d+(?:\.\d+)?)(?:-|\.\.)(\d+(?:\.\d+)?)")
_NO_VALUE_ENDINGS = ("s", "ed", "ing", "ion", "ure")
_ABSENT = frozenset({"missing", "null", "empty", "absent", "unset", "none", "unknown"})
_PRESENT = frozenset({"present", "known"})
_NO_VALUE = re.compile(
    r"(?:slow|fast|noisi|busi|high|low|larg|bigg|new|old|lat|long|short|small)est|worst|best|most|slow|high|low|down|up|failing|broken|missing|bad|large|big|more|less|at|too|not"
)
_ID = re.compile(r"(?=[\w-]*\d)[0-9a-z_-]{4,}")
_HOST_NAME = re.compile(r"[a-z][a-z_]*[-.][\w.-]*\d[\w.-]*|[a-z]{2,}\d{1,3}")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_FIELD_CUES = frozenset({"for", "with", "where", "of", "from", "by", "when", "on", "in", "whose", "and", "to"})


def read_conditions(draft: Draft, fields: KnownFields) -> None:
    """Take the words that say what fields must be like."""
    for index in range(len(draft.words)):
        if draft.is_plain(index) or draft.word(index):
            _ = _about_a_field(draft, fields, index) or _about_a_length(draft, fields, index)
    for index in range(len(draft.words)):
        _about_a_host(draft, fields, index)
        _about_presence(draft, fields, index)


def _about_a_field(draft: Draft, fields: KnownFields, first: int) -> bool:
    found = fields.at(draft, first) or _with_an_id(draft, fields, first)
    if found is None or _is_grouped_by(draft, first):
        return False
    name, behind = found
    if _missing(draft, first, name, behind):
        return True
    return (
        _compared(draft, fields, first, name, behind)
        or _between(draft, first, name, behind)
        or _equal(draft, fields, first, name, behind)
    )


def _with_an_id(draft: Draft, fields: KnownFields, first: int) -> tuple[str, int] | None:
    """``request 5f2b8c``: what has an id is named with it."""
    name = fields.ids.get(draft.word(first))
    is_id = name and draft.is_plain(first + 1) and _ID.fullmatch(draft.word(first + 1))
    return (name, first + 1) if name and is_id and duration_at(draft, first + 1) is None else None


def _missing(draft: Draft, first: int, name: str, behind: int) -> bool:
    """``where user_id is missing``."""
    place = draft.past(behind, {"is", "are", "was", "not"})
    if place == behind or draft.word(place) not in _ABSENT | _PRESENT:
        return False
    is_absent = (draft.word(place) in _ABSENT) != ("not" in draft.run(behind, place - behind))
    condition = Condition(first=first, last=place + 1, field=name, value="*", is_negated=is_absent)
    draft.add(condition, Part.FIELD, f"{'without' if is_absent else 'with'} {name}")
    return True


def _is_grouped_by(draft: Draft, first: int) -> bool:
    return draft.said(draft.before(first, ARTICLES)) in GROUP_CUES


def _compared(draft: Draft, fields: KnownFields, first: int, name: str, behind: int) -> bool:
    operator, place = _operator_at(draft, behind)
    if operator not in {">", ">=", "<", "<="} or (is_of_ids(name) and not _is_sign(draft, behind, place)):
        return False
    found = quantity_at(draft, place)
    if found is None or not _can_be_of(found[0], fields, name):
        return False
    _add_comparison(draft, first, found[1], name, operator, found[0])
    return True


def _operator_at(draft: Draft, place: int) -> tuple[str, int]:
    """The comparison that begins at ``place``, and the place behind it; without one, an empty text."""
    behind = draft.after(place, _OPERATORS, longest=5)
    if behind is not None and _is_sign(draft, behind - 1, behind) and draft.word(behind) in _OPERATORS:
        second = draft.after(behind, _OPERATORS) or behind
        if " ".join(draft.run(place, second - place)) not in _OPERATORS:
            # Two that are none together, as in `> over`: the last is meant.
            place = behind
        behind = second
    if behind is None:
        linked = draft.past(place, _LINKS)
        behind = draft.after(linked, _OPERATORS, longest=5) if linked > place else None
        place = linked
    if behind is None:
        return "", place
    operator = _OPERATORS[" ".join(draft.run(place, behind - place))] if behind > place else ""
    longer = draft.after(draft.past(place, _LINKS), _OPERATORS, longest=5)
    if operator == "=" and longer is not None and longer > behind:
        start = draft.past(place, _LINKS)
        return _OPERATORS[" ".join(draft.run(start, longer - start))], longer
    return operator, behind


def _is_sign(draft: Draft, first: int, last: int) -> bool:
    return any(draft.words[index].form is Form.SIGN for index in range(first, last))


def _can_be_of(quantity: Quantity, fields: KnownFields, name: str) -> bool:
    """Whether a quantity may be one of this field: a time is not one of a size."""
    if quantity.dimension is None:
        return True
    of_sizes = name == fields.size()
    return (quantity.dimension is Dimension.SIZE) == of_sizes or fields.is_numeric(name)


def _add_comparison(draft: Draft, first: int, last: int, name: str, operator: str, quantity: Quantity) -> None:
    if (behind := draft.after(last, _OR_MORE)) is not None:
        operator, last = ">=", behind
    elif (behind := draft.after(last, _OR_LESS)) is not None:
        operator, last = "<=", behind
    amount, is_told = quantity.in_unit_of(name)
    if not is_told:
        draft.notes.append(f"the unit of {name} is not known: milliseconds are assumed")
    value = f"{operator}{number_text(amount)}"
    draft.add(Condition(first=first, last=last, field=name, value=value), Part.FIELD, f"{name} {value}")


def _between(draft: Draft, first: int, name: str, behind: int) -> bool:
    place = draft.past(behind, _LINKS)
    if draft.word(place) not in {"between", "from"} or is_only_the_noun(draft, first, behind, name):
        return False
    lower = quantity_at(draft, place + 1)
    if lower is None or draft.word(lower[1]) not in {"and", "to", "-"}:
        return False
    upper = quantity_at(draft, lower[1] + 1)
    if upper is None:
        return False
    low = lower[0] if lower[0].dimension else Quantity(lower[0].amount, None)
    if low.dimension is None and upper[0].dimension is not None:
        unit = upper[0].amount / (_spoken_amount(draft, lower[1] + 1) or 1.0)
        low = Quantity(low.amount * unit, upper[0].dimension)
    value = f"{number_text(low.in_unit_of(name)[0])}..{number_text(upper[0].in_unit_of(name)[0])}"
    draft.add(Condition(first=first, last=upper[1], field=name, value=value), Part.FIELD, f"{name} {value}")
    return True


def _spoken_amount(draft: Draft, index: int) -> float:
    match = re.match(r"\d+(?:\.\d+)?", draft.word(index))
    return float(match[0]) if match else 1.0


def _equal(draft: Draft, fields: KnownFields, first: int, name: str, behind: int) -> bool:
    operator, place = _operator_at(draft, behind)
    if operator not in {"=", "!=", ""}:
        return False
    place = place if operator else behind
    is_said = bool(operator) and (
        draft.word(behind) not in {"of", "was", "are"} or _is_data(draft, fields, name, place)
    )
    if not is_said and not _is_data(draft, fields, name, place):
        place = behind if not operator else place
        # "customer tier gold": two words that name a field are not said by chance.
        is_long = behind - first > 1 and draft.is_plain(place) and not is_plural(draft.word(behind - 1))
        if operator or not (_follows_a_cue(draft, first, place) or (is_long and _may_be_said(draft, place))):
            return False
    if draft.is_plain(place) and _NO_VALUE.fullmatch(draft.word(place)):
        return False
    is_known = _known_value(draft, name, place) is not None or (operator and _is_sign(draft, behind, place))
    if is_only_the_noun(draft, first, behind, name) and not is_known and not may_be_an_id(draft, first, place):
        return False
    values, last = _values(draft, fields, name, place, is_said=is_said)
    if not values:
        return False
    value = values[0] if len(values) == 1 else f"({' OR '.join(values)})"
    condition = Condition(first=first, last=last, field=name, value=value, is_negated=operator == "!=")
    draft.add(condition, Part.FIELD, f"{name} {'is not' if operator == '!=' else 'is'} {value}")
    return True


def _may_be_said(draft: Draft, place: int) -> bool:
    word = draft.word(place)
    return word not in STOP_WORDS | GROUP_CUES and not names_a_level(word) and not word.endswith(_NO_VALUE_ENDINGS)


def _is_data(draft: Draft, fields: KnownFields, name: str, index: int) -> bool:
    """Whether a word is a value by its looks: digits, signs, quotes, or a known value of the field."""
    if not draft.is_free(index):
        return False
    word = draft.words[index]
    if word.form is Form.QUOTED or _known_value(draft, name, index) is not None:
        return True
    if word.form is Form.SIGN or not _DATA_VALUE.fullmatch(word.text):
        return bool(word.text[:1].isupper()) and not fields.is_numeric(name) and word.folded not in STOP_WORDS
    if fields.is_numeric(name):
        return bool(_NUMBER.fullmatch(word.folded) or _RANGE.fullmatch(word.folded))
    return duration_at(draft, index) is None


def _known_value(draft: Draft, name: str, index: int) -> str | None:
    known = draft.vocabulary.values.get(name, ())
    said = draft.words[index].text.lower() if 0 <= index < len(draft.words) else ""
    return next((value for value in known if value.lower() == said), None)


def _follows_a_cue(draft: Draft, first: int, place: int) -> bool:
    """``for user alice``: a plain word is a value only where the field stands as a condition does."""
    cue, word = draft.said(draft.before(first, ARTICLES)), draft.word(place)
    if cue not in _FIELD_CUES or not draft.is_plain(place) or word in STOP_WORDS:
        return False
    return len(word) > 1 and not word.endswith(_NO_VALUE_ENDINGS) and not names_a_level(word)


def _values(draft: Draft, fields: KnownFields, name: str, first: int, *, is_said: bool) -> tuple[list[str], int]:
    """The values from ``first`` on, joined by ``or``, and the place behind them."""
    values: list[str] = []
    place = last = first
    while draft.is_free(place) and draft.words[place].form is not Form.SIGN:
        word = draft.words[place]
        is_data = word.form is not Form.PLAIN or _is_data(draft, fields, name, place)
        if values and fields.at(draft, place) is not None and _known_value(draft, name, place) is None:
            break
        if not is_data and (values or (word.folded in STOP_WORDS and is_said)):
            break
        values.append(_value_text(draft, name, place))
        last = place + 1
        place = last + (draft.word(last) in {"or", "and"})
        if place == last and not (draft.is_free(place) and draft.words[place].is_after_break):
            break
        if draft.word(place) in {"or", "and"}:
            place += 1
    return values, last


def _value_text(draft: Draft, name: str, index: int) -> str:
    word = draft.words[index]
    text = word.text.removesuffix("'s").removesuffix("’s") if word.form is Form.PLAIN else word.text
    if (known := _known_value(draft, name, index)) is not None:
        return as_value(known)
    if match := _RANGE.fullmatch(word.folded):
        return f"{match[1]}..{match[2]}" if float(match[1]) <= float(match[2]) else as_value(text)
    if word.form is Form.PLAIN and word.text.endswith("*") and re.fullmatch(r"[\w.-]+\*", word.text):
        return word.text
    return quoted(text) if text in {"AND", "OR", "NOT"} else as_value(text)


def _about_a_length(draft: Draft, fields: KnownFields, first: int) -> bool:
    """``slower than 2s``, ``larger than 10 MB``, ``over 500ms``: the quantity tells which field."""
    behind = draft.after(first, _OPERATORS, longest=5)
    if behind is None:
        return False
    said = " ".join(draft.run(first, behind - first))
    operator = _OPERATORS[said]
    found = quantity_at(draft, behind)
    if found is None or operator in {"=", "!="}:
        return False
    quantity, last = found
    counted = fields.at(draft, last)
    if quantity.dimension is None and counted is not None and _is_countable(fields, counted[0]):
        # "more than 3 retries"
        _add_comparison(draft, first, counted[1], counted[0], operator, quantity)
        return True
    name = None
    if quantity.dimension is Dimension.SIZE:
        name = fields.size()
    elif said in _OF_TIME or (quantity.dimension is Dimension.TIME and _is_of_requests(draft, first, behind)):
        name = fields.duration()
    if name is None:
        return False
    while draft.word(first - 1) in {
        "took",
        "taking",
        "takes",
        "take",
        "lasting",
        "lasted",
        "longer",
        "were",
        "that",
        "are",
    }:
        first -= 1
    _add_comparison(draft, first, last, name, operator, quantity)
    return True


def _is_countable(fields: KnownFields, name: str) -> bool:
    return fields.is_numeric(name) and not is_of_ids(name)


def _is_of_requests(draft: Draft, first: int, behind: int) -> bool:
    """``over 500ms`` is how long something took, ``over 2 hours`` probably when."""
    duration = duration_at(draft, behind)
    is_after_took = draft.said(first - 1) in {"took", "taking", "takes", "take", "lasting", "lasted"}
    return is_after_took or duration is None or duration[0].unit_seconds < 60 or draft.said(first) not in {"over"}


def _about_a_host(draft: Draft, fields: KnownFields, first: int) -> None:
    """``on web-3``: a name with a number is a host's there, if there is a field of hosts."""
    name = fields.called(("host",))
    if (
        name is not None
        and fields.at(draft, first + 1) == (name, first + 2)
        and _HOST_NAME.fullmatch(draft.word(first))
    ):
        # "web-3 host"
        text = draft.words[first].text
        condition = Condition(first=first, last=first + 2, field=name, value=as_value(text))
        draft.add(condition, Part.FIELD, f"{name} is {text}")
        return
    is_host = draft.word(first) == "on" and draft.is_plain(first + 1) and _HOST_NAME.fullmatch(draft.word(first + 1))
    text = draft.words[first + 1].text if is_host else ""
    if name is None or not is_host or any(text.lower() == service.lower() for service in draft.vocabulary.services):
        return
    condition = Condition(first=first, last=first + 2, field=name, value=as_value(text))
    draft.add(condition, Part.FIELD, f"{name} is {text}")


def _about_presence(draft: Draft, fields: KnownFields, first: int) -> bool:
    """``without a user id``, ``missing order_id``; ``with an order id`` needs its article."""
    behind = draft.after(first, _EXISTS)
    if behind is None:
        return False
    place = draft.past(behind, ARTICLES | {"any"})
    found = fields.at(draft, place)
    if found is None:
        return False
    name, last = found
    is_exact = draft.word(place) == name.lower()
    is_absent = draft.word(first) in {"without", "missing", "lacking", "no"}
    if not (is_exact or place > behind or (is_absent and last - place > 1)):
        return False
    condition = Condition(first=first, last=last, field=name, value="*", is_negated=is_absent)
    draft.add(condition, Part.FIELD, f"{'without' if is_absent else 'with'} {name}")
    return True
