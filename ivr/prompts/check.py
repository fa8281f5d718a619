"""What `hotline check` says about the prompts and the voice."""

import tempfile
from pathlib import Path

from core.errors import BadInput, Finding, HotlineError
from core.settings import Settings
from ivr.prompts.catalogue import Catalogue, load_catalogue
from ivr.prompts.prompts import read_recording
from ivr.prompts.speech import EspeakSpeech


def findings(settings: Settings) -> list[Finding]:
    """Look at the catalogue, the recorded files and the voice; speaks one short sentence."""
    try:
        catalogue = load_catalogue(settings.prompts_file)
    except BadInput as error:
        return [Finding("prompts", False, f"{error.where}: {error.message}", error.mend)]
    found = [Finding("prompts", True, f"{len(catalogue.prompts)} prompts in {settings.prompts_file}")]
    found += _recorded(settings.home / "prompts" / "recorded", catalogue)
    return [*found, _voice(catalogue)]


def _recorded(folder: Path, catalogue: Catalogue) -> list[Finding]:
    found = []
    for path in sorted(folder.glob("*.wav")):
        entry = catalogue.prompts.get(path.stem)
        subject = f"recorded prompt {path.name}"
        if entry is None:
            found.append(Finding(subject, False, "no prompt has this name", "rename it as a prompt of the catalogue"))
        elif entry.kinds:
            found.append(Finding(subject, False, "this prompt has values, the voice speaks it", "remove the file"))
        else:
            try:
                read_recording(path)
                found.append(Finding(subject, True, "is used instead of the voice"))
            except (OSError, ValueError) as error:
                found.append(Finding(subject, False, str(error), "save it as WAV, mono, 16 bit, 8 kHz"))
    return found


def _voice(catalogue: Catalogue) -> Finding:
    speech = EspeakSpeech()
    try:
        with tempfile.TemporaryDirectory() as folder:
            speech.synthesise("您好", Path(folder) / "hello.wav", catalogue.voice.voice())
    except HotlineError as error:
        return Finding("voice", False, error.message, error.mend or "install the project's dependencies again")
    finally:
        speech.close()
    return Finding("voice", True, speech.name)
