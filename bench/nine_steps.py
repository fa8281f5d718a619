"""One flow of nine steps, told four times: what callers hear and press, as dialplan, as bare AGI, as sound files.

The fifth time is `flows/bench.yaml`, which the whole product runs. Every prompt is one constant level of its own, so
that a caller knows by one byte of any packet which prompt it hears; for Asterisk it is a sound file like any other.
"""

import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.wire import alaw

LINE = "12345"
EXTENSIONS = {"ours": "22341", "panoramisk": "22342", "pyst2": "22343"}  # of the bare AGI servers, by their kind
SAYS_S = 0.4  # a prompt that is heard to its end
ASKS_S = 12.0  # a prompt that a key cuts short
RATE = 8000


@dataclass(frozen=True)
class Part:
    """A prompt that is heard, and the keys that are pressed when it is."""

    step: str
    prompt: str
    level: int  # of every sample
    keys: str = ""


PARTS = (
    Part("welcome", "greeting", 1040),
    Part("topic", "menu_main", 2080, "1"),
    Part("noted", "rate_thanks", 4160),
    Part("kind", "survey_solved", 8320, "2"),
    Part("number", "ask_number", -1040, "407"),
    Part("thanks", "survey_thanks", -2080),
    Part("again", "survey_satisfied", -4160, "3"),
    Part("end", "goodbye", -8320),
)
KEYS = sum(len(part.keys) for part in PARTS)
QUESTIONS = sum(bool(part.keys) for part in PARTS)
# What the ledger must know of such a call: steps and the keys that led there; a switch is a step without a prompt.
PATH = (
    ("welcome", ""), ("topic", ""), ("noted", "1"), ("kind", ""), ("which_line", "2"), ("number", ""), ("thanks", ""),
    ("again", ""), ("end", "3"),
)  # fmt: skip


def prompt_of_byte() -> Mapping[int, int]:
    """A byte of a packet to the number of the part whose prompt it is."""
    return {alaw(part.level): number for number, part in enumerate(PARTS)}


def write_prompts(folder: Path) -> None:
    """The prompts as recordings `folder/<prompt>.wav`: 8 kHz, 16 bit, mono."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        seconds = ASKS_S if part.keys else SAYS_S
        with wave.open(str(folder / f"{part.prompt}.wav"), "wb") as sound:
            sound.setparams((1, 2, RATE, 0, "NONE", ""))
            sound.writeframes(part.level.to_bytes(2, "little", signed=True) * round(seconds * RATE))


def dialplan(folder: Path, agi_ports: Mapping[str, tuple[str, int]]) -> str:
    """Context `bench`: LINE is the flow in dialplan alone, each kind's extension hands over to its AGI server."""
    lines = ["[bench]", f"exten => {LINE},1,NoOp()"]
    for number, part in enumerate(PARTS):
        if part.step == "number":  # the ninth step, without a prompt, comes before this one
            lines.append(f' same => n,GotoIf($["${{EXTEN}}" != "{LINE}"]?unheard)')
        if part.keys:
            lines += [
                f" same => n,Read(KEY{number},{folder / part.prompt},{len(part.keys)},,1,5)",
                f' same => n,GotoIf($["${{KEY{number}}}" != "{part.keys}"]?unheard)',
            ]
        else:
            lines.append(f" same => n,Playback({folder / part.prompt})")
    lines += [" same => n,Hangup()", " same => n(unheard),Hangup(21)"]
    for kind, (host, port) in agi_ports.items():
        lines += [f"exten => {EXTENSIONS[kind]},1,AGI(agi://{host}:{port}/call)", " same => n,Hangup(21)"]
    return "\n".join(lines) + "\n"
