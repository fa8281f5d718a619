"""Speech models: the shipped demonstration model, official ones under home/models, or a folder of one's own."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from core.settings import Settings

DEMO = "vosk-model-demo-cn"
_SHIPPED = Path(__file__).with_name("models") / DEMO
_NEEDED = ("am/final.mdl", "conf/model.conf", "graph")


@dataclass(frozen=True)
class Official:
    """A model that its makers publish; sizes in megabytes to fetch."""

    name: str
    megabytes: int
    note: str


OFFICIAL = (
    Official("vosk-model-small-cn-0.22", 42, "real calls on a small machine"),
    Official("vosk-model-cn-0.22", 1300, "real calls, better, needs several GB of memory"),
)


@dataclass(frozen=True)
class ModelInfo:
    """A model that is here and whole."""

    name: str
    path: Path
    is_demo: bool = False


@dataclass(frozen=True)
class MissingModel:
    """The model of the settings is not here; `reason` and `mend` are sentences for people."""

    name: str
    reason: str
    mend: str


@dataclass(frozen=True)
class ModelEntry:
    """One line of `hotline models list`."""

    name: str
    note: str
    installed: bool
    in_use: bool
    megabytes: int


def models_folder(settings: Settings) -> Path:
    """Where installed models are."""
    return settings.home / "models"


def resolve(settings: Settings) -> ModelInfo | MissingModel:
    """The model that the settings ask for. Looks at the disk each time: a model may appear at any moment."""
    wanted = settings.model.strip()
    if wanted in ("demo", DEMO):
        return _whole(ModelInfo(DEMO, _SHIPPED, is_demo=True), "install the project again")
    if "/" in wanted or "\\" in wanted:
        folder = Path(wanted).expanduser().resolve()
        return _whole(ModelInfo(folder.name, folder), "set HOTLINE_MODEL to the folder of an unpacked Vosk model")
    by_hand = f"hotline models pull {wanted}, or unpack it as {models_folder(settings) / wanted}"
    if wanted not in {model.name for model in OFFICIAL} and not (models_folder(settings) / wanted).is_dir():
        known = ["demo", *(model.name for model in OFFICIAL)]
        close = difflib.get_close_matches(wanted, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}, or a folder with a slash in it"
        return MissingModel(wanted, "no model has this name", hint)
    return _whole(ModelInfo(wanted, models_folder(settings) / wanted), by_hand)


def missing_parts(folder: Path) -> list[str]:
    """What a Vosk model's folder lacks; empty when it is whole."""
    return [part for part in _NEEDED if not (folder / part).exists()]


def list_models(settings: Settings) -> list[ModelEntry]:
    """The shipped model, the official ones, and whatever else is installed."""
    used = resolve(settings).name
    folder = models_folder(settings)
    entries = [ModelEntry(DEMO, "understands only the synthetic voice", not missing_parts(_SHIPPED), used == DEMO, 3)]
    for model in OFFICIAL:
        here = not missing_parts(folder / model.name)
        entries.append(ModelEntry(model.name, model.note, here, used == model.name, model.megabytes))
    known = {entry.name for entry in entries}
    for other in sorted(folder.iterdir()) if folder.is_dir() else ():
        if other.is_dir() and not other.name.startswith(".") and other.name not in known and not missing_parts(other):
            size = sum(file.stat().st_size for file in other.rglob("*") if file.is_file())
            entries.append(ModelEntry(other.name, "brought by hand", True, used == other.name, size // 1_000_000))
    return entries


def _whole(info: ModelInfo, mend: str) -> ModelInfo | MissingModel:
    if not info.path.is_dir():
        return MissingModel(info.name, f"the speech model {info.name} is not installed", mend)
    if lacking := missing_parts(info.path):
        return MissingModel(info.name, f"the speech model {info.name} is not whole: no {lacking[0]}", mend)
    return info
