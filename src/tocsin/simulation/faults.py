"""Faults at work: how strong each is in a second, and what its effects do to services and parts.

One function a mechanism; nothing here knows a scenario.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tocsin.simulation.contracts import Effect, Fault, Mechanism
from tocsin.simulation.parameters import number, text
from tocsin.simulation.state import MILLISECOND_NANO, ServiceState, Trouble
from tocsin.simulation.writing import SECOND_NANO


@dataclass(slots=True, eq=False)
class RunningFault:
    """A fault that waits, is at work, or is over."""

    fault: Fault
    bit: int
    onset_second: int
    end_second: int | None

    def strength(self, second: int) -> float:
        """0 while it isn't at work, its size once grown."""
        if second < self.onset_second or (self.end_second is not None and second >= self.end_second):
            return 0.0
        ramp = self.fault.ramp_seconds
        grown = 1.0 if ramp <= 0 else min(1.0, (second - self.onset_second + 1) / ramp)
        return grown * self.fault.size


def apply(effect: Effect, strength: float, bit: int, states: Mapping[str, ServiceState]) -> None:
    """Let an effect do its part in this second."""
    _APPLY[effect.mechanism](states[effect.service].trouble_at(effect.part), effect, strength, bit)


def _latency(trouble: Trouble, effect: Effect, strength: float, bit: int) -> None:
    trouble.factor *= 1 + (number(effect, "factor") - 1) * strength
    trouble.added_nano += int(number(effect, "added_ms") * MILLISECOND_NANO * strength)
    trouble.slow_share = min(1.0, number(effect, "share"))
    trouble.slow_causes |= bit


def _error(trouble: Trouble, effect: Effect, strength: float, bit: int) -> None:
    share = min(1.0, number(effect, "share") * strength)
    trouble.errors.append((share, text(effect, "error"), bit, text(effect, "operation")))


def _exhaustion(trouble: Trouble, effect: Effect, strength: float, bit: int) -> None:
    trouble.places_share *= max(0.0, 1 - (1 - number(effect, "places")) * min(1.0, strength))
    trouble.hold_factor *= 1 + (number(effect, "hold_factor") - 1) * strength
    trouble.pool_causes |= bit


def _leak(trouble: Trouble, effect: Effect, strength: float, bit: int) -> None:
    trouble.leak += number(effect, "share_a_minute") / 60 * strength
    trouble.leak_causes |= bit


def _saturation(trouble: Trouble, effect: Effect, strength: float, bit: int) -> None:
    trouble.load += number(effect, "load") * strength
    if number(effect, "load"):
        trouble.pool_causes |= bit


def _silence(trouble: Trouble, effect: Effect, strength: float, bit: int) -> None:
    if text(effect, "mode") == "quiet":
        trouble.is_quiet = True
    else:
        trouble.is_silent = trouble.is_quiet = True
        trouble.silence_causes |= bit


def _config(trouble: Trouble, effect: Effect, strength: float, bit: int) -> None:
    retries, hit_share = number(effect, "retries"), number(effect, "hit_share")
    if retries >= 0:
        trouble.retries = int(retries)
    if hit_share >= 0:
        trouble.hit_share = hit_share
    trouble.timeout_factor *= 1 + (number(effect, "timeout_factor") - 1) * min(1.0, strength)
    trouble.skew_nano += int(number(effect, "clock_offset_seconds") * SECOND_NANO * strength)
    trouble.debug_share = max(trouble.debug_share, number(effect, "debug_share") * min(1.0, strength))
    trouble.config_causes |= bit


def _dependency(trouble: Trouble, effect: Effect, strength: float, bit: int) -> None:
    share = min(1.0, number(effect, "share") * strength)
    trouble.unreachable.append((share, text(effect, "failure"), bit, ""))


def _data(trouble: Trouble, effect: Effect, strength: float, bit: int) -> None:
    share = min(1.0, number(effect, "share") * strength)
    operation = text(effect, "operation")
    if effect.part is not None or operation:
        trouble.errors.append((share, "poison", bit, operation))
    else:
        trouble.poison_share = max(trouble.poison_share, share)
        trouble.poison_causes |= bit


_APPLY: Mapping[Mechanism, Callable[[Trouble, Effect, float, int], None]] = {
    Mechanism.LATENCY: _latency,
    Mechanism.ERROR: _error,
    Mechanism.EXHAUSTION: _exhaustion,
    Mechanism.LEAK: _leak,
    Mechanism.SATURATION: _saturation,
    Mechanism.SILENCE: _silence,
    Mechanism.CONFIG: _config,
    Mechanism.DEPENDENCY: _dependency,
    Mechanism.DATA: _data,
}


def seconds_of(fault: Fault, start_second: int) -> tuple[int, int | None]:
    """The first second of a fault, and the first one after it."""
    onset = start_second + math.floor(fault.onset_seconds)
    return onset, None if fault.duration_seconds is None else onset + max(1, math.ceil(fault.duration_seconds))
