"""The work of `hotline flow check`, `draw` and `try`."""

import asyncio
import sys
from pathlib import Path

import typer

from api.commands.flow_trial import TrialAround, TrialCall, TrialLookup, keys_given
from api.commands.output import print_findings
from api.flow_known import known_to_flows
from core.errors import BadInput, Finding
from core.settings import Settings
from ivr.flow.check import findings
from ivr.flow.checker import check_flow
from ivr.flow.draw import draw
from ivr.flow.loader import LoadedFlow, load_flow, suggestion
from ivr.flow.picture import svg
from ivr.flow.ports import CallerHungUp, Day
from ivr.flow.runner import run_flow
from ivr.prompts.catalogue import load_catalogue

CALLER = "13800000000"


def check(settings: Settings, name: str, *, as_json: bool) -> None:
    """Print the findings about one flow, or about all."""
    known = known_to_flows(settings)
    if not name:
        print_findings(findings(settings, known), as_json=as_json)
        return
    try:
        loaded = find_flow(settings, name)
    except BadInput as error:
        print_findings([Finding(error.where or name, False, error.message, error.mend)], as_json=as_json)
        return
    wrong = check_flow(loaded, known)
    print_findings(wrong or [Finding(str(loaded.file), True, "can be published")], as_json=as_json)


def picture(settings: Settings, name: str, *, as_svg: bool) -> str:
    """A flow as Mermaid text, or as an SVG image."""
    flow = find_flow(settings, name).flow
    return svg(flow) if as_svg else draw(flow)


def attempt(
    settings: Settings,
    name: str,
    *,
    keys: str | None,
    ticket: str,
    line: str = "12345",
    caller: str = CALLER,
    day: Day = "open",
    waiting: int = 0,
) -> None:
    """Run a flow in the terminal; without `keys` they are typed by hand."""
    flow = find_flow(settings, name).flow
    is_by_hand = keys is None and sys.stdin.isatty()
    typed = _by_hand if is_by_hand else keys_given(keys or "")
    call = TrialCall(load_catalogue(settings.prompts_file), typed, settings.city_zone, typer.echo)
    if is_by_hand:
        typer.echo("Type keys and Enter; Enter alone for a caller who does nothing, x to hang up.")
    try:
        values = {"caller": caller, "line": line}
        asyncio.run(run_flow(flow, call, TrialLookup(ticket), values, TrialAround(day, waiting)))
    except CallerHungUp:
        typer.echo("(the caller hung up)")


def _by_hand(what: str, count: int, only: str) -> str | None:
    try:
        return input(f"  {what} > ").strip()
    except EOFError:
        return None


def find_flow(settings: Settings, name: str) -> LoadedFlow:
    """A flow by its name or by the path of its file. BadInput."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return load_flow(path)
    file = settings.flows_dir / f"{name}.yaml"
    if not file.is_file():
        known = [one.stem for one in settings.flows_dir.glob("*.yaml")]
        raise BadInput(
            f"there is no flow {name}", code="flow_unknown", where=str(settings.flows_dir), mend=suggestion(name, known)
        )
    return load_flow(file)
