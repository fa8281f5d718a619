"""Which speech model is used, and what is said when it is missing."""

from pathlib import Path

import pytest

from core.settings import Settings
from recording.transcription.check import findings
from recording.transcription.model_store import DEMO, MissingModel, ModelInfo, list_models, resolve

pytestmark = pytest.mark.unit


def make_model(folder: Path) -> None:
    for part in ("am/final.mdl", "conf/model.conf", "graph/Gr.fst"):
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).write_bytes(b"x")


def test_the_demo_model_is_shipped(tmp_path: Path) -> None:
    model = resolve(Settings(home=tmp_path))
    assert isinstance(model, ModelInfo)
    assert (model.name, model.is_demo) == (DEMO, True)


def test_an_official_model_that_is_missing_says_how_to_get_it_and_is_found_when_it_appears(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, model="vosk-model-small-cn-0.22")
    missing = resolve(settings)
    assert isinstance(missing, MissingModel)
    assert "hotline models pull vosk-model-small-cn-0.22" in missing.mend
    assert str(tmp_path / "models") in missing.mend
    (finding,) = findings(settings)
    assert not finding.ok
    make_model(tmp_path / "models" / "vosk-model-small-cn-0.22")
    assert resolve(settings) == ModelInfo("vosk-model-small-cn-0.22", tmp_path / "models" / "vosk-model-small-cn-0.22")


def test_a_half_copied_model_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "models" / "vosk-model-cn-0.22" / "am").mkdir(parents=True)
    model = resolve(Settings(home=tmp_path, model="vosk-model-cn-0.22"))
    assert isinstance(model, MissingModel)
    assert "not whole" in model.reason


def test_a_misspelt_name_gets_a_suggestion(tmp_path: Path) -> None:
    model = resolve(Settings(home=tmp_path, model="vosk-model-smal-cn-0.22"))
    assert isinstance(model, MissingModel)
    assert model.mend == "did you mean vosk-model-small-cn-0.22?"


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    make_model(tmp_path / "ours")
    assert resolve(Settings(home=tmp_path, model=str(tmp_path / "ours"))) == ModelInfo("ours", tmp_path / "ours")
    assert isinstance(resolve(Settings(home=tmp_path, model=str(tmp_path / "none"))), MissingModel)


def test_the_list_shows_what_is_here_and_in_use(tmp_path: Path) -> None:
    make_model(tmp_path / "models" / "by-hand")
    entries = {entry.name: entry for entry in list_models(Settings(home=tmp_path))}
    assert entries[DEMO].in_use
    assert entries[DEMO].installed
    assert not entries["vosk-model-cn-0.22"].installed
    assert entries["by-hand"].installed
