"""Commands that run the processes of the hotline."""

import importlib
from typing import Annotated

import typer

from api.health.version import version as program_version
from core.settings import load_settings


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: `hotline up --demo-users`")(up)
    app.command(epilog="Example: `HOTLINE_AGI_PORT=4600 hotline telephony`")(telephony)
    app.command(epilog="Example: `HOTLINE_WEB_PORT=8080 hotline web`")(web)
    app.command(epilog="Example: `hotline worker`")(worker)
    app.command(epilog="Example: `hotline scribe`")(scribe)
    app.command(epilog="Example: `hotline version --json`")(version)


def up(
    demo_users: Annotated[bool, typer.Option("--demo-users", help="Also create one login for every role")] = False,
) -> None:
    """Run everything on this machine: Asterisk and all processes of ours; restart what dies; stop with Ctrl-C."""
    from api.up import run

    run(load_settings(), demo_users=demo_users, say=typer.echo)


def telephony() -> None:
    """Run the telephony process: answers AGI, watches AMI, assigns callers to seats."""
    # By name: a program that only serves pages need not load telephony.
    importlib.import_module("api.telephony").run(load_settings())


def web() -> None:
    """Run the web process: API and console."""
    from api.web import run

    run(load_settings())


def worker() -> None:
    """Run a worker: delivers facts, stores recordings, transcribes, drafts work orders, plans call-backs."""
    from api.worker import run

    run(load_settings())


def scribe() -> None:
    """Run the scribe: writes talks down while they go on, for the page of whoever talks."""
    importlib.import_module("api.scribe.process").run(load_settings())


def version(as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False) -> None:
    """Print the version."""
    from api.commands.output import print_json

    if as_json:
        print_json({"version": program_version()})
    else:
        typer.echo(program_version())
