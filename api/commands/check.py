"""`hotline check`."""

from typing import Annotated

import typer

from api.commands.output import print_findings


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: `hotline check --json`")(check)


def check(as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False) -> None:
    """Look at settings, ports, prompts, flows, Asterisk, speech model, catalogue and database; say what to mend."""
    from api.checks import findings

    print_findings(list(findings()), as_json=as_json)
