"""Commands about people who may sign in."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from api.auth.permissions import ROLES
from api.commands.data import open_database
from api.commands.output import print_json
from core.calendar import utc_now
from core.settings import load_settings

if TYPE_CHECKING:
    from sqlmodel import Session

    from api.auth.users import Places

Login = Annotated[str, typer.Argument(help="Login name")]
users = typer.Typer(help="People who may sign in.", no_args_is_help=True)


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

    password = _given_password(password_stdin)
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
            places=_places(),
        )
        _note(session, "user.add", user.login, f"role {user.role}")
    typer.echo(f"added {user.login} ({user.role})")
    _tell_password(password, password_stdin)


@users.command("passwd", epilog="Example: `hotline users passwd zhang`")
def passwd(
    login: Login,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin")] = False,
) -> None:
    """Give a new password; open sessions of this person end at once."""
    from api.auth.users import get_user, set_password

    password = _given_password(password_stdin)
    with open_database() as opened, opened.session() as session:
        user = get_user(session, login)
        set_password(session, user, password)
        _note(session, "user.password", user.login)
    typer.echo(f"{user.login} has a new password")
    _tell_password(password, password_stdin)


@users.command("change", epilog="Example: `hotline users change zhang --role leader --seat 1002`")
def change(
    login: Login,
    role: Annotated[str | None, typer.Option(help=f"One of {', '.join(ROLES)}")] = None,
    name: Annotated[str | None, typer.Option(help="Name that is shown")] = None,
    seat: Annotated[str | None, typer.Option(help="The person's own seat; empty: none")] = None,
    department: Annotated[str | None, typer.Option(help="Department; empty: none")] = None,
) -> None:
    """Change role, name, seat or department; holds from the next request on."""
    wanted: dict[str, object] = {}
    wanted |= {} if role is None else {"role": role}
    wanted |= {} if name is None else {"display_name": name}
    wanted |= {} if seat is None else {"seat": seat or None}
    wanted |= {} if department is None else {"department": department or None}
    _change(login, wanted)


@users.command("disable", epilog="Example: `hotline users disable zhang`")
def disable(login: Login) -> None:
    """Switch a person off: no signing in, and open sessions end at once."""
    _change(login, {"active": False})


@users.command("enable", epilog="Example: `hotline users enable zhang`")
def enable(login: Login) -> None:
    """Let a person who was switched off sign in again."""
    _change(login, {"active": True})


@users.command("signout", epilog="Example: `hotline users signout zhang`")
def signout(login: Login) -> None:
    """End all open sessions of a person."""
    from api.auth.users import end_sessions, get_user

    with open_database() as opened, opened.session() as session:
        user = get_user(session, login)
        end_sessions(session, user)
        _note(session, "user.sessions", user.login)
    typer.echo(f"{user.login} is signed out everywhere")


@users.command("roles", epilog="Example: `hotline users roles --json`")
def roles(as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False) -> None:
    """List the roles and what each may do."""
    if as_json:
        print_json({role: sorted(held) for role, held in ROLES.items()})
        return
    for role, held in ROLES.items():
        typer.echo(f"{role}\t{' '.join(sorted(held))}")


def _change(login: str, wanted: dict[str, object]) -> None:
    from api.auth.users import change_user, get_user

    with open_database() as opened, opened.session() as session:
        user = get_user(session, login)
        changed = change_user(session, user, wanted, places=_places())
        for name in changed:
            told = name if name == "display_name" else f"{name}: {getattr(user, name)}"
            _note(session, "user.change", user.login, told)
    told = ", ".join(f"{name} is {getattr(user, name)}" for name in changed)
    typer.echo(f"{user.login}: {told or 'nothing to change'}")


def _note(session: "Session", action: str, login: str, detail: str = "") -> None:
    # Whoever may run this command on the machine stands above the roles; the trail says so.
    from api.auth.audit import write_audit

    write_audit(session, actor="(command line)", action=action, subject=f"user:{login}", now=utc_now(), detail=detail)


def _places() -> "Places":
    from api.auth.users import Places
    from tickets.catalogue import load_catalogue

    settings = load_settings()
    return Places(frozenset(settings.seats), frozenset(load_catalogue(settings.catalogue).departments))


def _given_password(from_stdin: bool) -> str:
    from api.auth.users import new_password

    return sys.stdin.readline().rstrip("\n") if from_stdin else new_password()


def _tell_password(password: str, from_stdin: bool) -> None:
    if not from_stdin:
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
