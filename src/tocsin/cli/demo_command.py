"""``tocsin demo``: a server of its own, with a simulated shop that sends it history and goes on live."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.simulate_command import ScenarioDirectory, Speed, Traffic
from tocsin.kit import interpreter

DEFAULT_DIRECTORY = Path("tocsin-demo")
DEFAULT_FAULT_MINUTES = 10.0


def demo(
    directory: Annotated[
        Path, typer.Option("--dir", file_okay=False, help="Everything that the demo keeps; its own, never real data.")
    ] = DEFAULT_DIRECTORY,
    days: Annotated[float, typer.Option(min=0, max=90, help="How many days of history the shop has.")] = 1.0,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_534, help="Left out, 3000 or the next free one; one more is for faults.")
    ] = None,
    speed: Speed = 1.0,
    traffic: Traffic = 1.0,
    scenario: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Trouble to choose from; left out, all there is.")
    ] = None,
    every: Annotated[
        float, typer.Option(min=0, metavar="MINUTES", help="How often there is trouble by itself; 0 is never.")
    ] = DEFAULT_FAULT_MINUTES,
    scenarios: ScenarioDirectory = None,
    seed: Annotated[int, typer.Option(min=0, help="Of a new demo: the same seed gives the same shop.")] = 1,
) -> None:
    """Show Tocsin with a live shop of microservices, and break it; until Ctrl-C."""
    from tocsin.cli.demo.running import DemoOptions, run_demo
    from tocsin.cli.simulating import known_scenarios
    from tocsin.simulation.shop import Shop

    options = DemoOptions(
        directory=directory.expanduser().resolve(),
        days=days,
        speed=speed,
        port=port,
        seed=seed,
        scheduled=scenario or [],
        every_seconds=every * 60,
    )
    # As for a server: what lives now lives until the end.
    interpreter.settle()
    run_demo(
        options,
        known_scenarios(scenarios),
        lambda shop_seed, start_unix_nano, faults: Shop(shop_seed, start_unix_nano, faults, traffic),
    )
