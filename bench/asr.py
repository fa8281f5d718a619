"""How well and how fast recordings are written down: `python -m bench.asr [--speech DIR] [--json]`."""

import argparse
import csv
import json
import resource
import sys
import tempfile
import time
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from core.settings import Settings, load_settings
from ivr.prompts.speech import EspeakSpeech, Voice, to_telephone
from ivr.prompts.spoken import normalise
from recording.transcription.dialogue import join_text
from recording.transcription.model_store import MissingModel, resolve
from recording.transcription.recognizer import RATE, Recognizer, Samples
from recording.transcription.score import CharacterErrors, character_errors
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
PAUSE_S = 3.0  # the other side speaks meanwhile: a leg is more than half silent


def spoken_leg(folder: Path) -> list[tuple[str, Samples]]:
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


def speed(recognizer: Recognizer, sentences: list[tuple[str, Samples]]) -> dict[str, float]:
    """Real-time factors of one long leg with pauses, silence cut: CPU and wall seconds per second of sound."""
    pause = np.zeros(int(PAUSE_S * RATE), np.int16)
    leg = np.concatenate([part for _, samples in sentences for part in (samples, pause)])
    before, started = _cpu_s(), time.monotonic()
    recognizer.transcribe(leg)
    wall, cpu = time.monotonic() - started, _cpu_s() - before
    seconds = len(leg) / RATE
    return {"audio_s": round(seconds, 1), "rtf_cpu": round(cpu / seconds, 5), "rtf_wall": round(wall / seconds, 5)}


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
    result["speed"] = speed(recognizer, sentences)
    if speech_folder is None:
        result["human"] = "not measured: no folder of human recordings was given (--speech DIR)"
    elif not (speech_folder / "manifest.tsv").is_file():
        result["human"] = f"not measured: there is no {speech_folder / 'manifest.tsv'}"
    else:
        result["human"] = _as_json(errors(recognizer, human_sentences(speech_folder)))
    return result


def _line(name: str, found: Any) -> str:
    if isinstance(found, str):
        return f"{name:10s} {found}"
    counts = f"{found['substitutions']} substituted, {found['deletions']} missing, {found['insertions']} added"
    return f"{name:10s} {100 * found['error_rate']:.1f} % of {found['characters']} characters wrong ({counts})"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, help="folder with human recordings and manifest.tsv")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    result = measure(load_settings(), options.speech)
    if options.json:
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
        return
    print(f"model      {result['model']}{' (demonstration only)' if result['model_is_demo'] else ''}")
    print(_line("synthetic", result["synthetic"]))
    print(_line("people", result["human"]))
    figures = result["speed"]
    print(f"speed      {figures['rtf_cpu']} s of CPU, {figures['rtf_wall']} s of time per second of sound", end="")
    print(f" (one leg of {figures['audio_s']:.0f} s, silence cut)")


if __name__ == "__main__":
    main()
