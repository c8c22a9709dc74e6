"""Python tracebacks in messages, also those that a remote caller wrote escaped into one line."""

import re
from dataclasses import dataclass

MAX_MESSAGE_CHARACTERS = 100_000
"""Of a message; what is beyond is not looked at."""

_START = re.compile(r"Traceback \(most recent call last\):")
_FRAME = re.compile(r"File \"([^\"\n]+)\", line \d+, in ([\w<>]+)")
_PACKAGES = re.compile(r".*/(?:site|dist)-packages/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One call. Line numbers are left out: they move with every release."""

    #: Below the folder of packages, where there is one.
    file: str
    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Traceback:
    """The calls from the outermost to the one that raised."""

    frames: tuple[Frame, ...]

    @property
    def signature(self) -> tuple[tuple[str, str], ...]:
        """What it is told apart by: file and function of each frame."""
        return tuple((frame.file, frame.function) for frame in self.frames)


def tracebacks_in(message: str) -> list[Traceback]:
    """The tracebacks that a message has, in order; those without frames are left out."""
    text = message[:MAX_MESSAGE_CHARACTERS].replace("\\n", "\n").replace('\\"', '"')
    read = [Traceback(frames=_frames(part)) for part in _START.split(text)[1:]]
    return [traceback for traceback in read if traceback.frames]


def _frames(text: str) -> tuple[Frame, ...]:
    return tuple(Frame(file=_PACKAGES.sub("", file), function=function) for file, function in _FRAME.findall(text))
