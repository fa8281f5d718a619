"""Commands about speech models."""

from dataclasses import asdict
from typing import Annotated

import typer

from api.commands.output import print_json
from core.settings import load_settings
from recording.transcription.model_pull import SOURCE, pull
from recording.transcription.model_store import list_models

app = typer.Typer(help="Speech models.", no_args_is_help=True)


@app.command("list", epilog="Example: `hotline models list`")
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False) -> None:
    """List the models that can be used and which of them are here."""
    found = list_models(load_settings())
    if as_json:
        print_json([asdict(model) for model in found])
        return
    for model in found:
        mark = "*" if model.in_use else " "
        here = "installed" if model.installed else f"{model.megabytes} MB to fetch"
        typer.echo(f"{mark} {model.name}\t{here}\t{model.note}")


@app.command("pull", epilog="Example: `hotline models pull vosk-model-small-cn-0.22`")
def fetch(
    name: Annotated[str, typer.Argument(help="Name as in `hotline models list`")],
    source: Annotated[str, typer.Option("--from", help="Folder's address with NAME.zip, or a local zip file")] = SOURCE,
    sha256: Annotated[str, typer.Option(help="Insist on this checksum")] = "",
) -> None:
    """Download an official model, check its checksum and install it."""
    told = -1

    def progress(done: int, whole: int) -> None:
        nonlocal told
        percent = done * 100 // whole if whole else 0
        if percent // 5 != told // 5:
            told = percent
            typer.echo(f"{percent} % of {whole // 1_000_000} MB", err=True)

    model = pull(load_settings(), name, source=source, sha256=sha256, progress=progress)
    typer.echo(f"{model.name} is installed in {model.path}; use it with HOTLINE_MODEL={model.name}")
