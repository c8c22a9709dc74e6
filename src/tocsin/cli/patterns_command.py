"""``tocsin patterns``: what the logs of a time range are made of, the most frequent first."""

from typing import Annotated, Any

import typer

from tocsin.cli.options import AsJson, current_settings, print_json
from tocsin.cli.text import harmless

_BARS = "▁▂▃▄▅▆▇█"
SPARKLINE_COLUMNS = 20
_TREND_SIGNS = {"rising": "↑", "falling": "↓", "steady": " "}


def patterns(
    query: Annotated[str, typer.Argument(help="Which logs, as in `tocsin search`; empty for everything.")] = "",
    since: Annotated[str | None, typer.Option(help="How far back: 15m, 2h, 7d; an hour if left out.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="From this moment: RFC 3339, or now-2h.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="To just before this moment.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=5_000, help="At most so many patterns.")] = 25,
    order: Annotated[str, typer.Option(help="count, newest or rising first.")] = "count",
    new: Annotated[bool, typer.Option("--new", help="Only patterns that were never seen before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the patterns of logs: how many, since when, how they develop, and how they read."""
    from tocsin.cli.asking import Asked
    from tocsin.cli.client import TocsinClient
    from tocsin.cli.output import print_notice

    asked = Asked(query=query, since=since, start=start, end=end)
    with TocsinClient(current_settings()) as client:
        parameters = asked.parameters(client)
        answer = client.get("/v1/patterns", limit=limit, order=order, new=str(new).lower(), **parameters)
    if as_json:
        print_json(answer)
        return
    if not answer["patterns"]:
        print_notice(f"no pattern between {answer['from']} and {answer['to']}; --since 7d looks further back")
        return
    print_patterns(answer["patterns"])
    print_notice(_summary(answer))


def print_patterns(found: list[dict[str, Any]]) -> None:
    """A line for each pattern, its name in front of its template."""
    from rich.text import Text

    from tocsin.cli.output import out

    for each in found:
        template = " ⏎ ".join(harmless(line) for line in str(each["template"]).splitlines())
        out.print(
            Text.assemble(
                (harmless(str(each["id"])), "dim"),
                f" {each['count']:>10,} {each['share']:>6.1%} ",
                (sparkline(each["counts"]), "cyan"),
                f" {_TREND_SIGNS.get(each['trend'], ' ')} ",
                ("NEW " if each["is_new"] else "", "bold yellow"),
                ("muted " if each["is_muted"] else "", "dim"),
                (f"{harmless(each['name'])}: " if each["name"] else "", "bold"),
                template,
            )
        )


def sparkline(counts: list[int]) -> str:
    """Counts as a row of bars, at most ``SPARKLINE_COLUMNS`` of them; a space where there is nothing."""
    step = max(1, -(-len(counts) // SPARKLINE_COLUMNS))
    sums = [sum(counts[start : start + step]) for start in range(0, len(counts), step)]
    highest = max(sums, default=0)
    return "".join(_BARS[(each * (len(_BARS) - 1)) // highest] if each else " " for each in sums)


def _summary(answer: dict[str, Any]) -> str:
    shown = len(answer["patterns"])
    summary = f"{shown:,} of {answer['pattern_total']:,} patterns; {answer['total']:,} logs"
    if answer["others"]:
        summary += f", {answer['others']:,} of them of patterns that are not shown"
    if answer["unregistered"]:
        summary += f", {answer['unregistered']:,} of shapes for which the registry has no room"
    return summary
