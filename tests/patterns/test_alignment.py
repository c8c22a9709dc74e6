"""Where a template's wildcards are in a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.patterns.alignment import Template


@pytest.mark.parametrize(
    ("template", "message", "values"),
    [
        ("took <duration> for <*>", "took 12 ms for a cup of tea", ("12 ms", "a cup of tea")),
        ("<ip> - <num>", "  10.0.0.1   -\n5 ", ("10.0.0.1", "5")),
        ("no wildcard", "no  wildcard", ()),
        ("a <*> b", "a  b", ("",)),
        ("a <*> b", "a b", None),
        ("list [<*>]", "list []", ("",)),
        ("in <module> at <num>", "in <module> at 7", ("7",)),
        ("a.b (<*>)", "axb (c)", None),
        ("user <*> in <*>", "user a in b in c", ("a", "b in c")),
        # A value of this type has no white space, so the first "for" is not the template's.
        ("<*> for <num>", "wait for me for 5", ("wait for me", "5")),
        # White space of other scripts counts too.
        ("a <num>", "a\u3000\u00a05", ("5",)),
    ],
)
def test_wildcards_take_what_the_constants_leave(template: str, message: str, values: tuple[str, ...] | None) -> None:
    assert Template(template).aligned(message) == values


def test_a_template_that_was_cut_takes_the_rest_in_its_last_wildcard() -> None:
    assert Template("some wor <*>").aligned("some words follow") == ("ds follow",)
    assert Template("some word <*>").aligned("some word") == ("",)


_CONSTANTS = st.text("abc .:[]()=\n", max_size=6)
_TYPES = st.sampled_from(["*", "num", "ip", "path", "duration"])
_TEMPLATES = st.builds(
    lambda first, rest: first + "".join(f"<{kind}>{constant}" for kind, constant in rest),
    _CONSTANTS,
    st.lists(st.tuples(_TYPES, _CONSTANTS), max_size=6),
)


@given(template=_TEMPLATES, data=st.data())
def test_a_message_made_of_a_template_fits_and_its_values_make_it_again(template: str, data: st.DataObject) -> None:
    parsed = Template(template)
    texts = st.text("abcxyz019 .", max_size=8)
    values = [data.draw(texts) for _ in parsed.types]
    message = _filled(parsed, values)
    aligned = parsed.aligned(message)
    assert aligned is not None
    assert _filled(parsed, aligned).split() == message.split()


@given(template=_TEMPLATES, data=st.data())
def test_values_that_no_constant_is_in_are_found_again(template: str, data: st.DataObject) -> None:
    parsed = Template(template)
    # Two wildcards with nothing between them can't be told apart.
    if "" in parsed.constants[1:-1] or any(not constant.strip() for constant in parsed.constants[1:-1]):
        return
    values = [data.draw(st.text("xyz019", min_size=1, max_size=8)) for _ in parsed.types]
    assert parsed.aligned(_filled(parsed, values)) == tuple(values)


def _filled(template: Template, values: "tuple[str, ...] | list[str]") -> str:
    pairs = zip(values, template.constants[1:], strict=True)
    return template.constants[0] + "".join(f"{value}{constant}" for value, constant in pairs)
