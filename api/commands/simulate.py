"""Commands that play the city: the demo, and one simulated call."""

import importlib
from typing import Annotated

import typer

from core.settings import load_settings


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="Example: `hotline demo --once --json`",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        add_help_option=True,
    )(demo)
    app.command(epilog="Example: `hotline call --scenario heating_leak`")(call)


def demo(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Play the scripted calls once, then stop everything")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on the last line")] = False,
) -> None:
    """Play a simulated city on a real Asterisk: calls are answered, recorded, transcribed, ticketed, called back."""
    status = importlib.import_module("api.demo").run(
        load_settings(), once=once, as_json=as_json, arguments=context.args
    )
    raise typer.Exit(int(status or 0))


def call(
    scenario: Annotated[str, typer.Option(help="Which citizen rings; see ivr/simulator/scenarios")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON")] = False,
) -> None:
    """Let one simulated citizen dial the hotline that runs on this machine, and tell how it went."""
    importlib.import_module("api.demo.one_call").run(load_settings(), scenario=scenario, as_json=as_json)
