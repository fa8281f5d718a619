"""`hotline check`."""

from typing import Annotated

import typer

from api.commands.output import print_findings


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: `hotline check --json`")(check)


def check(
    demo: Annotated[bool, typer.Option("--demo", help="Look at the simulated city's ports too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Look at settings, home, secrets, ports, prompts, flows, Asterisk, speech model, catalogue and database.

    Says what is wrong and how to mend it, changes nothing; ends with 2 when something is to be mended.
    """
    from api.checks import findings

    print_findings(list(findings(demo=demo)), as_json=as_json)
