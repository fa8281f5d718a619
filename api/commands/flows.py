"""Commands about call flows: check, draw, try in the terminal."""

from typing import Annotated

import typer

from core.settings import load_settings

app = typer.Typer(help="Call flows.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of a flow, or path of a flow file")]
OptionalName = Annotated[str, typer.Argument(help="Flow or file; all flows when left out")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]


@app.command("check", epilog="Example: `hotline flow check ivr/flow/flows/main.yaml`")
def check(name: OptionalName = "", as_json: Json = False) -> None:
    """Say whether flows can be published: prompts exist, nobody is trapped, a human is reachable."""
    from api.commands import flow_work

    flow_work.check(load_settings(), name, as_json=as_json)


@app.command("draw", epilog="Example: `hotline flow draw main > main.mmd`")
def picture(name: Name) -> None:
    """Print a flow as a Mermaid diagram."""
    from api.commands import flow_work

    typer.echo(flow_work.picture(load_settings(), name), nl=False)


@app.command("try", epilog="Example: `hotline flow try main --keys 1`")
def attempt(
    name: Name,
    keys: Annotated[str, typer.Option(help="Keys the caller presses, one for each question")] = "",
    ticket: Annotated[str, typer.Option(help="Number of the caller's newest work order, if there is one")] = "",
) -> None:
    """Go through a flow in the terminal: what the caller hears, and where the keys lead."""
    from api.commands import flow_work

    flow_work.attempt(load_settings(), name, keys=keys, ticket=ticket)
