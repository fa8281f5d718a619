"""What `hotline check` says about the speech model."""

from collections.abc import Mapping, Sequence

from core.errors import Finding, Unavailable
from core.settings import Settings
from recording.transcription.model_store import MissingModel, resolve
from recording.transcription.recognizer import RecognizerFailed


def findings(settings: Settings) -> list[Finding]:
    """Is the model of the settings here, and does it load?"""
    model = resolve(settings)
    if isinstance(model, MissingModel):
        return [Finding("speech model", False, f"{settings.model}: {model.reason}", model.mend)]
    # Imported here: `hotline check` must be able to say that the engine itself is missing.
    try:
        import numpy as np

        from recording.transcription.vosk_recognizer import VoskRecognizer

        VoskRecognizer(model).transcribe(np.zeros(0, np.int16))
    except RecognizerFailed as error:
        return [Finding("speech model", False, str(error), f"remove {model.path} and install it again")]
    except (ImportError, OSError) as error:
        return [Finding("speech model", False, f"vosk does not start: {error}", "install the dependencies again")]
    if model.is_demo:
        said = f"{model.name}: for the demonstration only, it does not understand people"
        return [Finding("speech model", True, said, "hotline models pull vosk-model-small-cn-0.22")]
    return [Finding("speech model", True, f"{model.name} in {model.path}")]


def answers(settings: Settings, spoken: Mapping[str, Sequence[str]]) -> list[Finding]:
    """What callers may say, by the flow that asks it: does the model know words for it?"""
    try:
        from recording.transcription.vosk_recognizer import VoskEngine

        unknown = {flow: VoskEngine(settings).unknown(phrases) for flow, phrases in spoken.items()}
    except (ImportError, OSError, Unavailable):
        return []
    mend = "use other words, or another model; this answer will never be heard"
    return [
        Finding(f"words of flow {flow}", False, f"the speech model does not know {'、'.join(phrases)}", mend)
        for flow, phrases in unknown.items()
        if phrases
    ]
