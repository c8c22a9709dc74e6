"""Reads scenario files, and refuses a bad one with its name, the place in it and what may stand there."""

from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from tocsin.simulation.checking import complaints
from tocsin.simulation.contracts import Effect, Fault, Mechanism, Scenario

_SUFFIXES = (".yaml", ".yml")
_SCENARIO_KEYS = {"name": str, "description": str, "faults": list}
_FAULT_KEYS = {
    "name": str,
    "kind": str,
    "effects": list,
    "onset_seconds": float,
    "ramp_seconds": float,
    "duration_seconds": float,
    "size": float,
    "is_harmless": bool,
}
_EFFECT_KEYS = {"mechanism": str, "service": str, "part": str, "parameters": dict}
_REQUIRED = {"name", "description", "faults", "kind", "effects", "onset_seconds", "mechanism", "service"}
_KINDS = {str: "a text", float: "a number", bool: "true or false", list: "a list", dict: "a mapping"}


class InvalidScenario(ValueError):
    """A scenario file can't be used; the message says which, where, and what may stand there."""


def load_scenarios(directory: Path | None = None) -> list[Scenario]:
    """All scenarios of a directory, in the order of their files' names; without one, those that come with the shop.

    Raises:
        InvalidScenario: a file isn't one, two have the same name, or there is none.
    """
    folder: Traversable = resources.files("tocsin.simulation.scenarios") if directory is None else directory
    if not folder.is_dir():
        raise InvalidScenario(f"{folder}: there is no such directory")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(_SUFFIXES)), key=lambda file: file.name)
    if not files:
        raise InvalidScenario(f"{folder}: there is no scenario; one is a file that ends with {' or '.join(_SUFFIXES)}")
    scenarios: dict[str, Scenario] = {}
    for file in files:
        scenario = read_scenario(file)
        if scenario.name in scenarios:
            raise InvalidScenario(f"{file}: name: another file has a scenario {scenario.name!r} already")
        scenarios[scenario.name] = scenario
    return list(scenarios.values())


def read_scenario(file: Traversable) -> Scenario:
    """One file's scenario.

    Raises:
        InvalidScenario: it isn't one.
    """
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise InvalidScenario(f"{file}: can't be read: {error}") from error
    problems = list(_problems(found, "", _SCENARIO_KEYS))
    if not problems:
        for number, fault in enumerate(found["faults"]):
            problems += _fault_problems(fault, f"faults[{number}]")
        if not found["faults"]:
            problems.append("faults: needs at least one")
    if problems:
        raise InvalidScenario("\n".join(f"{file}: {problem}" for problem in problems))
    faults = [_fault(fault) for fault in found["faults"]]
    names = [fault.name for fault in faults]
    if len(set(names)) < len(names):
        raise InvalidScenario(f"{file}: faults: each needs a name of its own; there are {', '.join(names)}")
    return Scenario(name=found["name"], description=found["description"].strip(), faults=faults)


def _fault_problems(found: object, place: str) -> list[str]:
    problems = list(_problems(found, place, _FAULT_KEYS))
    if problems or not isinstance(found, Mapping):
        return problems
    for number, effect in enumerate(found["effects"]):
        problems += _effect_problems(effect, f"{place}.effects[{number}]")
    return problems or [f"{place}.{complaint}" for complaint in complaints(_fault(found))]


def _effect_problems(found: object, place: str) -> Iterator[str]:
    problems = list(_problems(found, place, _EFFECT_KEYS))
    yield from problems
    if not problems and isinstance(found, Mapping) and found["mechanism"] not in list(Mechanism):
        yield f"{place}.mechanism: there is no {found['mechanism']!r}; there are {', '.join(Mechanism)}"


def _problems(found: object, place: str, keys: Mapping[str, type]) -> Iterator[str]:
    """What is wrong with a mapping's keys, and the kinds of its values."""
    prefix = f"{place}." if place else ""
    if not isinstance(found, Mapping):
        yield f"{place or 'the file'}: must be a mapping with {', '.join(keys)}"
        return
    for key in found:
        if key not in keys:
            yield f"{prefix}{key}: is not known; there may be {', '.join(keys)}"
    for key, kind in keys.items():
        if key not in found:
            if key in _REQUIRED:
                yield f"{prefix}{key}: is missing; it is {_KINDS[kind]}"
        elif not _is_kind(found[key], kind):
            yield f"{prefix}{key}: must be {_KINDS[kind]}, not {found[key]!r:.60}"


def _is_kind(value: object, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind)


def _fault(found: Mapping[str, Any]) -> Fault:
    effects = [
        Effect(
            mechanism=Mechanism(effect["mechanism"]),
            service=effect["service"],
            part=effect.get("part"),
            parameters=effect.get("parameters", {}),
        )
        for effect in found["effects"]
    ]
    return Fault(**{**found, "effects": effects})
