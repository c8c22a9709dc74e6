"""Tracebacks, and what else the logs of a trouble name → the source files that it likely comes from. Pure.

The call that raised is seldom third-party code's fault, and often not that of the code around it: a value may have
been passed down to it, or the error comes from another service. So the frames of a service's own code share the
suspicion, the deepest first, and those that only pass calls on get less of it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tocsin.incidents.exceptions.tracebacks import Frame, Traceback

FRAME_DECAY = 0.75
"""What the next own frame outwards is suspected, of what this one is; less trusts the deepest more."""

PASSES_ON = 0.3
"""What is left of the suspicion of a frame that passes a call or a value on, and of an error from elsewhere."""

HINT = 0.3
"""What a module is suspected that logged or is named in the trouble, of what a frame that raised is."""

_STANDARD_LIBRARY = re.compile(r"/lib(?:64)?/python\d")
_PASSED_ARGUMENTS = re.compile(r"\*\w*arg\w*|\*\*\w+")
_WRAPPERS = frozenset({"wrapper", "wrapped", "inner", "__call__", "__enter__", "__exit__", "call", "dispatch"})
"""Names of functions that decorate, or find which function to call."""

_MISSING_VALUE = re.compile(r"'NoneType'|\bNone\b")
_ATTRIBUTE = re.compile(r"no attribute '(\w+)'")
_RESULT_OF_CALL = re.compile(r"[^=(]*=\s*[\w.]+\(")
_NAME = re.compile(r"[A-Za-z_]\w*")
_NO_VALUES = frozenset({"self", "cls", "return", "for", "in", "not", "None", "if", "with", "as", "is", "and", "or"})
_CLIENT = re.compile(r"client|amqpdriver")
_CLIENT_FRAMES = 3
"""An error is from another service when a client of it is among so many of the deepest frames."""

_MODULE = re.compile(r"\b[a-z_]\w*(?:\.[a-z_]\w*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedTraceback:
    """A traceback, and who wrote it."""

    service: str
    #: The module that logged it, dotted.
    logger: str
    time_unix_nano: int
    traceback: Traceback
    #: How many windows of the past had one of the same signature; 0 also where there is no past.
    past_windows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedModule:
    """A module that is in it without a traceback: it logged something new, or was the last that did its work."""

    service: str
    #: Dotted, as loggers are named.
    module: str
    #: For people: "logged an error that is new".
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectedLocation:
    """Where a trouble may come from."""

    file: str
    #: The deepest function of the file in a traceback; empty without one.
    function: str
    #: The service whose logs say so.
    service: str
    score: float
    #: For people.
    reason: str


@dataclass(slots=True)
class _Suspicion:
    """What speaks against one file."""

    score: float = 0.0
    #: The strongest single reason: its weight, function and text.
    best: tuple[float, str, str] = (0.0, "", "")
    by_service: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, weight: float, service: str, function: str, reason: str) -> None:
        self.score += weight
        self.by_service[service] += weight
        if weight > self.best[0]:
            self.best = (weight, function, reason)


def own_packages(services: Iterable[str]) -> frozenset[str]:
    """The packages that are likely a service's own code: named like a word of a service, or all of it."""
    names = [name.lower() for name in services]
    words = {word for name in names for word in re.split(r"[^a-z0-9]+", name) if word}
    return frozenset(words | {re.sub(r"[^a-z0-9]+", "_", name) for name in names})


def rank_locations(
    tracebacks: Sequence[LoggedTraceback], modules: Sequence[NamedModule] = (), *, packages: frozenset[str]
) -> list[SuspectedLocation]:
    """The suspected files, the likeliest first; equal scores by name.

    Args:
        tracebacks: of one trouble.
        modules: the likeliest first.
        packages: the own ones, see ``own_packages``; what is not in a folder of packages is own code too.
    """
    suspicions: dict[str, _Suspicion] = defaultdict(_Suspicion)
    for logged, weight in _weighted(tracebacks):
        _suspect_frames(suspicions, logged, weight, packages)
    for place, named in enumerate(modules):
        if named.module.partition(".")[0] in packages:
            suspicions[_file_of(named.module)].add(HINT / (1 + place), named.service, "", named.reason)
    ranked = sorted(suspicions.items(), key=lambda each: (-each[1].score, each[0]))
    return [
        SuspectedLocation(
            file=file,
            function=suspicion.best[1],
            service=max(suspicion.by_service, key=lambda service: (suspicion.by_service[service], service)),
            score=suspicion.score,
            reason=suspicion.best[2],
        )
        for file, suspicion in ranked
    ]


def _weighted(tracebacks: Sequence[LoggedTraceback]) -> list[tuple[LoggedTraceback, float]]:
    """Each signature once, from its first log: services that failed first weigh more, and share it out evenly."""
    first: dict[tuple[tuple[str, str], ...], LoggedTraceback] = {}
    for logged in sorted(tracebacks, key=lambda each: each.time_unix_nano):
        first.setdefault(logged.traceback.signature, logged)
    by_service: dict[str, list[LoggedTraceback]] = defaultdict(list)
    for logged in first.values():
        by_service[logged.service].append(logged)
    return [
        (
            logged,
            (PASSES_ON if _is_from_elsewhere(logged.traceback) else 1)
            / len(group)
            / (1 + place)
            / (1 + logged.past_windows),
        )
        for place, group in enumerate(by_service.values())
        for logged in group
    ]


def _is_from_elsewhere(traceback: Traceback) -> bool:
    """Whether a client of another service raised what that service answered."""
    deepest = traceback.frames[-_CLIENT_FRAMES:]
    return any(frame.is_installed and _CLIENT.search(frame.file) for frame in deepest)


def _suspect_frames(
    suspicions: dict[str, _Suspicion], logged: LoggedTraceback, weight: float, packages: frozenset[str]
) -> None:
    outwards = [frame for frame in reversed(logged.traceback.frames) if _is_own(frame, packages)]
    suspected: dict[str, tuple[float, str]] = {}
    share = 1.0
    for place, frame in enumerate(outwards):
        passes_on = _passes_on(frame, place, outwards, logged.traceback.error)
        if share * (PASSES_ON if passes_on else 1) > suspected.get(frame.file, (0.0, ""))[0]:
            suspected[frame.file] = (share * (PASSES_ON if passes_on else 1), frame.function)
        if not passes_on:
            share *= FRAME_DECAY
    for file, (part, function) in suspected.items():
        suspicions[file].add(
            weight * part, logged.service, function, f"{function} is in the trace of {logged.traceback.error}"
        )
    logger_file = _file_of(logged.logger)
    if logger_file in suspected:
        suspicions[logger_file].add(weight * HINT, logged.service, suspected[logger_file][1], "logged the exception")
    for module in _MODULE.findall(logged.traceback.error):
        file = _known_file(module, suspicions)
        if file is not None:
            suspicions[file].add(weight * HINT, logged.service, "", f"is named in {logged.traceback.error}")


def _is_own(frame: Frame, packages: frozenset[str]) -> bool:
    if frame.file.startswith("<"):
        return False
    if frame.is_installed:
        return frame.file.partition("/")[0] in packages
    return _STANDARD_LIBRARY.search(frame.file) is None


def _passes_on(frame: Frame, place: int, outwards: Sequence[Frame], error: str) -> bool:
    """Whether a frame is a wrapper, delegates to a function of its own name, or met a missing value it was given."""
    if _is_wrapper(frame):
        return True
    if place:
        return frame.function.strip("_") == outwards[place - 1].function.strip("_")
    if _MISSING_VALUE.search(error) is None:
        return False
    caller = next((each for each in outwards[1:] if not _is_wrapper(each)), None)
    return caller is not None and _is_given(frame.source, caller.source, error)


def _is_wrapper(frame: Frame) -> bool:
    return frame.function in _WRAPPERS or _PASSED_ARGUMENTS.search(frame.source) is not None


def _is_given(source: str, calling_source: str, error: str) -> bool:
    """Whether a line's missing value has the name of something that the caller's line passes."""
    passed = set(_NAME.findall(calling_source)) - _NO_VALUES
    attribute = _ATTRIBUTE.search(error)
    if attribute is not None:
        value = re.search(rf"([A-Za-z_]\w*)\.{attribute[1]}\b", source)
        if value is not None:
            return value[1] in passed
    if _RESULT_OF_CALL.match(source):
        return False
    return bool(passed & set(_NAME.findall(source)))


def _file_of(module: str) -> str:
    return module.replace(".", "/") + ".py"


def _known_file(dotted: str, known: Iterable[str]) -> str | None:
    """The file of the longest module that a dotted name begins with."""
    parts = dotted.split(".")
    files = set(known)
    return next((file for end in range(len(parts), 0, -1) if (file := "/".join(parts[:end]) + ".py") in files), None)
