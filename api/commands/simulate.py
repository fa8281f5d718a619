"""Commands that play the city: the demo, and one simulated call."""

import dataclasses
from typing import Annotated

import typer

from api.commands.output import print_json
from core.settings import load_settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON on the last line")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: `hotline demo --once --json`")(demo)
    app.command(epilog="Example: `hotline call heating_cold`")(call)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the scripted calls once, then stop everything")] = False,
    as_json: Json = False,
    soak: Annotated[bool, typer.Option("--soak", help="Play calls over and over for --minutes")] = False,
    minutes: Annotated[float, typer.Option(help="How long to soak", min=0.1)] = 30,
) -> None:
    """Play a simulated city on a real Asterisk: calls are answered, recorded, transcribed, ticketed, called back."""
    from api.demo.run import run

    status = run(load_settings(), once=once, as_json=as_json, soak_minutes=minutes if soak else 0)
    raise typer.Exit(status)


def call(
    scenario: Annotated[str, typer.Argument(help="Who rings: a name from ivr/simulator/scenarios")],
    as_json: Json = False,
) -> None:
    """Let one simulated citizen dial the hotline that runs on this machine, and tell how it went."""
    from api.commands.one_call import place

    report = place(load_settings(), scenario, lambda text: typer.echo(text, err=True))
    if as_json:
        print_json({**dataclasses.asdict(report), "answered": report.answered})
    else:
        ending = f"answered at seat {report.seat}" if report.answered else "not answered"
        typer.echo(f"{scenario}: {ending}, ended by {report.ended_by}")
        for error in report.errors:
            typer.echo(f"  ✗ {error}")
    raise typer.Exit(1 if report.errors else 0)
