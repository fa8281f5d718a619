"""Commands about speech models."""

import importlib
from typing import Annotated, Any

import typer

from api.commands.output import print_json
from core.settings import load_settings

app = typer.Typer(help="Speech models.", no_args_is_help=True)


def _store() -> Any:
    return importlib.import_module("recording.transcription.model_store")


@app.command("list", epilog="Example: `hotline models list`")
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False) -> None:
    """List the models that can be used and which of them are here."""
    found = _store().list_models(load_settings())
    if as_json:
        print_json(found)
        return
    for model in found:
        typer.echo(str(model))


@app.command("pull", epilog="Example: `hotline models pull vosk-model-small-cn-0.22`")
def pull(name: Annotated[str, typer.Argument(help="Name as in `hotline models list`")]) -> None:
    """Download a model, check its checksum and install it."""
    _store().pull(name, load_settings(), typer.echo)
