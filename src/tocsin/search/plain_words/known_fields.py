"""Fields by what people call them: ``status code`` is ``http.status_code``, ``latency`` may be ``duration_ms``."""

import re
from collections.abc import Iterable

from tocsin.search.plain_words.contracts import Vocabulary
from tocsin.search.plain_words.draft import Draft
from tocsin.search.plain_words.lexicon import TIME_WORDS
from tocsin.search.plain_words.words import singular

_PARTS = re.compile(r"[^0-9a-z]+")
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

TIME_UNITS = {
    **dict.fromkeys(("ns", "nanos", "nanoseconds", "nano"), 1e-9),
    **dict.fromkeys(("us", "micros", "microseconds", "usec"), 1e-6),
    **dict.fromkeys(("ms", "millis", "milliseconds", "msec"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "seconds"), 1.0),
    **dict.fromkeys(("min", "mins", "minutes"), 60.0),
}
"""Seconds of the unit that ends a field's name."""

SIZE_UNITS = {
    **dict.fromkeys(("b", "bytes", "byte"), 1.0),
    **dict.fromkeys(("kb", "kilobytes"), 1e3),
    **dict.fromkeys(("kib",), 1024.0),
    **dict.fromkeys(("mb", "megabytes"), 1e6),
    **dict.fromkeys(("mib",), 1024.0**2),
}

_VAGUE = frozenset({
    "id", "name", "code", "type", "count", "time", "value", "total", "key", "number", "sent", "received", "rate",
    "text", "data", "kind", "state", "size", "address", "message", "http", "net", "request", "response", "service",
    "log", "level", "client", "took", "source", "remote", "db", "app", "error", "exception",
})  # fmt: skip
"""Parts of names that name nothing alone."""

_ENDINGS = frozenset({"id", "name", "code", "type", "count", "number", "uuid", "key"})
"""Last parts of names that people leave out."""

_DURATION_WORDS = frozenset({"duration", "latency", "elapsed", "took", "rtt", "runtime", "time", "wait", "delay"})
_DURATION_ORDER = ("duration", "latency", "time", "elapsed", "took")
"""Which of several fields of durations is meant, when none is named."""

_SIZE_WORDS = frozenset({"bytes", "size", "length", "kb", "mb"})

CONCEPTS: tuple[tuple[str, ...], ...] = (
    ("status code", "status", "response code", "http code", "http status", "response status", "return code", "code"),
    ("host", "hostname", "host name", "machine", "node", "server", "box", "vm"),
    ("user", "user id", "username", "user name", "customer", "customer id", "account", "login", "enduser",
     "people", "person", "visitor"),
    ("client ip", "ip", "ip address", "source ip", "source ip address", "client address", "remote address", "src ip",
     "remote ip", "client ip address", "source address", "remote addr", "peer ip"),
    ("route", "endpoint", "path", "url", "uri", "page", "api endpoint", "url path", "target", "operation"),
    ("method", "http method", "verb", "http verb", "request method"),
    ("environment", "env", "stage", "deployment environment"),
    ("error type", "exception type", "error kind", "exception class", "error class", "type of error",
     "kind of error"),
    ("pod", "pod name", "k8s pod name"),
    ("region", "cloud region", "datacenter", "data center", "zone"),
    ("version", "service version", "release", "build"),
    ("thread", "thread name"),
    ("country", "client country"),
    ("session", "session id"),
    ("tenant", "tenant id", "organization", "org"),
    ("order", "order id", "order number"),
    ("device", "device id"),
)  # fmt: skip
"""Names for the same thing; one that is no field is looked for under the others."""

DURATION_NAMES = frozenset({
    "duration", "latency", "response time", "request time", "time taken", "elapsed time", "processing time",
    "execution time", "latencies", "durations", "response times", "elapsed", "time", "runtime", "request duration",
    "request latency", "response latency", "query time", "speed", "time spent",
})  # fmt: skip
SIZE_NAMES = frozenset({"size", "bytes", "response size", "payload size", "body size", "request size", "sizes"})

BUILT_IN = {
    "service": "service",
    "app": "service",
    "application": "service",
    "component": "service",
    "microservice": "service",
    "level": "level",
    "log level": "level",
    "severity": "level",
    "severity level": "level",
    "trace": "trace_id",
    "trace id": "trace_id",
    "span": "span_id",
    "span id": "span_id",
    "pattern": "pattern",
    "log pattern": "pattern",
    "message pattern": "pattern",
    "message": "pattern",
    "log message": "pattern",
    "template": "pattern",
    "message template": "pattern",
    "shape": "shape",
}  # fmt: skip
"""What people call the fields that logs have without metadata."""

_SIGNS = frozenset({"=", "!=", ">", "<", ">=", "<="})

MAX_NAME_WORDS = 4

MAX_REMEMBERED = 10_000
"""Runs of words of which it is remembered what field they name."""


class KnownFields:
    """Finds the fields of a vocabulary by what they are called."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._fields = {field.name: field for field in vocabulary.fields}
        #: By what a field is called, the fields and how much of their names is left out.
        self._called: dict[str, list[tuple[int, str]]] = {}
        for name in self._fields:
            for called, left_out in _names_of(name):
                self._called.setdefault(called, []).append((left_out, name))
        self._duration = min(filter(_says_how_long, self._fields), key=_least_special, default=None)
        sizes = (name for name in self._fields if _SIZE_WORDS & set(parts_of(name)))
        self._size = min(sizes, key=_least_special, default=None)
        #: By what has an id, the field of it: of a ``request 5f2b8c`` the request_id.
        self.ids = {parts[0]: name for name in self._fields if len(parts := parts_of(name)) == 2 and parts[1] == "id"}
        self._found: dict[tuple[tuple[str, ...], bool], str | None] = {}
        self._concepts = {name: concept for concept in CONCEPTS for name in concept}

    def at(self, draft: Draft, first: int, *, has_built_in: bool = False) -> tuple[str, int] | None:
        """The field that is named from ``first`` on, and the place behind it; the longest name counts."""
        run = draft.names(first, MAX_NAME_WORDS)
        for length in range(len(run), 0, -1):
            if length == 1 and run[0] in TIME_WORDS and draft.word(first + 1) not in _SIGNS:
                # "since 9am" says when, also where a field is called "since".
                continue
            found = self.called(run[:length], has_built_in=has_built_in)
            if found is not None:
                return found, first + length
        return None

    def called(self, words: Iterable[str], *, has_built_in: bool = False) -> str | None:
        """The field that is called so, in the singular or the plural."""
        spoken = tuple(words)
        key = (spoken, has_built_in)
        if key not in self._found:
            if len(self._found) >= MAX_REMEMBERED:
                self._found.clear()
            self._found[key] = self._looked_up(spoken, has_built_in=has_built_in)
        return self._found[key]

    def _looked_up(self, spoken: tuple[str, ...], *, has_built_in: bool) -> str | None:
        exact = ".".join(spoken)
        if exact in self._fields:
            return exact
        if (bare := exact.removeprefix("metadata.")) in self._fields and bare not in BUILT_IN.values():
            return bare
        called = " ".join([*_spaced(spoken[:-1]), singular(spoken[-1])])
        if has_built_in and called in BUILT_IN and called not in {"message", "app", "application", "component"}:
            return BUILT_IN[called]
        if (own := self._best(called) or self._best(" ".join(_spaced(spoken)))) is not None:
            return own
        if has_built_in and called in BUILT_IN:
            return BUILT_IN[called]
        for other in self._concepts.get(called, ()):
            if (known := self._best(other)) is not None:
                return known
        if called in DURATION_NAMES:
            return self.duration()
        return self.size() if called in SIZE_NAMES else None

    def concept_at(self, draft: Draft, first: int) -> int | None:
        """The place behind what people call some field at ``first``, whether there is such a field or not."""
        run = draft.names(first, MAX_NAME_WORDS)
        for length in range(len(run), 0, -1):
            if " ".join([*run[: length - 1], singular(run[length - 1])]) in self._concepts:
                return first + length
        return None

    def duration(self) -> str | None:
        """The field that says how long a request took."""
        return self._duration

    def size(self) -> str | None:
        """The field that says how many bytes there were."""
        return self._size

    def status(self) -> str | None:
        """The field that has the status code of HTTP."""
        return self.called(("status", "code")) or self.called(("status",))

    def is_numeric(self, name: str) -> bool:
        """Whether the field's values look like numbers."""
        return name in self._fields and self._fields[name].is_numeric

    def _best(self, called: str) -> str | None:
        found = self._called.get(called)
        return min(found, key=lambda each: (each[0], len(each[1]), each[1]))[1] if found else None


def parts_of(name: str) -> tuple[str, ...]:
    """The words that a field's name is made of, in lower case."""
    return tuple(part for part in _PARTS.split(_HUMPS.sub(" ", name).lower()) if part)


def unit_of(name: str) -> float | None:
    """The seconds or bytes of the unit that ends a field's name."""
    last = parts_of(name)[-1:]
    return next((units[part] for part in last for units in (TIME_UNITS, SIZE_UNITS) if part in units), None)


def looks_numeric(name: str) -> bool:
    """Whether a name is one that numbers are given."""
    parts = set(parts_of(name))
    numeric = {"count", "total", "size", "length", "amount", "status", "code", "port", "attempt", "attempts", "retries"}
    return bool(parts & (numeric | _DURATION_WORDS | _SIZE_WORDS)) or unit_of(name) is not None


def _names_of(name: str) -> list[tuple[str, int]]:
    """What a field may be called, with how many parts of its name that leaves out."""
    parts = parts_of(name)
    found: dict[str, int] = {name.lower(): 0}
    bare = parts[:-1] if len(parts) > 1 and parts[-1] in {**TIME_UNITS, **SIZE_UNITS} else parts
    for whole in (parts, bare):
        for first in range(len(whole)):
            for last in range(first + 1, len(whole) + 1):
                if last < len(whole) and not (set(whole[last:]) <= _ENDINGS or whole[last:] == ("sent",)):
                    continue
                called = whole[first:last]
                if set(called) <= _VAGUE and called != whole:
                    continue
                left_out = len(parts) - len(called)
                for spoken in (" ".join(called), " ".join([*called[:-1], singular(called[-1])])):
                    found.setdefault(spoken, left_out)
    if bare != parts and unit_of(name) in TIME_UNITS.values():
        for ending in ("time", "duration", "latency"):
            found.setdefault(" ".join([*bare, ending]), 1)
    if len(parts) == 2:
        found.setdefault("".join(parts), 0)
    return list(found.items())


def _spaced(words: tuple[str, ...]) -> list[str]:
    return [part for word in words for part in parts_of(word)]


def _says_how_long(name: str) -> bool:
    parts = parts_of(name)
    if parts[-1:] and parts[-1] in TIME_UNITS:
        return True
    return bool((_DURATION_WORDS - {"time"}) & set(parts)) or parts[-2:] == ("response", "time")


def _least_special(name: str) -> tuple[bool, int, int, int, str]:
    parts = parts_of(name)
    general = {"duration", "latency", "elapsed", "response", "request", "took", "http", "bytes", "size"}
    rank = min((_DURATION_ORDER.index(part) for part in parts if part in _DURATION_ORDER), default=len(_DURATION_ORDER))
    is_plain = set(parts) - TIME_UNITS.keys() <= {"duration", "latency", "elapsed", "took", "response", "time"}
    return not is_plain, -len(general & set(parts)), len(parts), rank, name
