"""``tocsin evaluate``: what Tocsin finds, held against labelled data."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.options import AsJson, print_json

app = typer.Typer(help="Measure what Tocsin finds against labelled data.", no_args_is_help=True)

Data = Annotated[
    Path, typer.Option("--data", metavar="DIR", exists=True, file_okay=False, help="Where the labelled data is.")
]


@app.command("patterns")
def evaluate_patterns(data: Data, as_json: AsJson = False) -> None:
    """Cluster the labelled samples of Loghub, and compare with their templates."""
    from dataclasses import asdict

    from tocsin.cli.output import out
    from tocsin.cli.text import harmless
    from tocsin.evaluation.patterns import evaluate_patterns as evaluate

    report = evaluate(data)
    if as_json:
        print_json(asdict(report))
        return
    columns = ("ga", "ga_j95", "fga", "pa", "fta", "fta_n1")
    out.print(f"{'':14}" + "".join(f"{column:>8}" for column in columns))
    for name, figures in [*report.systems.items(), ("mean", report.mean)]:
        out.print(f"{harmless(name):14}" + "".join(f"{getattr(figures, column):8.3f}" for column in columns))
    out.print(f"{report.lines_per_cpu_second:,.0f} lines a CPU second")
