import re

import pytest

from tocsin.kit.errors import InvalidQuery
from tocsin.query.parser import parse


@pytest.mark.parametrize(
    ("text", "start", "end", "suggestion"),
    [
        ('say "hello', 4, 10, 'say "hello"'),
        ("(a b", 0, 1, "(a b)"),
        ("((a) b", 0, 1, "((a) b)"),
        ("a) b", 1, 2, "a b"),
        ("()", 0, 2, None),
        ("a AND", 5, 5, "a"),
        ("a OR ", 5, 5, "a"),
        ("(a OR) b", 5, 6, "(a) b"),
        ("AND a", 0, 3, "a"),
        ("a AND OR b", 6, 8, "a AND b"),
        ("NOT", 3, 3, None),
        ("level:ERORR x", 6, 11, "level:ERROR x"),
        ("level:purple", 6, 12, None),
        ("level:>FATAL", 6, 12, None),
        ("level: ERROR", 6, 12, "level:ERROR"),
        ("level:", 6, 6, "level:*"),
        ("!!! x", 0, 3, '*"!!!"* x'),
        ('""', 0, 2, None),
        ("severity_number:25", 16, 18, None),
        ("severity_number:0", 16, 17, None),
        ("severity_number:12..9", 16, 21, None),
        ("severity_number:>9..12", 16, 22, None),
        ("severity_number:high", 16, 20, None),
        ("service:>x", 8, 10, "service:x"),
        ("shape:ff", 6, 8, None),
        ("trace_id:<5", 9, 11, "trace_id:5"),
        ("duration_ms:>long", 12, 17, None),
        ("duration_ms:>1e999", 12, 18, None),
        ("duration_ms:>", 13, 13, None),
    ],
)
def test_errors_say_where_and_what_instead(text: str, start: int, end: int, suggestion: str | None) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse(text)
    assert (caught.value.start, caught.value.end, caught.value.suggestion) == (start, end, suggestion)


def test_errors_name_what_is_expected_in_plain_words() -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse("(a")
    assert caught.value.detail == "this parenthesis is never closed"
    with pytest.raises(InvalidQuery) as caught:
        parse("a OR")
    assert caught.value.expected[:4] == ("a word", "a quoted phrase", "a word* or *substring*", "an /expression/")
    with pytest.raises(InvalidQuery) as caught:
        parse("level:ERORR")
    assert caught.value.expected == ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")


@pytest.mark.parametrize(
    ("text", "start", "end", "suggestion"),
    [
        ("a and (b", 6, 7, "a and (b)"),
        ("(a))", 3, 4, "(a)"),
        ('/[)]/ "(x" (a', 11, 12, '/[)]/ "(x" (a)'),
        ("(level:)", 7, 8, "(level:*)"),
        ("level: AND x", 6, 6, "level:* AND x"),
        ("level:)", 6, 7, None),
        ("x: >5", 2, 5, "x:>5"),
        ("x: (a OR b)", 2, 10, "x:(a OR b)"),
        ("x:\n/a/", 2, 6, "x:/a/"),
        ("(a)*", 3, 4, "(a)"),
    ],
)
def test_what_is_missing_or_too_much_is_named(text: str, start: int, end: int, suggestion: str | None) -> None:
    assert _complaint(text) == (start, end, suggestion)


@pytest.mark.parametrize(
    ("text", "start", "end", "suggestion"),
    [
        ("service:(a or b)", 11, 13, "service:(a OR b)"),
        ("service:(a b)", 11, 12, "service:(a OR b)"),
        ("service:(a AND b)", 11, 14, "service:(a OR b)"),
        ("service:(a, b)", 12, 13, "service:(a OR b)"),
        ("service:(a,b)", 9, 12, "service:(a OR b)"),
        ("service:(a | b)", 11, 12, "service:(a OR b)"),
        ("service:(a OR b", 8, 9, "service:(a OR b)"),
        ("service:(a OR )", 14, 15, "service:(a)"),
        ("service:()", 9, 10, "service:(*)"),
        ("service:(", 9, 9, None),
        ("service:(OR)", 9, 11, 'service:("OR")'),
        ("service:(NOT a)", 13, 14, None),
        ("service:(a OR (b))", 14, 15, None),
        ("x:(a OR !=b)", 8, 11, None),
    ],
)
def test_lists_say_what_they_are_made_of(text: str, start: int, end: int, suggestion: str | None) -> None:
    assert _complaint(text) == (start, end, suggestion)


@pytest.mark.parametrize(
    ("text", "start", "end", "suggestion"),
    [
        ("10.0.*", 0, 6, '*"10.0."*'),
        ("a-b*c-d", 0, 7, r"/a\-b\S*c\-d/"),
        ('"a b"*', 0, 6, '*"a b"*'),
        ("level:ERR*", 6, 10, None),
        ("trace_id:0af*", 9, 13, None),
        ("timestamp:2026*", 10, 15, None),
        ("shape:*0*", 6, 9, None),
        ("duration:>5*", 9, 12, None),
        ("service:>a*", 8, 11, None),
    ],
)
def test_stars_stand_only_where_they_can_be_gaps(text: str, start: int, end: int, suggestion: str | None) -> None:
    assert _complaint(text) == (start, end, suggestion)


@pytest.mark.parametrize(
    ("text", "start", "end", "suggestion", "reason"),
    [
        ("x /(a/", 2, 6, 'x *"(a"*', "missing ): (a"),
        ("host:/a)/", 5, 9, 'host:*"a)"*', "unexpected ): a)"),
        ("/*a/", 0, 4, '*"*a"*', "no argument for repetition operator: *"),
        ("/(?=x)/", 0, 7, None, "invalid perl operator: (?="),
        (r"/(a)\1/", 0, 7, None, r"invalid escape sequence: \1"),
        ("/a{1001}/", 0, 9, None, "invalid repetition size: {1001}"),
        (r"/\pL{999}/", 0, 10, None, "pattern too large - compile failed"),
        ("/time out/i", 0, 11, "/(?i)time out/", "flags stand inside an expression: (?i)"),
        (r"/\d+ x", 0, 4, r"/\d+/ x", "an expression ends with a slash"),
        (r"path:/api/v\d+/", 5, 15, r"path:/api\/v\d+/", r"inside it a slash is written \/"),
        ("service:/x/", 8, 11, "service:*x*", "service can't be searched by an expression"),
        ("service:/x.y/", 8, 13, None, "service can't be searched by an expression"),
        ("level:/E/", 6, 9, None, "level can't be searched by an expression"),
    ],
)
def test_expressions_are_refused_with_the_reason(
    text: str, start: int, end: int, suggestion: str | None, reason: str
) -> None:
    with pytest.raises(InvalidQuery, match=re.escape(reason)):
        parse(text)
    assert _complaint(text) == (start, end, suggestion)


@pytest.mark.parametrize(
    ("text", "start", "end", "suggestion"),
    [
        ("timestamp:yesterday", 10, 19, None),
        ("timestamp:>2026-13-01", 10, 21, None),
        ("timestamp:-5", 10, 12, None),
        ("timestamp:1e30", 10, 14, None),
        ("timestamp:2026-11-21..x", 10, 23, None),
        ("timestamp:>2026-11-21..2026-11-22", 10, 33, 'timestamp:"2026-11-21..2026-11-22"'),
        ("status:599..500", 7, 15, 'status:"599..500"'),
        ("status:1..1e999", 7, 15, 'status:"1..1e999"'),
        ("pattern:x*", 8, 10, None),
        ("pattern:>5", 8, 10, "pattern:5"),
        ("level:>ERORR", 6, 12, "level:>ERROR"),
        ("message:>5", 8, 10, 'message:"5"'),
    ],
)
def test_values_that_a_field_can_not_have_are_named(text: str, start: int, end: int, suggestion: str | None) -> None:
    assert _complaint(text) == (start, end, suggestion)


@pytest.mark.parametrize(
    ("text", "start", "end", "suggestion"),
    [
        ("a && b", 2, 4, "a AND b"),
        ("a level>=WARN", 2, 13, "a level:>=WARN"),
        ("duration_ms>250", 0, 15, "duration_ms:>250"),
        ("x level=ERROR", 2, 13, "x level:ERROR"),
        ("service!=a", 0, 10, "-service:a"),
        ("level:!ERROR", 6, 12, "-level:ERROR"),
        ("a || b", 2, 4, "a OR b"),
        ("!timeout", 0, 8, "-timeout"),
        ("a !service:x", 2, 12, "a -service:x"),
        ("!(a b)", 0, 1, "NOT(a b)"),
        ("status > 500 x", 7, 8, "status:>500 x"),
        ("status = 500", 7, 8, "status:500"),
        ("status != x", 7, 9, "-status:x"),
        ("status:=500", 7, 11, "status:500"),
        ("status:==500", 7, 12, "status:500"),
        ("status:=>500", 7, 12, "status:>=500"),
        ("x status:!=500", 9, 14, "x -status:500"),
        ("-status:<>500", 8, 13, "--status:500"),
        ("status:>>500", 7, 12, None),
        ("status:=~5xx", 7, 12, "status:/5xx/"),
        ("status:!~5xx", 7, 12, "-status:/5xx/"),
        ("status:=", 7, 8, None),
    ],
)
def test_signs_of_other_languages_are_translated(text: str, start: int, end: int, suggestion: str | None) -> None:
    assert _complaint(text) == (start, end, suggestion)


def _complaint(text: str) -> tuple[int, int, str | None]:
    with pytest.raises(InvalidQuery) as caught:
        parse(text)
    return caught.value.start, caught.value.end, caught.value.suggestion
