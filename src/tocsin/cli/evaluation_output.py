"""What evaluations found, as tables."""

from typing import TYPE_CHECKING

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
