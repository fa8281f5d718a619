"""The work of `hotline flow ...`."""

import asyncio
from pathlib import Path

import typer

from api.commands.flow_trial import TrialCall, TrialLookup
from api.commands.output import print_findings
from core.errors import BadInput, Finding
from core.settings import Settings
from ivr.flow.check import findings
from ivr.flow.checker import check_flow
from ivr.flow.draw import draw
from ivr.flow.loader import LoadedFlow, load_flow, suggestion
from ivr.flow.ports import CallerHungUp
from ivr.flow.runner import run_flow
from ivr.prompts.catalogue import load_catalogue

CALLER = "13800000000"


def check(settings: Settings, name: str, *, as_json: bool) -> None:
    """Print the findings about one flow, or about all."""
    prompts = load_catalogue(settings.prompts_file).prompts.keys()
    if not name:
        print_findings(findings(settings, prompts), as_json=as_json)
        return
    loaded = _find(settings, name)
    wrong = check_flow(loaded, prompts)
    print_findings(wrong or [Finding(str(loaded.file), True, "can be published")], as_json=as_json)


def picture(settings: Settings, name: str) -> str:
    """A flow as Mermaid text."""
    return draw(_find(settings, name).flow)


def attempt(settings: Settings, name: str, *, keys: str, ticket: str) -> None:
    """Run a flow in the terminal."""
    call = TrialCall(load_catalogue(settings.prompts_file), keys, settings.city_zone, typer.echo)
    try:
        asyncio.run(run_flow(_find(settings, name).flow, call, TrialLookup(ticket), {"caller": CALLER}))
    except CallerHungUp:
        typer.echo("(end)")


def _find(settings: Settings, name: str) -> LoadedFlow:
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
