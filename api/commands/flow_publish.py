"""The work of `hotline flow publish`, `rollback` and `versions`."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from api import migrate
from api.commands.flow_work import find_flow
from api.commands.output import print_findings, print_json
from api.flow_known import known_to_flows
from core.calendar import utc_now
from core.db import Database
from core.settings import Settings
from ivr.flow import store
from ivr.flow.check import misnamed
from ivr.flow.checker import check_flow


def publish(settings: Settings, name: str, *, actor: str, as_json: bool) -> None:
    """Check a flow and make it the one that new calls run; nothing is changed when the checker finds anything."""
    loaded = find_flow(settings, name)
    wrong = [*misnamed(loaded), *check_flow(loaded, known_to_flows(settings))]
    if wrong:
        print_findings(wrong, as_json=as_json)
    flow, text = loaded.flow, loaded.file.read_text(encoding="utf-8")
    with _database(settings) as database, database.session() as session:
        row = store.publish(session, flow.name, flow.version, text, actor=actor or _person(), now=utc_now())
    _say(row.name, row.version, as_json=as_json)


def roll_back(settings: Settings, name: str, *, to: str, actor: str, as_json: bool) -> None:
    """Go back to the version before, or to the given one."""
    with _database(settings) as database, database.session() as session:
        row = store.roll_back(session, name, to, actor=actor or _person(), now=utc_now())
    _say(name, row.version if row else "", as_json=as_json)


def versions(settings: Settings, name: str, *, as_json: bool) -> None:
    """Print every published version, newest activation first."""
    with _database(settings) as database, database.reading() as session:
        rows = [row.model_dump(exclude={"text"}) for row in store.versions(session, name)]
    if as_json:
        print_json({"versions": rows})
        return
    for row in rows:
        mark = "●" if row["active"] else " "
        published = row["published_at"].isoformat(timespec="seconds")
        typer.echo(f"{mark} {row['name']}  {row['version']}  {published}  {row['actor']}")
    if not rows:
        typer.echo("nothing was published: the flow files answer calls")


def _say(name: str, version: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"flow": name, "version": version})
    else:
        what = f"version {version}" if version else "its file"
        typer.echo(f"✓ {name}: new calls run {what}; calls on the line stay on theirs")


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = Database(settings.database)
    try:
        migrate.demand_migrated(database)
        yield database
    finally:
        database.close()


def _person() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user in this container
        return "command line"
