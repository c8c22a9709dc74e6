"""What each mechanism takes: names, what may stand there, and what holds where nothing does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tocsin.simulation.contracts import Effect, Mechanism
from tocsin.simulation.failures import KINDS


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of a mechanism's.

    A number lies in ``low`` … ``high``; a text is one of ``choices``, or any if there are none.
    """

    meaning: str
    default: float | str
    low: float = 0.0
    high: float = 1e6
    choices: Sequence[str] = ()


_ANY_OPERATION = Parameter("the only operation concerned; empty: all", "")
_SHARE = Parameter("of calls, from 0 to 1", 1.0, high=1.0)

PARAMETERS: Mapping[Mechanism, Mapping[str, Parameter]] = {
    Mechanism.LATENCY: {
        "factor": Parameter("by which everything takes longer", 1.0, low=1.0),
        "added_ms": Parameter("which everything takes longer", 0.0),
        "share": _SHARE,
    },
    Mechanism.ERROR: {
        "share": Parameter("of calls that fail, from 0 to 1", 0.2, high=1.0),
        "error": Parameter("what goes wrong", "internal", choices=KINDS),
        "operation": _ANY_OPERATION,
    },
    Mechanism.EXHAUSTION: {
        "places": Parameter("of the pool that are left, from 0 to 1", 1.0, high=1.0),
        "hold_factor": Parameter("by which places are given back later", 1.0, low=1.0),
    },
    Mechanism.LEAK: {
        "share_a_minute": Parameter("of the memory, or of the part's disk, that is lost a minute", 0.05, high=60.0),
    },
    Mechanism.SATURATION: {
        "load": Parameter("of all places, taken by others; above 1 there are none left", 0.0, high=50.0),
        "rate": Parameter("of additional requests a second, at traffic 1", 0.0, high=10_000.0),
        "operation": Parameter("of the api-gateway, that the requests ask for", "browse"),
        "outcome": Parameter("the rejection that all of them end with; empty: as it comes", ""),
        "agent": Parameter("the user agent of those who send them", "Mozilla/5.0"),
        "addresses": Parameter("how many addresses they come from", 4.0, low=1.0, high=10_000.0),
    },
    Mechanism.SILENCE: {
        "mode": Parameter("dead: does nothing; quiet: works, and writes nothing", "dead", choices=("dead", "quiet")),
    },
    Mechanism.CONFIG: {
        "version": Parameter("that is deployed, host by host, at the onset; empty: none is", ""),
        "retries": Parameter("of each call; -1: as ever", -1.0, low=-1.0, high=50.0),
        "timeout_factor": Parameter("by which every time-out changes", 1.0, low=0.001, high=100.0),
        "hit_share": Parameter("of a cache, from 0 to 1; -1: as ever", -1.0, low=-1.0, high=1.0),
        "clock_offset_seconds": Parameter("by which its clock is wrong", 0.0, low=-86_000.0, high=3600.0),
        "debug_share": Parameter("of requests that a new debug line is written for", 0.0, high=1.0),
        "warnings": Parameter("of deprecated things, that each start writes", 0.0, high=200.0),
    },
    Mechanism.DEPENDENCY: {
        "failure": Parameter(
            "why it can't be reached",
            "unreachable",
            choices=("dns", "certificate", "unreachable", "refused", "status-503"),
        ),
        "share": _SHARE,
    },
    Mechanism.DATA: {
        "share": Parameter("of items that can't be worked on, from 0 to 1", 0.02, high=1.0),
        "operation": _ANY_OPERATION,
    },
}
"""By mechanism and name."""


def number(effect: Effect, name: str) -> float:
    """A number that an effect has, or what holds without."""
    return float(effect.parameters.get(name, PARAMETERS[effect.mechanism][name].default))


def text(effect: Effect, name: str) -> str:
    """A text that an effect has, or what holds without."""
    return str(effect.parameters.get(name, PARAMETERS[effect.mechanism][name].default))
