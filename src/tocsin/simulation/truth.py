"""What a fault was, for whoever judges afterwards."""

from collections.abc import Sequence

from tocsin.simulation.contracts import GroundTruth
from tocsin.simulation.faults import RunningFault
from tocsin.simulation.writing import SECOND_NANO


def truth_of(running: RunningFault, services: Sequence[str], causes_by_service: Sequence[int]) -> GroundTruth:
    """The truth about a fault, from the faults that made each service's calls fail or slow."""
    fault = running.fault
    cause = fault.effects[0].service
    touched = [name for name, causes in zip(services, causes_by_service, strict=True) if causes & running.bit]
    return GroundTruth(
        fault=fault.name,
        kind=fault.kind,
        is_harmless=fault.is_harmless,
        cause_service=cause,
        mechanisms=list(dict.fromkeys(effect.mechanism for effect in fault.effects)),
        onset_unix_nano=running.onset_second * SECOND_NANO,
        end_unix_nano=None if running.end_second is None else running.end_second * SECOND_NANO,
        affected_services=[cause, *(name for name in touched if name != cause)],
    )
