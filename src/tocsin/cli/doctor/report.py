"""Prints findings, the worst first."""

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from tocsin.cli.doctor.findings import Finding, Level
from tocsin.cli.output import out
from tocsin.cli.text import harmless

_STYLES = {Level.UNSAFE: "bold red", Level.WORTH_A_LOOK: "yellow", Level.FINE: "green"}


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """The findings by level; those of one level stay in their order."""
    return sorted(findings, key=lambda finding: list(Level).index(finding.level))


def print_findings(findings: Sequence[Finding]) -> None:
    """What is, why it matters and what to do; one line where it is fine."""
    for finding in worst_first(findings):
        out.print(Text.assemble((f"{finding.level:13}", _STYLES[finding.level]), harmless(finding.what)))
        if finding.why:
            out.print(f"{'':13}why: {harmless(finding.why)}")
            out.print(f"{'':13}do:  {harmless(finding.remedy)}")
    counts = Counter(finding.level for finding in findings)
    out.print(", ".join(f"{counts[level]} {level}" for level in Level))
