"""Single keys of a terminal, as they are pressed."""

import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

QUIT_KEY = "q"
LIST_KEY = "?"

_KEYS = "123456789abcdefghijklmnoprstuvwxyz"
"""Those that can be bound: all but the one that quits."""

_LOOK_UP_SECONDS = 0.2

_Item = TypeVar("_Item")


def bound(items: Sequence[_Item]) -> dict[str, _Item]:
    """A key for each of the items, as far as there are keys."""
    return dict(zip(_KEYS, items, strict=False))


@contextmanager
def keys_pressed(on_key: Callable[[str], None]) -> Iterator[bool]:
    """Call with each key that is pressed, from a thread; yields whether there is a terminal to press them in."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield False
        return
    descriptor = sys.stdin.fileno()
    former = termios.tcgetattr(descriptor)
    ended = threading.Event()
    reading = threading.Thread(target=_read, args=(descriptor, on_key, ended), daemon=True)
    # Ctrl-C stays a signal in this mode.
    tty.setcbreak(descriptor)
    reading.start()
    try:
        yield True
    finally:
        ended.set()
        reading.join()
        termios.tcsetattr(descriptor, termios.TCSADRAIN, former)


def _read(descriptor: int, on_key: Callable[[str], None], ended: threading.Event) -> None:
    while not ended.is_set():
        ready, _, _ = select.select([descriptor], [], [], _LOOK_UP_SECONDS)
        if not ready:
            continue
        pressed = os.read(descriptor, 64)
        if not pressed:
            return
        # An arrow or a pasted text is several bytes at once, and none of our keys.
        if len(pressed) == 1:
            on_key(pressed.decode("ascii", errors="replace"))
