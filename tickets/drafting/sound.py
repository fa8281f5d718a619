"""Which characters sound alike to a recogniser that does not hear tones."""

from functools import lru_cache

from pypinyin import Style, pinyin

EXACT, SAME_SOUND, NEAR_SOUND = 1.0, 0.9, 0.75
"""What a word is worth when written alike, when it sounds alike, when it nearly does (z/zh, an/ang ...)."""

_ALIAS = {"幺": "一", "两": "二", "您": "你"}


@lru_cache(maxsize=20000)
def sounds(char: str) -> frozenset[str]:
    """All readings of a character without tones; anything that is not a Chinese character is its own reading."""
    char = _ALIAS.get(char, char)
    if not "\u4e00" <= char <= "\u9fff":
        return frozenset({char})
    readings = pinyin(char, style=Style.NORMAL, heteronym=True)[0]
    return frozenset(reading.replace("ü", "v") for reading in readings)


@lru_cache(maxsize=20000)
def near_sounds(char: str) -> frozenset[str]:
    """The readings with the differences taken out that speakers of many regions do not make."""
    return frozenset(_blur(reading) for reading in sounds(char))


def alikeness(said: str, meant: str) -> float:
    """How sure it is that `said` is `meant`: 1 written alike, 0.9 sounds alike, 0.75 nearly, 0 otherwise."""
    if said == meant:
        return EXACT
    if len(said) != len(meant):
        return 0.0
    if all(sounds(a) & sounds(b) for a, b in zip(said, meant, strict=True)):
        return SAME_SOUND
    if all(near_sounds(a) & near_sounds(b) for a, b in zip(said, meant, strict=True)):
        return NEAR_SOUND
    return 0.0


def _blur(reading: str) -> str:
    for long, short in (("zh", "z"), ("ch", "c"), ("sh", "s")):
        if reading.startswith(long):
            reading = short + reading[2:]
    return reading[:-1] if reading.endswith("ng") else reading
