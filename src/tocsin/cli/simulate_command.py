"""``tocsin simulate``: the logs of a simulated shop, into a file or through the intake of a server."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli.options import current_settings
from tocsin.kit import interpreter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.cli.sinks import IntakeSink, Sink
    from tocsin.simulation.contracts import Scenario, Simulation

SIMULATE_KEY_NAME = "tocsin simulate"
DEFAULT_SERVICE = "shop"
"""Every log of the shop names its service; a key needs one for logs that do not."""

_INTERRUPTED = 130

ScenarioDirectory = Annotated[
    Path | None,
    typer.Option("--scenarios", exists=True, file_okay=False, help="More scenarios: a directory of YAML files."),
]
Traffic = Annotated[float, typer.Option(min=0.001, max=1_000, help="How busy the shop is; 1 is as usual.")]
Speed = Annotated[
    float, typer.Option(min=0.001, max=100_000, help="How fast the live shop's time runs; never ahead of the clock.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    start_unix_nano: int
    end_unix_nano: int
    is_live: bool
    speed: float


def simulate(
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", dir_okay=False, help="A file of NDJSON; .zst and .gz compress, - prints."),
    ] = None,
    days: Annotated[float | None, typer.Option(min=0, help="How many days up to the end; 7 if left out.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="From this moment: RFC 3339, or now-2h.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="To just before this moment; now if left out.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same logs.")] = 1,
    traffic: Traffic = 1.0,
    scenario: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[@AFTER]", help="Trouble to have; @2h begins so long after the start."),
    ] = None,
    scenarios: ScenarioDirectory = None,
    truth: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write what was wrong, and when, to this file at the end.")
    ] = None,
    list_scenarios: Annotated[bool, typer.Option("--list", help="Show the scenarios, and do nothing else.")] = False,
    key: Annotated[
        str | None, typer.Option(help="The API key to send with; left out, one is made and revoked at the end.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Go on with the clock until Ctrl-C.")] = False,
    speed: Speed = 1.0,
) -> None:
    """Make the logs of a simulated shop, with trouble if wanted: into a file, or to the server."""
    from tocsin.cli.simulating import chosen_faults, known_scenarios, span, stopping
    from tocsin.simulation.shop import Shop

    known = known_scenarios(scenarios)
    if list_scenarios:
        _print_scenarios(known)
        return
    since, until = span(days=days, start=start, end=end, now_unix_nano=time.time_ns())
    faults = chosen_faults(known, scenario or [])
    shop = Shop(seed, since, faults, traffic)
    # What a shop makes for its logs is in no cycle: looking for garbage all the time took a fifth of the time.
    interpreter.settle()
    run = _Run(start_unix_nano=since, end_unix_nano=until, is_live=live, speed=speed)
    with stopping() as stop:
        try:
            with _file(out) if out is not None else _intake(key) as sink:
                _run(shop, sink, run, stop)
        finally:
            if truth is not None:
                _write_truth(truth, shop, seed=seed, run=run)
    if stop.is_set() and not live:
        raise typer.Exit(_INTERRUPTED)


def _run(shop: "Simulation", sink: "Sink", run: _Run, stop: threading.Event) -> None:
    from tocsin.cli.simulating import LiveClock, chunks, live_chunks
    from tocsin.cli.simulation_progress import SimulationProgress

    with SimulationProgress(run.start_unix_nano, run.end_unix_nano) as progress:
        past = chunks(shop, run.start_unix_nano, run.end_unix_nano, chunk_logs=sink.chunk_logs, stop=stop)
        for chunk in past:
            sink.put(chunk)
            progress.add(chunk)
        sink.settle()
        if run.is_live:
            progress.go_live()
            clock = LiveClock(run.end_unix_nano, speed=run.speed)
            present = live_chunks(shop, run.end_unix_nano, clock=clock, stop=stop, chunk_logs=sink.chunk_logs)
            for chunk in present:
                sink.put(chunk)
                # What a shop says now is read now, and in its order.
                sink.settle()
                progress.add(chunk)
    progress.print_summary()


@contextmanager
def _file(path: Path) -> Iterator["Sink"]:
    from tocsin.cli.client import CommandFailed
    from tocsin.cli.sinks import FileSink

    try:
        sink = FileSink(path)
    except OSError as error:
        raise CommandFailed(f"{path} can't be written: {error.strerror or error}") from error
    with sink:
        yield sink


@contextmanager
def _intake(key: str | None) -> Iterator["IntakeSink"]:
    """The intake of the server, with the key or one for the length of the run; says at the end what became of all."""
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.importing import import_keys, print_counts
    from tocsin.cli.sinks import IntakeSink

    with ExitStack() as closing:
        client = TocsinClient(current_settings(), shows_token=key is None)
        closing.enter_context(client)
        api_key = key or closing.enter_context(import_keys(client, name=SIMULATE_KEY_NAME))(DEFAULT_SERVICE)
        sink = closing.enter_context(IntakeSink(client, api_key=api_key))
        try:
            yield sink
        finally:
            print_counts("the shop", sink.counts)


def _print_scenarios(scenarios: "Sequence[Scenario]") -> None:
    from tocsin.cli.output import out
    from tocsin.cli.text import harmless

    width = max((len(scenario.name) for scenario in scenarios), default=0)
    for scenario in scenarios:
        out.print(f"{harmless(scenario.name):{width}}  {harmless(scenario.description)}")


def _write_truth(path: Path, shop: "Simulation", *, seed: int, run: _Run) -> None:
    from tocsin.cli.simulating import shown, truth_as_json, write_json

    faults = [truth_as_json(each) for each in shop.truth()]
    write_json(path, {"seed": seed, "from": shown(run.start_unix_nano), "faults": faults})
