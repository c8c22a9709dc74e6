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
