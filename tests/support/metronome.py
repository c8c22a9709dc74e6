"""The least simulation there is: one log a second, and faults that only begin."""

import json
from collections.abc import Sequence

from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.simulation.contracts import Chunk, Effect, Fault, GroundTruth, Mechanism, Scenario


class Metronome:
    """Says each second which one it is."""

    def __init__(self, start_unix_nano: int, faults: Sequence[Fault] = ()) -> None:
        self.reached = self.start = start_unix_nano
        self.faults = [(start_unix_nano + int(each.onset_seconds * NANOSECONDS_A_SECOND), each) for each in faults]

    def advance(self, until_unix_nano: int) -> Chunk:
        seconds = range(self.reached // NANOSECONDS_A_SECOND, until_unix_nano // NANOSECONDS_A_SECOND)
        lines = [
            json.dumps({"timestamp": second, "service": "clock", "message": f"tick {second}"}) for second in seconds
        ]
        self.reached = max(self.reached, until_unix_nano)
        return Chunk("".join(f"{line}\n" for line in lines).encode(), len(lines), until_unix_nano)

    def inject(self, fault: Fault) -> None:
        self.faults.append((self.reached + int(fault.onset_seconds * NANOSECONDS_A_SECOND), fault))

    def truth(self) -> Sequence[GroundTruth]:
        return [
            GroundTruth(
                fault=fault.name,
                kind=fault.kind,
                is_harmless=fault.is_harmless,
                cause_service=fault.effects[0].service,
                mechanisms=[effect.mechanism for effect in fault.effects],
                onset_unix_nano=onset,
                end_unix_nano=None,
                affected_services=[effect.service for effect in fault.effects],
            )
            for onset, fault in self.faults
            if onset < self.reached
        ]


def fault(name: str, *, onset_seconds: float = 0.0, duration_seconds: float | None = None) -> Fault:
    return Fault(
        name=name,
        kind="slow-database",
        effects=[Effect(mechanism=Mechanism.LATENCY, service="catalog", part="db")],
        onset_seconds=onset_seconds,
        duration_seconds=duration_seconds,
    )


def scenario(name: str, *faults: Fault) -> Scenario:
    return Scenario(name=name, description=f"What {name} is. And more.", faults=faults or [fault(name)])
