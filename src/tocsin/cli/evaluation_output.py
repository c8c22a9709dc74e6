"""What evaluations found, as tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocsin.cli.output import out
from tocsin.cli.text import harmless

if TYPE_CHECKING:
    from tocsin.evaluation.pattern_ablation import AblationReport
    from tocsin.evaluation.patterns import PatternsReport

_FIGURES = ("ga", "ga_j95", "fga", "pa", "fta", "fta_n1")


def print_patterns(report: "PatternsReport") -> None:
    """A line for each system, and the mean."""
    out.print(f"{'':14}" + "".join(f"{figure:>8}" for figure in _FIGURES))
    for name, figures in [*report.systems.items(), ("mean", report.mean)]:
        out.print(f"{harmless(name):14}" + "".join(f"{getattr(figures, figure):8.3f}" for figure in _FIGURES))
    out.print(f"{report.lines_per_cpu_second:,.0f} lines a CPU second")


def print_incidents(report: Mapping[str, Any]) -> None:
    """A line for each figure, and what went wrong in the simulation."""
    for part, figures in report.items():
        shown = [f"{name} {value:.3g}" for name, value in figures.items() if isinstance(value, int | float)]
        out.print(f"{part:16}" + "  ".join(shown))
    for trial in report.get("simulation", {}).get("trials", ()):
        for fault in trial["faults"]:
            if fault["incident"] is None or fault["is_merged"] or fault["causes"][:1] != [fault["cause_service"]]:
                what = (
                    "not found" if fault["incident"] is None else "in another's incident" if fault["is_merged"] else ""
                )
                causes = ", ".join(fault["causes"][:3])
                out.print(harmless(f"  {trial['name']}: {fault['fault']} in {fault['cause_service']} {what} {causes}"))
        for title in trial["needless"]:
            out.print(harmless(f"  {trial['name']}: needless: {title}"))
    for title in report.get("fault_free_week", {}).get("titles", ()):
        out.print(harmless(f"  week: {title}"))


def print_ablation(report: "AblationReport") -> None:
    """What each rule adds, and how systems fare that had no say in which rules hold."""
    out.print(f"{'with it minus without':26}{'fga':>8}{'fta_n1':>8}  helps, harms")
    for rule, worth in report.rules.items():
        systems = [*worth.helps, *(f"-{name}" for name in worth.harms)]
        out.print(f"{rule:26}{worth.fga:+8.4f}{worth.fta_n1:+8.4f}  {harmless(' '.join(systems))}")
    out.print()
    out.print(f"{'chosen on the others':26}{'fga':>8}{'fta_n1':>8}  left out")
    for name, left_out in report.left_out.items():
        chosen = left_out.chosen
        out.print(
            f"{harmless(name):26}{chosen.fga:8.3f}{chosen.fta_n1:8.3f}  {', '.join(left_out.without) or 'nothing'}"
        )
