"""Telephone numbers: one form for each, which are for emergencies, and which are never dialled. Pure."""

import re

EMERGENCY = ("110", "119", "120", "122")
"""Police, fire, ambulance, traffic accidents."""

_SEPARATORS = re.compile(r"[\s().-]+")
_CHINA = re.compile(r"^(?:\+|00)86(?=[1-9])")
_MOBILE_WITH_ZERO = re.compile(r"^0(?=1[3-9][0-9]{9}$)")
_FIXED = re.compile(r"^(?!1[3-9]|[48]00)[1-9][0-9]{8,10}$")  # area code without its 0, and a subscriber
_AREA = re.compile(r"^0(?:10|2[0-9]|[3-9][0-9]{2})")
# International; the old premium services, which the operator bills by the minute; carriers chosen by a prefix, which
# would hide either of them.
_NEVER = re.compile(r"^(?:00|\+|16[08]|179)")


def plain(number: str) -> str:
    """The number as people here write it: digits without separators or +86, an area code with its 0, a mobile without.

    What is no number (withheld, a name, a foreign form) comes back without separators and otherwise as it was.
    """
    bare = _SEPARATORS.sub("", number)
    home = _CHINA.sub("", bare)
    if home != bare:
        return f"0{home}" if _FIXED.match(home) else home
    return _MOBILE_WITH_ZERO.sub("", bare)


def is_emergency(number: str) -> bool:
    """110, 119, 120 or 122, also behind an area code, as their own exchanges show themselves."""
    bare = plain(number)
    return bare in EMERGENCY or _AREA.sub("", bare) in EMERGENCY


def is_barred(number: str) -> bool:
    """International or premium: never dialled, whoever asks. An area code does not hide a premium number."""
    bare = plain(number)
    return any(_NEVER.match(form) for form in (bare, bare.removeprefix("0"), _AREA.sub("", bare)))


def is_known(number: str) -> bool:
    """Whether this is somebody's number; callers who withhold theirs have none and are nobody in particular."""
    bare = plain(number).removeprefix("+")
    return bare.isascii() and bare.isdigit() and 3 <= len(bare) <= 20 and bool(bare.strip("0"))
