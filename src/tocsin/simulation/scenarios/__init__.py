"""Scenarios: YAML files beside this one, and those of others → faults that fit the shop.

Faults are data. What a file may hold is in ``loading``; what each mechanism takes is in ``parameters``.
"""

from tocsin.simulation.scenarios.loading import InvalidScenario, load_scenarios

__all__ = ["InvalidScenario", "load_scenarios"]
