"""``tocsin services``: whose logs there are, and what is said of each."""

from typing import Annotated, Any

import typer

from tocsin.cli.options import AsJson, current_settings, print_json

app = typer.Typer(help="The services whose logs there are.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The service, as its logs name it.")]
Owner = Annotated[str | None, typer.Option(help="Who answers for it, such as a team.")]
Labels = Annotated[
    list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="A label; may be given several times.")
]
Repository = Annotated[str | None, typer.Option(metavar="URL", help="Where its source is.")]


@app.command("list")
def list_services(as_json: AsJson = False) -> None:
    """Show every service by name, and what is said of it."""
    from tocsin.cli.accounts_output import print_services
    from tocsin.cli.client import TocsinClient

    with TocsinClient(current_settings()) as client:
        services = client.get("/v1/services")["services"]
    if as_json:
        print_json(services)
    else:
        print_services(services)


@app.command("add")
def add_service(
    name: Name, owner: Owner = None, label: Labels = None, repository: Repository = None, as_json: AsJson = False
) -> None:
    """Register a service before its first log; one that sends logs registers itself."""
    from tocsin.cli.client import TocsinClient

    wanted = {"name": name, "owner": owner, "labels": parsed_labels(label or []), "repository_url": repository}
    with TocsinClient(current_settings()) as client:
        service = client.post("/v1/services", wanted)
    _print_change(service, "is registered", as_json=as_json)


@app.command("set")
def set_service(
    name: Name,
    owner: Owner = None,
    label: Labels = None,
    remove_label: Annotated[list[str] | None, typer.Option(metavar="KEY", help="A label that is to go.")] = None,
    repository: Repository = None,
    as_json: AsJson = False,
) -> None:
    """Say something else of a service; what is left out stays, and an empty text takes away."""
    change: dict[str, Any] = {}
    if owner is not None:
        change["owner"] = owner or None
    if repository is not None:
        change["repository_url"] = repository or None
    given, gone = parsed_labels(label or []), set(remove_label or [])
    if not (change or given or gone):
        raise typer.BadParameter("say what is to change: --owner, --label, --remove-label or --repository")
    service = _changed(name, change, labels=given, without=gone)
    _print_change(service, "is changed", as_json=as_json)


@app.command("deactivate")
def deactivate_service(name: Name, as_json: AsJson = False) -> None:
    """Take no more logs of a service, within five seconds: they are kept as dead letters."""
    _print_change(_changed(name, {"active": False}), "is inactive: its logs are kept as dead letters", as_json=as_json)


@app.command("activate")
def activate_service(name: Name, as_json: AsJson = False) -> None:
    """Take logs of a service again."""
    _print_change(_changed(name, {"active": True}), "is active", as_json=as_json)


def parsed_labels(texts: list[str]) -> dict[str, str]:
    """Labels as they are given on a command line.

    Raises:
        typer.BadParameter: one has no ``=``.
    """
    labels = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise typer.BadParameter(f"{text!r} is no label: write KEY=VALUE, as team=payments")
        labels[key] = value
    return labels


def _changed(
    name: str, change: dict[str, Any], *, labels: dict[str, str] | None = None, without: set[str] | None = None
) -> dict[str, Any]:
    from tocsin.cli.client import CommandFailed, TocsinClient
    from tocsin.cli.people import listed
    from tocsin.cli.text import harmless

    with TocsinClient(current_settings()) as client:
        services: list[dict[str, Any]] = client.get("/v1/services")["services"]
        service = next((each for each in services if each["name"] == name), None)
        if service is None:
            there = listed(each["name"] for each in services)
            raise CommandFailed(f"there is no service {harmless(name)}; there are: {there}")
        if labels or without:
            kept = {key: value for key, value in service["labels"].items() if key not in (without or set())}
            change["labels"] = kept | (labels or {})
        answer: dict[str, Any] = client.patch(f"/v1/services/{service['id']}", change)
        return answer


def _print_change(service: dict[str, Any], what: str, *, as_json: bool) -> None:
    from tocsin.cli.people import print_done

    if as_json:
        print_json(service)
    else:
        print_done(service["name"], what)
