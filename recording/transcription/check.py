"""What `hotline check` says about the speech model."""

from core.errors import Finding
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
