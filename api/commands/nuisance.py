"""Commands about the nuisance list."""

import getpass
from typing import Annotated

import typer

from api.commands.data import open_database
from api.commands.output import print_json
from core.calendar import utc_now
from core.settings import load_settings

app = typer.Typer(help="Numbers that are held up for a time, except in emergencies.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]
Actor = Annotated[str, typer.Option(help="Who does it; your own name unless given")]


@app.command("list", epilog="Example: `hotline nuisance list --all --json`")
def show(
    everything: Annotated[bool, typer.Option("--all", help="Also entries that are over")] = False,
    as_json: Json = False,
) -> None:
    """Print who is held up, why, by whom and until when."""
    from api.nuisance.service import show_list

    with open_database() as opened, opened.reading() as session:
        found = show_list(session, utc_now(), only_active=not everything)
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in found])
        return
    for entry in found:
        mark, until = "●" if entry.active else " ", entry.expires_at.isoformat(timespec="minutes")
        typer.echo(f"{mark} {entry.id}\t{entry.number}\t{until}\t{entry.entered_by}\t{entry.reason}")
    if not found:
        typer.echo("nobody is on the list")


@app.command("add", epilog="Example: `hotline nuisance add 13800000000 --reason 无故反复拨打 --days 7`")
def add(
    number: Annotated[str, typer.Argument(help="The caller's number")],
    reason: Annotated[str, typer.Option(help="Why; it is kept")],
    days: Annotated[int, typer.Option(help="For how long", min=1, max=365)] = 30,
    actor: Actor = "",
) -> None:
    """Put a number on the list. Emergency numbers, and this hotline's own, are refused."""
    from pydantic import ValidationError

    from api.nuisance.schemas import NuisanceWish
    from api.nuisance.service import put_on
    from core.errors import BadInput

    settings = load_settings()
    try:
        wish = NuisanceWish(number=number, reason=reason, days=days)
    except ValidationError as error:
        where = str(error.errors()[0]["loc"][0])
        raise BadInput(error.errors()[0]["msg"], code="nuisance_wrong", where=where) from error
    with open_database() as opened, opened.session() as session:
        entry = put_on(session, settings, wish, actor=actor or getpass.getuser(), now=utc_now())
    typer.echo(f"entry {entry.id} holds until {entry.expires_at.isoformat(timespec='minutes')}")


@app.command("remove", epilog="Example: `hotline nuisance remove 3`")
def remove(entry: Annotated[int, typer.Argument(help="The entry's number in the list")], actor: Actor = "") -> None:
    """Let a number in again; the entry stays on record."""
    from api.nuisance.service import take_off

    with open_database() as opened, opened.session() as session:
        take_off(session, entry, actor=actor or getpass.getuser(), now=utc_now())
    typer.echo(f"entry {entry} is over")
