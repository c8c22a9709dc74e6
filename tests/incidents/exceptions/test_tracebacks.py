"""Tracebacks are read from plain and from escaped messages."""

import pytest

from tocsin.incidents.exceptions.tracebacks import tracebacks_in

_PLAIN = (
    "boom\nTraceback (most recent call last):\n"
    '  File "/usr/lib/python3/site-packages/shop/api.py", line 3, in pay\n    charge()\n'
    '  File "/usr/lib/python3/site-packages/shop/bank.py", line 9, in charge\nKeyError: 1'
)
_SIGNATURE = (("shop/api.py", "pay"), ("shop/bank.py", "charge"))


@pytest.mark.parametrize("message", [_PLAIN, _PLAIN.replace("\n", "\\n"), _PLAIN.replace("line 3", "line 77")])
def test_signature_is_the_same_when_escaped_or_moved(message: str) -> None:
    assert [each.signature for each in tracebacks_in(message)] == [_SIGNATURE]


def test_two_tracebacks_when_chained() -> None:
    assert len(tracebacks_in(f"{_PLAIN}\n{_PLAIN}")) == 2


def test_nothing_when_there_are_no_frames() -> None:
    assert tracebacks_in("Traceback (most recent call last):\nKeyError") == []


def test_the_running_lines_and_the_error_are_kept() -> None:
    [traceback] = tracebacks_in(_PLAIN)
    assert [frame.source for frame in traceback.frames] == ["charge()", ""]
    assert [frame.is_installed for frame in traceback.frames] == [True, True]
    assert traceback.error == "KeyError: 1"


def test_marks_under_a_line_are_not_part_of_it() -> None:
    text = 'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\n    g(x)\n    ~^^^\nKeyError: 1\n'
    [traceback] = tracebacks_in(text)
    assert ([frame.source for frame in traceback.frames], traceback.error) == (["g(x)"], "KeyError: 1")
    assert not traceback.frames[0].is_installed


def test_a_traceback_that_was_written_as_a_list_of_lines_is_read_like_others() -> None:
    lines = ["Traceback (most recent call last):\n", '  File "/app/a.py", line 1, in f\n    g(x)\n', "KeyError: 1\n"]
    [traceback] = tracebacks_in(f"it failed: {lines}")
    assert ([frame.source for frame in traceback.frames], traceback.signature) == (["g(x)"], (("/app/a.py", "f"),))
    assert traceback.error.startswith("KeyError: 1")


def test_blank_lines_between_are_skipped() -> None:
    [traceback] = tracebacks_in(_PLAIN.replace("\n", "\n\n"))
    assert (traceback.frames[0].source, traceback.signature) == ("charge()", _SIGNATURE)
