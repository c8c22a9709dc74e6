"""Whether a fault names what there is, in words that say where it doesn't."""

from collections.abc import Iterator

from tocsin.simulation.contracts import Effect, Fault, Mechanism
from tocsin.simulation.parameters import PARAMETERS, Parameter
from tocsin.simulation.shop_map import GATEWAY, SHOP
from tocsin.simulation.topology import Service

_NEEDS_PART_OR_SERVICE_ALIKE = "leave it out for the service itself"


class InvalidFault(ValueError):
    """A fault names what the shop hasn't got, or a number that makes no sense."""


def complaints(fault: Fault) -> list[str]:
    """What is wrong with a fault, each beginning with its place; empty if nothing is."""
    found = []
    if not fault.name.strip():
        found.append("name: must not be empty")
    if fault.onset_seconds < 0:
        found.append("onset_seconds: must not be negative")
    if fault.ramp_seconds < 0:
        found.append("ramp_seconds: must not be negative")
    if fault.duration_seconds is not None and fault.duration_seconds <= 0:
        found.append("duration_seconds: must be above 0; leave it out for a fault that doesn't end")
    if fault.size <= 0:
        found.append("size: must be above 0")
    if not fault.effects:
        found.append("effects: needs at least one")
    for number, effect in enumerate(fault.effects):
        found += [f"effects[{number}].{complaint}" for complaint in _effect(effect)]
    return found


def _effect(effect: Effect) -> Iterator[str]:
    service = SHOP.service(effect.service)
    if service is None:
        names = ", ".join(one.name for one in SHOP.services)
        yield f"service: there is no {effect.service!r}; there are {names}"
        return
    if effect.part is not None and effect.part not in [part.name for part in service.parts]:
        parts = ", ".join(part.name for part in service.parts) or "none"
        yield f"part: {service.name} has no {effect.part!r}; its parts are: {parts}; {_NEEDS_PART_OR_SERVICE_ALIKE}"
    known = PARAMETERS[effect.mechanism]
    for name, value in effect.parameters.items():
        if name not in known:
            yield f"parameters.{name}: {effect.mechanism} has no such parameter; it takes {', '.join(known)}"
            continue
        complaint = _value(value, known[name])
        if complaint:
            yield f"parameters.{name}: {complaint}"
    yield from _operation(effect, service)


def _value(value: float | str, parameter: Parameter) -> str | None:
    if isinstance(parameter.default, str):
        if not isinstance(value, str):
            return f"must be a text ({parameter.meaning})"
        if parameter.choices and value not in parameter.choices:
            return f"there is no {value!r}; there are {', '.join(parameter.choices)}"
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"must be a number ({parameter.meaning})"
    if not parameter.low <= value <= parameter.high:
        return f"must lie between {parameter.low:g} and {parameter.high:g} ({parameter.meaning})"
    return None


def _operation(effect: Effect, service: Service) -> Iterator[str]:
    wanted = effect.parameters.get("operation", "")
    if not wanted:
        return
    owner = SHOP.service(GATEWAY) if effect.mechanism is Mechanism.SATURATION else service
    names = [operation.name for operation in owner.operations] if owner else []
    if wanted not in names:
        where = owner.name if owner else GATEWAY
        yield f"parameters.operation: {where} has no {wanted!r}; it has {', '.join(names)}"
