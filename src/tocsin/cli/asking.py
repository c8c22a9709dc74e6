"""What the commands that read logs ask for: a query and a time range, given or saved."""

from dataclasses import dataclass
from typing import Any

import typer

from tocsin.cli.client import CommandFailed, TocsinClient
from tocsin.cli.text import harmless


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments and options of such a command."""

    query: str
    saved: str | None = None
    since: str | None = None
    start: str | None = None
    end: str | None = None

    def __post_init__(self) -> None:
        if self.since is not None and self.start is not None:
            raise typer.BadParameter("give --since or --from, not both")
        if self.saved is not None and self.query:
            raise typer.BadParameter("give a query or --saved, not both")

    def parameters(self, client: TocsinClient) -> dict[str, Any]:
        """The query's parameters; a time range that is given wins over a saved one.

        Raises:
            CommandFailed: there is no saved search with this name.
        """
        start = f"now-{self.since}" if self.since else self.start
        if self.saved is None:
            return {"q": self.query, "from": start, "to": self.end}
        saved = _saved_search(client, self.saved)
        if start is None and self.end is None:
            start, end = saved["from"], saved["to"]
        else:
            end = self.end
        return {"q": saved["query"], "from": start, "to": end}


def _saved_search(client: TocsinClient, name: str) -> dict[str, Any]:
    all_of_them: list[dict[str, Any]] = client.get("/v1/saved-searches")["saved_searches"]
    found = next((each for each in all_of_them if each["name"] == name), None)
    if found is None:
        names = ", ".join(harmless(str(each["name"])) for each in all_of_them) or "none"
        raise CommandFailed(f"there is no saved search named {name}; there are: {names}")
    return found
