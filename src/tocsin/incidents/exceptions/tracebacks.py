"""Python tracebacks in messages, also those that a remote caller wrote escaped into one line."""

import re
from dataclasses import dataclass, field

MAX_MESSAGE_CHARACTERS = 100_000
"""Of a message; what is beyond is not looked at."""

_START = re.compile(r"Traceback \(most recent call last\):")
_FRAME = re.compile(r"File \"([^\"\n]+)\", line \d+, in ([\w<>]+)(?:[ \t]*\n(?:[ \t]*\n)*+[ \t]++(?!File \")([^\n]+))?")
_PACKAGES = re.compile(r".*/(?:site|dist)-packages/")
_BETWEEN_ITEMS = re.compile(r"\n['\"], u?['\"]")
"""What is between the lines of a traceback that was written as a list of strings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One call. Line numbers are left out: they move with every release."""

    #: Below the folder of packages, where there is one.
    file: str
    function: str
    #: The line that was running; empty where it is not known.
    source: str = field(default="", compare=False)
    #: Whether the file is in a folder of packages.
    is_installed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traceback:
    """The calls from the outermost to the one that raised."""

    frames: tuple[Frame, ...]
    #: The line with the exception's class and text; empty where it is cut off.
    error: str = ""

    @property
    def signature(self) -> tuple[tuple[str, str], ...]:
        """What it is told apart by: file and function of each frame."""
        return tuple((frame.file, frame.function) for frame in self.frames)


def tracebacks_in(message: str) -> list[Traceback]:
    """The tracebacks that a message has, in order; those without frames are left out."""
    text = message[:MAX_MESSAGE_CHARACTERS].replace("\\n", "\n").replace('\\"', '"').replace("\\'", "'")
    read = [_traceback(part) for part in _START.split(_BETWEEN_ITEMS.sub("\n", text))[1:]]
    return [traceback for traceback in read if traceback.frames]


def _traceback(text: str) -> Traceback:
    found = list(_FRAME.finditer(text))
    rest = text[found[-1].end() :] if found else ""
    errors = (line for line in rest.split("\n") if line and not line[0].isspace())
    return Traceback(frames=tuple(_frame(*each.groups(default="")) for each in found), error=next(errors, ""))


def _frame(path: str, function: str, source: str) -> Frame:
    file, installed = _PACKAGES.subn("", path)
    return Frame(file=file, function=function, source=source.strip(), is_installed=bool(installed))
