import pytest
from hypothesis import given

from tests.support.random_expressions import expressions
from tocsin.query.expressions import found_in, refusal, slashed, unslashed


@pytest.mark.parametrize(
    ("expression", "text", "is_found"),
    [
        ("b.d", "ab\ndc", True),
        ("(?-s)b.d", "ab\ndc", False),
        ("^d", "ab\ndc", False),
        ("(?m)^d", "ab\ndc", True),
        ("b$", "ab\n", False),
        ("É", "é", False),
        ("(?i)É", "é", True),
        ("^.$", "é", True),
        (r"^\w+$", "é", False),
        (r"^\pL+$", "é日", True),
        (r"a\bé", "aé", True),
        (r"^\d$", "٣", False),
        ("", "", True),
        ("\x00", "a\x00", True),
    ],
)
def test_expressions_are_read_as_re2_reads_utf8(expression: str, text: str, is_found: bool) -> None:
    assert refusal(expression) is None
    assert found_in(expression, text) is is_found


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("(a", "missing ): (a"),
        ("(?<=a)b", "invalid perl operator: (?<="),
        ("a{2000}", "invalid repetition size: {2000}"),
        (r"((\pL{20}){20})", "pattern too large - compile failed"),
        (r"(é\1)", r"invalid escape sequence: \1"),
    ],
)
def test_what_re2_does_not_take_is_refused_in_its_words(expression: str, reason: str) -> None:
    assert refusal(expression) == reason


def test_matching_takes_linear_time() -> None:
    assert not found_in("(a*)*b|(a|a)*b$", "a" * 50_000 + "c")


@pytest.mark.parametrize(
    ("expression", "written"),
    [("a", "/a/"), ("/a/b", r"/\/a\/b/"), (r"\\/", r"/\\\//"), (r"\d", r"/\d/"), (" ", "/ /")],
)
def test_slashes_in_an_expression_are_escaped(expression: str, written: str) -> None:
    assert slashed(expression) == written
    assert unslashed(written[1:-1]) == expression


@given(expressions)
def test_an_expression_is_itself_again_when_written_and_read(expression: str) -> None:
    once = unslashed(expression)
    assert unslashed(slashed(once)[1:-1]) == once
