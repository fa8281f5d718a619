"""Commands about the database and its users."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from api.auth.permissions import ROLES
from api.commands.output import print_json
from core.calendar import utc_now
from core.settings import load_settings

if TYPE_CHECKING:
    from core.db import Database

users = typer.Typer(help="People who may sign in.", no_args_is_help=True)
database = typer.Typer(help="The main database.", no_args_is_help=True)


@contextmanager
def open_database() -> Iterator["Database"]:
    """The main database of the settings; Unavailable or Refused when its tables are not as this program wants them."""
    # Imported where they are used, here and below: `hotline --help` must not load the whole program.
    from api import migrate
    from core.db import Database

    opened = Database(load_settings().database)
    try:
        migrate.demand_migrated(opened)
        yield opened
    finally:
        opened.close()


@users.command("add", epilog="Example: `hotline users add zhang --role agent --seat 1001 --name 张三`")
def add(
    login: Annotated[str, typer.Argument(help="Login name: letters, digits, - and _")],
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}")],
    name: Annotated[str, typer.Option(help="Name that is shown")] = "",
    seat: Annotated[str, typer.Option(help="The person's own seat")] = "",
    department: Annotated[str, typer.Option(help="Department, for the role department")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin")] = False,
) -> None:
    """Add a person. Without --password-stdin a random password is made and printed once."""
    from api.auth.users import add_user

    password = sys.stdin.readline().rstrip("\n") if password_stdin else secrets.token_urlsafe(12)
    with open_database() as opened, opened.session() as session:
        user = add_user(
            session,
            login=login,
            password=password,
            role=role,
            now=utc_now(),
            display_name=name,
            seat=seat or None,
            department=department or None,
        )
    typer.echo(f"added {user.login} ({user.role})")
    if not password_stdin:
        typer.echo(f"password, shown only now: {password}")


@users.command("list", epilog="Example: `hotline users list --json`")
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False) -> None:
    """List everybody who may sign in."""
    from api.auth.users import list_users

    with open_database() as opened, opened.reading() as session:
        found = list_users(session)
    if as_json:
        fields = {"login", "display_name", "role", "seat", "department", "active"}
        print_json([user.model_dump(include=fields) for user in found])
        return
    for user in found:
        more = " ".join(part for part in (user.seat, user.department, "" if user.active else "(inactive)") if part)
        typer.echo(f"{user.login}\t{user.role}\t{user.display_name}\t{more}")


@database.command("upgrade", epilog="Example: `hotline db upgrade`")
def upgrade() -> None:
    """Create or bring up to date all tables. Safe to repeat."""
    from api import migrate

    migrate.upgrade(load_settings().database)
    typer.echo(f"database is at revision {migrate.head()}")
