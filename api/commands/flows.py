"""Commands about call flows: check, draw, try in the terminal, publish and go back."""

from typing import Annotated, Literal

import typer

from core.settings import load_settings

app = typer.Typer(help="Call flows.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of a flow, or path of a flow file")]
OptionalName = Annotated[str, typer.Argument(help="Flow or file; all flows when left out")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]
Actor = Annotated[str, typer.Option(help="Who does it; the user of this command when left out")]
Day = Literal["open", "closed", "holiday"]


@app.command("check", epilog="Example: `hotline flow check ivr/flow/flows/main.yaml`")
def check(name: OptionalName = "", as_json: Json = False) -> None:
    """Say whether flows can be published: prompts exist, nobody is trapped, a human is near at every step."""
    from api.commands import flow_work

    flow_work.check(load_settings(), name, as_json=as_json)


@app.command("draw", epilog="Example: `hotline flow draw main --svg > main.svg`")
def picture(name: Name, as_svg: Annotated[bool, typer.Option("--svg", help="An SVG image")] = False) -> None:
    """Print a flow as a Mermaid diagram, or as an SVG image."""
    from api.commands import flow_work

    typer.echo(flow_work.picture(load_settings(), name, as_svg=as_svg), nl=False)


@app.command("try", epilog="Example: `hotline flow try main --keys 1`")
def attempt(
    name: Name,
    keys: Annotated[str | None, typer.Option(help="Keys the caller presses; typed by hand when left out")] = None,
    ticket: Annotated[str, typer.Option(help="Number of the caller's newest work order, if there is one")] = "",
    line: Annotated[str, typer.Option(help="Number that is dialled")] = "12345",
    caller: Annotated[str, typer.Option(help="Number of the caller")] = "13800000000",
    day: Annotated[Day, typer.Option(help="What the calendar says")] = "open",
    waiting: Annotated[int, typer.Option(help="How many wait for a human")] = 0,
) -> None:
    """Go through a flow in the terminal: what the caller hears, and where the keys lead."""
    from api.commands import flow_work

    flow_work.attempt(
        load_settings(), name, keys=keys, ticket=ticket, line=line, caller=caller, day=day, waiting=waiting
    )


@app.command("publish", epilog="Example: `hotline flow publish main`")
def publish(name: Name, actor: Actor = "", as_json: Json = False) -> None:
    """Let new calls run this flow as it is in its file; refused when the checker finds anything."""
    from api.commands import flow_publish

    flow_publish.publish(load_settings(), name, actor=actor, as_json=as_json)


@app.command("rollback", epilog="Example: `hotline flow rollback main --to 3f2a9c01b7d4`")
def roll_back(
    name: Annotated[str, typer.Argument(help="Name of a published flow")],
    to: Annotated[str, typer.Option(help="Version; the one before when left out")] = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Go back to the version before; from the first one to the flow's file."""
    from api.commands import flow_publish

    flow_publish.roll_back(load_settings(), name, to=to, actor=actor, as_json=as_json)


@app.command("versions", epilog="Example: `hotline flow versions main`")
def versions(
    name: Annotated[str, typer.Argument(help="Name of a flow; all when left out")] = "", as_json: Json = False
) -> None:
    """List what was published by whom; the dot is what answers calls now."""
    from api.commands import flow_publish

    flow_publish.versions(load_settings(), name, as_json=as_json)
