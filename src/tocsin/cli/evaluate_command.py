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
def evaluate_patterns(
    data: Data,
    ablate: Annotated[bool, typer.Option("--ablate", help="Show what each rule is worth; takes longer.")] = False,
    as_json: AsJson = False,
) -> None:
    """Cluster the labelled samples of Loghub, and compare with their templates."""
    from dataclasses import asdict

    from tocsin.cli.evaluation_output import print_ablation, print_patterns

    if ablate:
        from tocsin.evaluation.pattern_ablation import ablate_patterns

        ablation = ablate_patterns(data)
        if as_json:
            print_json(asdict(ablation))
        else:
            print_ablation(ablation)
        return
    from tocsin.evaluation.patterns import evaluate_patterns as evaluate

    report = evaluate(data)
    if as_json:
        print_json(asdict(report))
    else:
        print_patterns(report)
