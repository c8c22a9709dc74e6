"""What the tables of phrases are made of, and the shop in which they are said."""

from dataclasses import dataclass
from typing import Any

from tocsin.kit.moments import nanoseconds_of_text
from tocsin.search.plain_words.contracts import Kind, KnownField, Vocabulary

#: A Wednesday.
NOW = "2026-11-25T16:20:00Z"
NOW_UNIX_NANO = nanoseconds_of_text(NOW) or 0

_NUMBERS = ("http.status_code", "duration_ms", "bytes_sent", "db.query_seconds", "retry_count")
_TEXTS = ("user_id", "host.name", "region", "http.method", "http.route", "order_id", "error.type", "client.ip", "env")

VOCABULARY = Vocabulary(
    services=(
        "checkout",
        "payment-service",
        "cart",
        "inventory",
        "auth",
        "api-gateway",
        "search",
        "email-worker",
        "nova-api",
        "nova-compute",
        "user-profile",
    ),
    fields=(
        *(KnownField(name=name, is_numeric=True) for name in _NUMBERS),
        *(KnownField(name=name, is_numeric=False) for name in _TEXTS),
    ),
    values={
        "region": ("eu-west", "us-east"),
        "http.method": ("GET", "POST", "DELETE"),
        "env": ("production", "staging"),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A phrase, and what it must become; an attribute that is not named must have its default."""

    text: str
    kind: Kind = Kind.QUERY
    query: str = ""
    start: str | None = None
    end: str | None = None
    measures: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    interval: str | None = None
    limit: int | None = None
    #: Compared where it is named.
    order: str | None = None
    baseline: str | None = None
    baseline_start: str | None = None
    baseline_end: str | None = None
    #: Words that must be said to be not understood.
    not_understood: tuple[str, ...] = ()


def q(text: str, query: str, start: str | None = None, end: str | None = None, **others: Any) -> Case:
    """A phrase that asks for logs."""
    return Case(text=text, query=query, start=_moment(start), end=_moment(end), **others)


def a(text: str, query: str = "", start: str | None = None, end: str | None = None, **others: Any) -> Case:
    """A phrase that asks for numbers; of counts where none is named."""
    others.setdefault("measures", ("count",))
    return Case(text=text, kind=Kind.AGGREGATE, query=query, start=_moment(start), end=_moment(end), **others)


def c(text: str, query: str = "", start: str | None = None, end: str | None = None, **others: Any) -> Case:
    """A phrase that asks what is different; from just before where nothing is named."""
    if "baseline_start" in others:
        others = {**others, "baseline_start": _moment(others["baseline_start"])}
        others["baseline_end"] = _moment(others.get("baseline_end"))
    else:
        others.setdefault("baseline", "before")
    return Case(text=text, kind=Kind.COMPARISON, query=query, start=_moment(start), end=_moment(end), **others)


def _moment(text: str | None) -> str | None:
    """``25`` is the midnight that begins the 25th, ``25 14:00`` a time of that day; others stand as they are."""
    if text is None or not text[0].isdigit() or text.startswith("202"):
        return text
    day, _, clock = text.partition(" ")
    seconds = clock if clock.count(":") == 2 else f"{clock or '00:00'}:00"
    return f"2026-{day if '-' in day else f'11-{day}'}T{seconds}Z"
