"""How well and how fast recordings are written down: `python -m bench.asr [--speech DIR] [--json]`."""

import argparse
import csv
import json
import resource
import tempfile
import time
import wave
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import vosk

from bench.figures import Row, shown, spread, table, within
from core.settings import Settings, load_settings
from ivr.prompts.speech import EspeakSpeech, Voice, to_telephone
from ivr.prompts.spoken import normalise
from recording.transcription.dialogue import join_text
from recording.transcription.model_store import MissingModel, ModelInfo, resolve
from recording.transcription.recognizer import RATE, Recognizer, Samples
from recording.transcription.score import CharacterErrors, character_errors
from recording.transcription.vad import stretches
from recording.transcription.vosk_recognizer import VoskRecognizer

SENTENCES = (
    "您好，我家暖气不热，已经三天了。",
    "小区门口的路灯不亮，晚上很黑。",
    "楼上漏水，找物业没有人管。",
    "工地晚上施工扰民，睡不着觉。",
    "公司拖欠工资，已经两个月了。",
    "有车乱停乱放，堵住了消防通道。",
    "ETC重复扣费，请帮我查一下。",
    "出租车司机不给发票。",
    "我的电话是13812345678。",
    "我住在和平路3号楼2单元。",
)
VOICES = (Voice(), Voice("f3", 180, 60), Voice("m3", 200, 40))
Sentences = list[tuple[str, Samples]]
ROUNDS, CHUNK = 5, 4000
BUDGET_OF_BARE = 0.95
PAUSE_S = 3.0  # the other side speaks meanwhile: a leg is more than half silent


def spoken_leg(folder: Path) -> Sentences:
    """Each sentence by each voice, as (what was said, 8 kHz samples)."""
    speech = EspeakSpeech()
    said = []
    try:
        for text in SENTENCES:
            for voice in VOICES:
                speech.synthesise(text, folder / "said.wav", voice)
                with wave.open(str(folder / "said.wav")) as sound:
                    samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.int16)
                said.append((normalise(text), samples))
    finally:
        speech.close()
    return said


def human_sentences(folder: Path) -> Iterable[tuple[str, Samples]]:
    """Recordings of people as `manifest.tsv` (columns file, transcript) lists them."""
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            samples, rate = soundfile.read(str(folder / row["file"]), dtype="int16", always_2d=True)
            raw = to_telephone(np.ascontiguousarray(samples[:, 0]).tobytes(), rate)
            yield row["transcript"], np.frombuffer(raw, "<i2").astype(np.int16)


def errors(recognizer: Recognizer, sentences: Iterable[tuple[str, Samples]]) -> CharacterErrors:
    """Character errors over all sentences."""
    total = CharacterErrors()
    for said, samples in sentences:
        total += character_errors(said, join_text(word.text for word in recognizer.transcribe(samples)))
    return total


def speed(recognizer: Recognizer, bare: Callable[[Samples], None], sentences: Sentences) -> dict[str, Any]:
    """Seconds of CPU and of time per second of one long leg with pauses, ours and the bare engine's in turns."""
    pause = np.zeros(int(PAUSE_S * RATE), np.int16)
    leg = np.concatenate([part for _, samples in sentences for part in (samples, pause)])
    parts = stretches(leg)
    spoken = np.concatenate([leg[part.start : part.end] for part in parts])
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(_timed(lambda: recognizer.transcribe(leg)))
        theirs.append(_timed(lambda: bare(spoken)))
    seconds = len(leg) / RATE
    (cpu, wall), (bare_cpu, _) = min(ours), min(theirs)
    quotients = [one[0] / other[0] for one, other in zip(theirs, ours, strict=True)]
    return {
        "audio_s": round(seconds, 1),
        "speech_s": round(len(spoken) / RATE, 1),
        "rtf_cpu": round(cpu / seconds, 5),
        "rtf_wall": round(wall / seconds, 5),
        "bare_rtf_cpu": round(bare_cpu / seconds, 5),
        "of_bare": spread(quotients, 3),
    }


def bare_vosk(model: ModelInfo) -> Callable[[Samples], None]:
    """What anybody would write around the engine: one recogniser, words with times, all of the sound."""
    vosk.SetLogLevel(-1)
    engine_model = vosk.Model(str(model.path))

    def decode(spoken: Samples) -> None:
        engine = vosk.KaldiRecognizer(engine_model, RATE)
        engine.SetWords(True)
        for start in range(0, len(spoken), CHUNK):
            if engine.AcceptWaveform(spoken[start : start + CHUNK].astype("<i2").tobytes()):
                json.loads(engine.Result())
        json.loads(engine.FinalResult())

    return decode


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    before, started = _cpu_s(), time.monotonic()
    work()
    return _cpu_s() - before, time.monotonic() - started


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _as_json(found: CharacterErrors) -> dict[str, Any]:
    return {
        "characters": found.characters,
        "substitutions": found.substitutions,
        "deletions": found.deletions,
        "insertions": found.insertions,
        "error_rate": round(found.rate, 4),
    }


def measure(settings: Settings, speech_folder: Path | None) -> dict[str, Any]:
    """All figures; `human` says in words why it was not measured when it was not."""
    model = resolve(settings)
    if isinstance(model, MissingModel):
        raise SystemExit(f"{model.reason} ({model.mend})")
    recognizer = VoskRecognizer(model)
    recognizer.transcribe(np.zeros(RATE, np.int16))
    with tempfile.TemporaryDirectory() as folder:
        sentences = spoken_leg(Path(folder))
    result: dict[str, Any] = {"model": model.name, "model_is_demo": model.is_demo}
    result["synthetic"] = _as_json(errors(recognizer, sentences))
    result["speed"] = speed(recognizer, bare_vosk(model), sentences)
    if speech_folder is None:
        result["human"] = "not measured: no folder of human recordings was given (--speech DIR)"
    elif not (speech_folder / "manifest.tsv").is_file():
        result["human"] = f"not measured: there is no {speech_folder / 'manifest.tsv'}"
    else:
        result["human"] = _as_json(errors(recognizer, human_sentences(speech_folder)))
    return result


def rows(found: dict[str, Any]) -> list[Row]:
    """For the table."""
    speed, model = found["speed"], found["model"] + (", demonstration only" if found["model_is_demo"] else "")
    return [
        Row("real-time factor of transcription", f"{speed['rtf_cpu']:.4f}", "",
            f"seconds of CPU per second of a leg of {speed['audio_s']:.0f} s, {speed['speech_s']:.0f} s of it speech"),
        Row("speed against a bare Vosk loop", shown(speed["of_bare"], "times"), f">= {BUDGET_OF_BARE}",
            f"same model, same sound with silence cut; bare: {speed['bare_rtf_cpu']:.4f}",
            within(speed["of_bare"].get("median"), least=BUDGET_OF_BARE)),
        Row("characters wrong, synthetic voices", *_wrong(found["synthetic"], model)),
        Row("characters wrong, recordings of people", *_wrong(found["human"], model)),
    ]  # fmt: skip


def _wrong(found: Any, model: str) -> tuple[str, str, str]:
    if isinstance(found, str):
        return "not measured", "", found.removeprefix("not measured: ")
    counts = f"{found['substitutions']} substituted, {found['deletions']} missing, {found['insertions']} added"
    return f"{100 * found['error_rate']:.1f} %", "", f"of {found['characters']} ({counts}); {model}"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, help="folder with human recordings and manifest.tsv")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    result = measure(load_settings(), options.speech)
    print(json.dumps(result, ensure_ascii=False) if options.json else table({"transcription": rows(result)}))


if __name__ == "__main__":
    main()
