"""Tracebacks, and what else the logs of a trouble name → the source files that it likely comes from. Pure.

The call that raised is seldom third-party code's fault, and often not that of the code around it: a value may have
been passed down to it, or the error comes from another service. So the frames of a service's own code share the
suspicion, the deepest first, and those that only pass things on get less of it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tocsin.incidents.exceptions.tracebacks import Frame, Traceback, tracebacks_in

FRAME_DECAY = 0.75
"""What the next own frame outwards is suspected, of what this one is; less trusts the deepest more."""

PASSES_ON = 0.3
"""What is left of the suspicion of a frame that passes a call or a value on, and of an error from elsewhere."""

HINT = 0.3
"""What a module is suspected that logged or is named in the trouble, of what the frame that raised is."""

_STANDARD_LIBRARY = re.compile(r"/lib(?:64)?/python\d")

_PASSED_ARGUMENTS = re.compile(r"\*\w*arg|\*\*\w")
_WRAPPERS = frozenset({"wrapper", "wrapped", "inner", "decorated"})
"""What the functions are called that decorators put around others."""

_MISSING_VALUE = re.compile(r"\bNone(?:Type)?\b")
_ATTRIBUTE = re.compile(r"no attribute '(\w+)'")
_RESULT_OF_CALL = re.compile(r"(?:\([^()=]*\)|[^=(]+)\s*=\s*[\w.]+\(")
_NAME = re.compile(r"[A-Za-z_]\w*")
_NO_VALUES = frozenset({"self", "cls", "return", "for", "in", "not", "None", "if", "with", "as", "is", "and", "or"})

_CLIENT_FRAMES = 3
"""An error is from another service when a client of it is among so many of the deepest frames."""

_MODULE = re.compile(r"\b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


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
    #: The function of the file that is suspected most; empty where no traceback has the file.
    function: str
    #: The service whose logs say so.
    service: str
    #: 0 to 1; those of all locations add up to 1.
    score: float
    #: For people.
    reason: str


@dataclass(slots=True)
class _Suspicion:
    """What speaks against one file."""

    score: float = 0.0
    #: The weightiest evidence, with the function it is about.
    strongest: tuple[float, str, str] = (0.0, "", "")
    by_service: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, weight: float, service: str, function: str, reason: str) -> None:
        self.score += weight
        self.by_service[service] += weight
        if weight > self.strongest[0]:
            self.strongest = (weight, function, reason)


def logged_tracebacks(logs: Iterable[tuple[str, str, int, str]]) -> list[LoggedTraceback]:
    """The tracebacks of logs, each given as service, logger, time_unix_nano and message."""
    return [
        LoggedTraceback(service=service, logger=logger, time_unix_nano=time_unix_nano, traceback=traceback)
        for service, logger, time_unix_nano, message in logs
        for traceback in tracebacks_in(message)
    ]


def own_packages(services: Iterable[str]) -> frozenset[str]:
    """The packages that are likely the services' own code: named like a service, or like a word of its name."""
    names = [re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") for name in services]
    return frozenset({*names, *(word for name in names for word in name.split("_"))} - {""})


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
        frames = _suspected_frames(logged.traceback, packages)
        for file, (part, function) in frames.items():
            reason = f"{function} is in the trace of {logged.traceback.error or 'an exception'}"
            suspicions[file].add(weight * part, logged.service, function, reason)
        for file, reason in _named_files(logged, frames, suspicions):
            function = frames[file][1] if file in frames else ""
            suspicions[file].add(weight * HINT, logged.service, function, reason)
    own_modules = [named for named in modules if named.module.partition(".")[0] in packages]
    for place, named in enumerate(own_modules):
        suspicions[_file_of(named.module)].add(HINT / (1 + place), named.service, "", named.reason)
    return _ranked(suspicions)


def _ranked(suspicions: Mapping[str, _Suspicion]) -> list[SuspectedLocation]:
    total = sum(suspicion.score for suspicion in suspicions.values())
    return [
        SuspectedLocation(
            file=file,
            function=suspicion.strongest[1],
            service=max(sorted(suspicion.by_service), key=suspicion.by_service.__getitem__),
            score=suspicion.score / total,
            reason=suspicion.strongest[2],
        )
        for file, suspicion in sorted(suspicions.items(), key=lambda each: (-each[1].score, each[0]))
    ]


def _weighted(tracebacks: Sequence[LoggedTraceback]) -> list[tuple[LoggedTraceback, float]]:
    """Each signature once, with what it weighs.

    Services that failed first weigh more; the signatures of one share its weight, so that an error that is raised
    again and again counts no more than one that is not.
    """
    first: dict[tuple[tuple[str, str], ...], LoggedTraceback] = {}
    for logged in sorted(tracebacks, key=lambda each: (each.time_unix_nano, each.service)):
        first.setdefault(logged.traceback.signature, logged)
    by_service: dict[str, list[LoggedTraceback]] = defaultdict(list)
    for logged in first.values():
        by_service[logged.service].append(logged)
    return [
        (logged, (PASSES_ON if _is_from_elsewhere(logged.traceback) else 1) / ((1 + logged.past_windows) * share))
        for place, group in enumerate(by_service.values())
        for share in [(1 + place) * len(group)]
        for logged in group
    ]


def _is_from_elsewhere(traceback: Traceback) -> bool:
    """Whether the client of another service raised what that service answered."""
    deepest = traceback.frames[-_CLIENT_FRAMES:]
    return any(frame.is_installed and "client" in frame.file for frame in deepest)


def _suspected_frames(traceback: Traceback, packages: frozenset[str]) -> dict[str, tuple[float, str]]:
    """The files of a traceback's own frames, with the highest suspicion of one, 0 to 1, and its function."""
    outwards = [frame for frame in reversed(traceback.frames) if _is_own(frame, packages)]
    suspected: dict[str, tuple[float, str]] = {}
    suspicion = 1.0
    for place, frame in enumerate(outwards):
        passes_on = _is_wrapper(frame) or (place == 0 and _is_given(outwards, traceback.error))
        part = suspicion * PASSES_ON if passes_on else suspicion
        if frame.file not in suspected or part > suspected[frame.file][0]:
            suspected[frame.file] = (part, frame.function)
        if not passes_on:
            suspicion *= FRAME_DECAY
    return suspected


def _is_own(frame: Frame, packages: frozenset[str]) -> bool:
    if frame.file.startswith("<"):
        return False
    if frame.is_installed:
        return frame.file.partition("/")[0] in packages
    return _STANDARD_LIBRARY.search(frame.file) is None


def _is_wrapper(frame: Frame) -> bool:
    return frame.function in _WRAPPERS or _PASSED_ARGUMENTS.search(frame.source) is not None


def _is_given(outwards: Sequence[Frame], error: str) -> bool:
    """Whether the deepest frame met a missing value that has the name of something its caller passes to it."""
    if _MISSING_VALUE.search(error) is None:
        return False
    source = outwards[0].source
    caller = next((frame for frame in outwards[1:] if not _is_wrapper(frame)), None)
    if caller is None or _RESULT_OF_CALL.match(source):
        return False
    passed = set(_NAME.findall(caller.source)) - _NO_VALUES
    attribute = _ATTRIBUTE.search(error)
    value = attribute and re.search(rf"([A-Za-z_]\w*)\.{attribute[1]}\b", source)
    return value[1] in passed if value else not passed.isdisjoint(_NAME.findall(source))


def _named_files(
    logged: LoggedTraceback, frames: Mapping[str, object], known: Mapping[str, object]
) -> list[tuple[str, str]]:
    """The files of modules that logged a traceback they are in, or that its error names, with the reason."""
    logger = _file_of(logged.logger)
    named = [_known_file(module, known) for module in _MODULE.findall(logged.traceback.error)]
    reason = f"is named in {logged.traceback.error}"
    by_error = [(file, reason) for file in dict.fromkeys(named) if file is not None]
    return ([(logger, "logged the exception")] if logger in frames else []) + by_error


def _file_of(module: str) -> str:
    return module.replace(".", "/") + ".py"


def _known_file(dotted: str, known: Mapping[str, object]) -> str | None:
    """The known file of the longest module that a dotted name begins with."""
    parts = dotted.split(".")
    files = (_file_of(".".join(parts[:end])) for end in range(len(parts), 0, -1))
    return next((file for file in files if file in known), None)
