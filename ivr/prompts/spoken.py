"""From written Chinese to what a voice can say: digits as numerals, Latin letters apart, then pinyin."""

import re
from datetime import datetime

from pypinyin import Style, lazy_pinyin

DIGIT_NAMES = "零幺二三四五六七八九"  # read one by one, one is 幺 as on every telephone in China
_PLAIN = "零一二三四五六七八九"
_UNITS = ((10**12, "万亿"), (10**8, "亿"), (10**4, "万"), (1000, "千"), (100, "百"), (10, "十"))
_SHORT_CODES = frozenset({"110", "112", "114", "119", "120", "122", "12345"})
_MEASURES = "元块毛分角秒天日月号个位人次件名条路岁米吨斤度户间套点时周步级层栋楼万亿千百十"
_TWO_OF = tuple("个位次件条天元块户间套周名年人")  # two of these is 两, otherwise 二
_LONG = 5  # a run of this many digits is an identifier, not a quantity
_PAUSES = str.maketrans(dict.fromkeys('，、；：;:,（）()《》“”‘’"—…~', ", ") | dict.fromkeys("。！？!?\n", ". "))


def number(value: int) -> str:
    """A whole number as Chinese numerals: 205 is 二百零五, 15 is 十五."""
    if value < 0:
        return "负" + number(-value)
    text = _quantity(value)
    return text.removeprefix("一") if text.startswith("一十") else text


def _quantity(value: int) -> str:
    if value < 10:
        return _PLAIN[value]
    for size, name in _UNITS:
        if value < size:
            continue
        high, rest = divmod(value, size)
        text = _quantity(high) + name
        if not rest:
            return text
        return text + ("零" if rest < size // 10 else "") + _quantity(rest)
    raise AssertionError("every number from ten on has a unit")


def decimal(text: str) -> str:
    """A decimal number as numerals: 3.05 is 三点零五."""
    whole, _, fraction = text.partition(".")
    return number(int(whole)) + ("点" + "".join(_PLAIN[int(c)] for c in fraction) if fraction else "")


def digits(text: str) -> str:
    """An identifier, digit by digit: 20261122-000001 has a pause where the hyphen is."""
    return "".join(DIGIT_NAMES[int(c)] if c in "0123456789" else "，" if c in "-_/ " else c for c in text)


def moment_words(moment: datetime) -> str:
    """A moment on the city's clock as Chinese words: 七月二十八日下午三点零五分."""
    return f"{number(moment.month)}月{number(moment.day)}日{_hour(moment.hour, moment.minute)}"


def _hour(hour: int, minute: int) -> str:
    part = "凌晨" if hour < 6 else "上午" if hour < 12 else "中午" if hour == 12 else "下午" if hour < 18 else "晚上"
    spoken_hour = hour if hour <= 12 else hour - 12
    name = "两" if spoken_hour == 2 else number(spoken_hour)
    minutes = "整" if minute == 0 else f"{'零' if minute < 10 else ''}{number(minute)}分"
    return f"{part}{name}点{minutes}"


def normalise(text: str) -> str:
    """Written text to text without digits, per cent signs and joined Latin letters."""
    text = re.sub(r"(\d+(?:\.\d+)?)[%％]", lambda m: "百分之" + decimal(m[1]), text)
    text = re.sub(r"(?<!\d)(\d{4})(?=年)", lambda m: "".join(_PLAIN[int(c)] for c in m[1]), text)
    text = re.sub(r"(?<![\d:])([01]?\d|2[0-3])[:：]([0-5]\d)(?![\d:])分?", lambda m: _hour(int(m[1]), int(m[2])), text)
    text = re.sub(r"\d+\.\d+", lambda m: decimal(m[0]), text)
    text = re.sub(r"(\d+)(.?)", _digit_run, text)
    return re.sub(r"[A-Za-z]{2,}", lambda m: " ".join(m[0].upper()), text)


def _digit_run(match: re.Match[str]) -> str:
    run, after = match[1], match[2]
    counted = after != "" and after in _MEASURES
    if after == "室" and len(run) >= 3:
        return "".join(_PLAIN[int(c)] for c in run) + after
    if run.startswith("0") and len(run) > 1:
        return digits(run) + after
    if not counted and (run in _SHORT_CODES or len(run) >= _LONG):
        return digits(run) + after
    return ("两" if run == "2" and after in _TWO_OF else number(int(run))) + after


def pinyin(text: str) -> str:
    """What espeak-ng's voice cmn-latn-pinyin is given: syllables with tone digits, pauses as comma and full stop."""
    syllables = lazy_pinyin(normalise(text), style=Style.TONE3, neutral_tone_with_five=True, errors=_other)
    return re.sub(r"\s+", " ", " ".join(syllables)).strip()


def _other(chars: str) -> str:
    return re.sub(r"[^A-Za-z,. ]", " ", chars.translate(_PAUSES))
