"""Commands about call flows: check, draw, try in the terminal."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from api.commands.flow_trial import TrialCall, TrialLookup
from api.commands.output import print_findings
from core.errors import BadInput, Finding
from core.settings import Settings, load_settings
from ivr.flow.check import findings
from ivr.flow.checker import check_flow
from ivr.flow.draw import draw
from ivr.flow.loader import LoadedFlow, load_flow, suggestion
from ivr.flow.ports import CallerHungUp
from ivr.flow.runner import run_flow
from ivr.prompts.catalogue import load_catalogue

app = typer.Typer(help="Call flows.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of a flow, or path of a flow file")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]


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


@app.command("check", epilog="Example: `hotline flow check ivr/flow/flows/main.yaml`")
def check(name: Annotated[str, typer.Argument(help="Flow or file; all flows when left out")] = "", as_json: Json = False) -> None:  # fmt: skip
    """Say whether flows can be published: prompts exist, nobody is trapped, a human is reachable."""
    settings = load_settings()
    prompts = load_catalogue(settings.prompts_file).prompts.keys()
    if not name:
        print_findings(findings(settings, prompts), as_json=as_json)
        return
    loaded = _find(settings, name)
    wrong = check_flow(loaded, prompts)
    print_findings(wrong or [Finding(str(loaded.file), True, "can be published")], as_json=as_json)


@app.command("draw", epilog="Example: `hotline flow draw main > main.mmd`")
def picture(name: Name) -> None:
    """Print a flow as a Mermaid diagram."""
    typer.echo(draw(_find(load_settings(), name).flow), nl=False)


@app.command("try", epilog="Example: `hotline flow try main --keys 1`")
def attempt(
    name: Name,
    keys: Annotated[str, typer.Option(help="Keys the caller presses, one for each question")] = "",
    ticket: Annotated[str, typer.Option(help="Number of the caller's newest work order, if there is one")] = "",
) -> None:
    """Go through a flow in the terminal: what the caller hears, and where the keys lead."""
    settings = load_settings()
    call = TrialCall(load_catalogue(settings.prompts_file), keys, settings.city_zone, typer.echo)
    try:
        asyncio.run(run_flow(_find(settings, name).flow, call, TrialLookup(ticket), {"caller": "13800000000"}))
    except CallerHungUp:
        typer.echo("(end)")
