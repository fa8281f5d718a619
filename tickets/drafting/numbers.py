"""Chinese numerals to Arabic ones: digit by digit for telephones and rooms, by value for buildings and days."""

DIGITS = {c: str(i) for i, c in enumerate("零一二三四五六七八九")} | {"幺": "1", "两": "2", "〇": "0", "○": "0"}
DIGITS |= {str(i): str(i) for i in range(10)}
NUMERAL = "[零〇○一二三四五六七八九幺两十百0-9]"
DIGIT = "[零〇○一二三四五六七八九幺两0-9]"


def as_digits(said: str) -> str:
    """幺三八 -> 138; characters that are no digit are left out."""
    return "".join(DIGITS.get(char, "") for char in said)


def as_number(said: str) -> str:
    """二十三 -> 23, 一百零二 -> 102, 五零一 -> 501."""
    if not any(char in "十百" for char in said):
        return as_digits(said)
    total, current = 0, 0
    for char in said:
        if char in "十百":
            total += (current or 1) * (10 if char == "十" else 100)
            current = 0
        else:
            current = current * 10 + int(DIGITS[char]) if DIGITS[char] != "0" else current
    return str(total + current)
