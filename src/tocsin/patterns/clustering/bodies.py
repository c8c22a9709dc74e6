"""Messages of many lines: stack traces are told apart by their frames, others by their first lines."""

import re

from tocsin.logmodel.masking import MASK

LINE_BREAK = "\n"

MAX_LINES = 4
"""Of a message without frames; what is beyond is one slot. More lines tell more messages apart."""

MIN_FRAMES = 2
"""Fewer lines that look like frames are no stack trace."""

MAX_FRAMES = 64
"""Stack traces that have so many frames in common are one pattern, whatever comes below."""

MAX_TRACE_CHARACTERS = 20_000
"""Of a masked text of many lines; what is beyond is not looked at."""

_MAX_LINE_CHARACTERS = 1_000

_TRACE = "\x01trace"

_FRAMES = (
    # Java, Kotlin, Scala, .NET: at package.Class.method(File.java:12)
    re.compile(r"\s*at (?:[\w.@\-]+/)?((?:[\w$<>`\[\],*]+\.)+[\w$<>`\[\],*]+)\(.*"),
    # JavaScript: at [async] function (file:1:2), at file:1:2
    re.compile(r"\s+at (?:async )?(.*?)(?: \[as .*\])? ?\(?[^\s()]*\)?$"),
    # Python: File "file", line 12, in function
    re.compile(r"\s*File \"(.*)\", line \S+?(?:, in (.*))?$"),
    # Go and Rust: package.(*Type).method(0x12, …)
    re.compile(r"((?:[\w\-.<>*]+/)*[\w\-<>]+(?:\.\(?\*?[\w<>]+\)?)+)\((?:\.\.\.|[^()]*|\{.*\}.*)\)$"),
    re.compile(r"created by (\S+?)(?: in goroutine .*)?$"),
)
_ERROR = re.compile(
    r"(?<![\w.])((?:[A-Za-z_$][\w$]*(?:\.|::))*[A-Z][\w$]*(?:Error|Exception|Exit|Interrupt|Warning|Fault))\b"
)
_PANIC = re.compile(r"\b(panic|fatal error|signal \w+)(?=:| )")


def is_trace(outline: str) -> bool:
    """Whether an outline is a stack trace's."""
    return outline.startswith(_TRACE)


def outline_of_lines(text: str) -> str | None:
    """What a masked text of many lines is told apart by; None where it is all of it."""
    lines = text[:MAX_TRACE_CHARACTERS].split(LINE_BREAK)
    frames = [frame for line in lines if (frame := frame_of(line)) is not None]
    if len(frames) >= MIN_FRAMES:
        errors = [error for line in lines if frame_of(line) is None for error in _errors(line)]
        return LINE_BREAK.join((_TRACE, *errors[:MAX_FRAMES], *frames[:MAX_FRAMES]))
    return LINE_BREAK.join((*lines[:MAX_LINES], MASK)) if len(lines) > MAX_LINES else None


def frame_of(line: str) -> str | None:
    """The function of a frame, with its class or file where they are known; None for other lines."""
    for expression in _FRAMES:
        found = expression.match(line[:_MAX_LINE_CHARACTERS])
        if found:
            return ":".join(part for part in found.groups() if part) or MASK
    return None


def _errors(line: str) -> list[str]:
    return [*_ERROR.findall(line[:_MAX_LINE_CHARACTERS]), *_PANIC.findall(line[:_MAX_LINE_CHARACTERS])]
