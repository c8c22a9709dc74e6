"""``tocsin evaluate``: what Tocsin finds, held against labelled data."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.options import AsJson, print_json
from tocsin.cli.simulate_command import ScenarioDirectory

app = typer.Typer(help="Measure what Tocsin finds against labelled data.", no_args_is_help=True)


class IncidentsPart(StrEnum):
    """What incidents are measured on."""

    SIMULATION = "simulation"
    WEEK = "week"
    OPENSTACK = "openstack"
    NEZHA = "nezha"


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


@app.command("incidents")
def evaluate_incidents(
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", exists=True, file_okay=False, help="Real faults: OpenStack, Nezha."),
    ] = None,
    scenarios: ScenarioDirectory = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same shops.")] = 1,
    only: Annotated[
        list[IncidentsPart] | None, typer.Option("--only", help="Measure this, and nothing else; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let simulated shops and real systems have trouble, and compare the incidents with it. Takes a while."""
    from tocsin.cli.evaluating_incidents import evaluated_incidents
    from tocsin.cli.evaluation_output import print_incidents

    if data is None and only and not {IncidentsPart.SIMULATION, IncidentsPart.WEEK}.issuperset(only):
        raise typer.BadParameter("real faults need --data, the directory that they are in")
    report = evaluated_incidents(data, scenarios, seed=seed, only=only or list(IncidentsPart))
    if as_json:
        print_json(report)
    else:
        print_incidents(report)


@app.command("search")
def evaluate_search(
    data: Data,
    as_json: AsJson = False,
    by_meaning: Annotated[
        bool, typer.Option("--meaning/--no-meaning", help="Use the model of embeddings, or words alone.")
    ] = True,
) -> None:
    """Ask the questions of logqa and logreasoning, and compare with BM25 over the same rows."""
    from dataclasses import asdict

    from tocsin.cli.evaluating_search import evaluated_search
    from tocsin.cli.output import out
    from tocsin.cli.text import harmless

    report = evaluated_search(data, by_meaning=by_meaning)
    if as_json:
        print_json(asdict(report))
        return
    columns = ("recall_at_1", "recall_at_5", "recall_at_10", "mrr")
    out.print(f"{'':30}" + "".join(f"{column.replace('recall_at_', 'r@'):>8}" for column in columns))
    for name, figures in [*report.sets.items(), ("mean", report.mean)]:
        for who, measured in (("tocsin", figures.tocsin), ("bm25", figures.bm25)):
            shown = "".join(f"{getattr(measured, column):8.3f}" for column in columns)
            out.print(f"{harmless(name):22} {who:7}{shown}")
    out.print(f"a question: p50 {report.p50_ms:.1f} ms, p95 {report.p95_ms:.1f} ms")
    if report.degraded_reason is not None:
        out.print(f"by words alone: {harmless(report.degraded_reason)}")
