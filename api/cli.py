"""The `hotline` command. Exit status: 0 well, 2 what was given is wrong, 1 anything else that failed."""

import sys

import typer

from api.commands import check, data, flows, models, nuisance, people, run, simulate
from core.errors import BadInput, HotlineError

app = typer.Typer(
    help="12345 热线: the telephone side of a city's hotline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
run.add_to(app)
check.add_to(app)
simulate.add_to(app)
app.add_typer(flows.app, name="flow")
app.add_typer(models.app, name="models")
app.add_typer(nuisance.app, name="nuisance")
app.add_typer(people.users, name="users")
app.add_typer(data.database, name="db")

GIVEN_WRONG = frozenset({"port_in_use"})
"""Refusals that are a matter of settings, so that the start ends as bad input does."""


def exit_status(error: HotlineError) -> int:
    """2 for what the person can mend in what was given, 1 for the rest."""
    return 2 if isinstance(error, BadInput) or error.code in GIVEN_WRONG else 1


def main() -> None:
    """Run the command; an error of ours is told in two lines on stderr, without a traceback."""
    try:
        app()
    except HotlineError as error:
        where = f"{error.where}: " if error.where else ""
        sys.stderr.write(f"✗ {where}{error.message}\n")
        if error.mend:
            sys.stderr.write(f"  → {error.mend}\n")
        sys.exit(exit_status(error))


if __name__ == "__main__":
    main()
