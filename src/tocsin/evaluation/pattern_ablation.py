"""What each rule of the clustering is worth: everything again without it, on every system."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tocsin.evaluation.loghub import labelled_systems
from tocsin.evaluation.pattern_metrics import PatternFigures
from tocsin.evaluation.patterns import compared, found_patterns
from tocsin.patterns.clustering.rules import NOTHING, Rule

#: Smaller differences are noise of single rows.
_LEAST_DIFFERENCE = 0.0005


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleWorth:
    """What a rule adds, as means over systems of the figure with it minus the figure without it."""

    fga: float
    fta_n1: float
    #: Systems on which the sum of the two is better with the rule, and worse.
    helps: list[str]
    harms: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A system that had no say in which rules hold."""

    #: Rules that make the other systems worse on the whole, and were left out here.
    without: list[str]
    chosen: PatternFigures
    #: With all rules.
    all_rules: PatternFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationReport:
    """What ``tocsin evaluate patterns --ablate`` found."""

    rules: dict[str, RuleWorth]
    left_out: dict[str, LeftOut]


class _Systems:
    def __init__(self, directory: Path) -> None:
        systems = labelled_systems(directory)
        self._messages: dict[str, tuple[pl.Series, pl.Series]] = {
            system.name: (system.messages(), system.templates()) for system in systems
        }
        self.names = list(self._messages)

    def figures(self, name: str, without: frozenset[Rule]) -> PatternFigures:
        messages, templates = self._messages[name]
        return compared(found_patterns(messages, without), templates)


def ablate_patterns(directory: Path) -> AblationReport:
    """Leave out each rule in turn, and then each system.

    Raises:
        InvalidRequest: there are no systems, or one can't be read.
    """
    systems = _Systems(directory)
    full = {name: systems.figures(name, NOTHING) for name in systems.names}
    worth = {
        rule: {name: _difference(full[name], systems.figures(name, frozenset({rule}))) for name in systems.names}
        for rule in Rule
    }
    return AblationReport(
        rules={str(rule): _rule_worth(differences) for rule, differences in worth.items()},
        left_out={name: _left_out(name, systems, full[name], worth) for name in systems.names},
    )


def _difference(with_it: PatternFigures, without_it: PatternFigures) -> tuple[float, float]:
    return with_it.fga - without_it.fga, with_it.fta_n1 - without_it.fta_n1


def _rule_worth(differences: dict[str, tuple[float, float]]) -> RuleWorth:
    count = len(differences)
    return RuleWorth(
        fga=sum(fga for fga, _ in differences.values()) / count,
        fta_n1=sum(fta for _, fta in differences.values()) / count,
        helps=[name for name, both in differences.items() if sum(both) > _LEAST_DIFFERENCE],
        harms=[name for name, both in differences.items() if sum(both) < -_LEAST_DIFFERENCE],
    )


def _left_out(
    name: str, systems: _Systems, full: PatternFigures, worth: dict[Rule, dict[str, tuple[float, float]]]
) -> LeftOut:
    without = frozenset(
        rule
        for rule, differences in worth.items()
        if sum(sum(both) for other, both in differences.items() if other != name) < -_LEAST_DIFFERENCE
    )
    chosen = systems.figures(name, without) if without else full
    return LeftOut(without=sorted(str(rule) for rule in without), chosen=chosen, all_rules=full)
