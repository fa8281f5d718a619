"""The script of the demonstration: its settings, and who calls when. Pure."""

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.settings import Settings

# Sixteen citizens, chosen so that every branch of the main job happens: an urgent leak whose first call-back
# meets a busy line, a noise that is not solved and done again, people who hang up, a number that is gone.
CALLS = (
    "heating_leak_shaft",
    "abandon_in_greeting",
    "noise_night_building",
    "heating_cold",
    "garbage_piles",
    "lighting_dark",
    "abandon_in_queue",
    "water_fee",
    "taxi_receipt",
    "etc_double_charge",
    "pole_in_the_way",
    "social_insurance",
    "praise_heating",
    "green_plate",
    "progress_none",
    "drain_smell",
)
EVERY_S = 2.0  # a new caller this often: more than the seats can take at once, so that a line forms

# Hours shrink to seconds, and there are seats enough for a demonstration of two minutes.
HURRY: Mapping[str, Any] = {
    "seats": ("1001", "1002", "1003", "1004", "1005", "1006", "1007"),
    "wrap_up_s": 1,
    "offer_timeout_s": 5,
    "position_every_s": 10,
    "survey_first_delay_s": 1,
    "survey_retry_delays_s": (3, 5),
    "survey_ring_s": 6,
    "survey_lines": 5,
    "survey_start_hour": 0,
    "survey_end_hour": 24,
}


def demo_settings(given: Settings, home: Path) -> Settings:
    """The given settings with the demonstration's pace; a port that is taken and was not asked for is exchanged."""
    values = {**given.model_dump(), "home": home}
    for name, value in HURRY.items():
        if name not in given.model_fields_set:
            values[name] = value
    for name in [name for name in values if name.endswith("_port")]:
        if name not in given.model_fields_set and not _is_free(given.bind, values[name]):
            values[name] = _free_port(given.bind, {v for k, v in values.items() if k.endswith("_port")})
    return Settings(**values)


def as_environment(settings: Settings) -> dict[str, str]:
    """The settings as HOTLINE_* variables, for child processes."""
    found = {}
    for name, value in settings.model_dump(mode="json").items():
        found[f"HOTLINE_{name.upper()}"] = json.dumps(value) if isinstance(value, list) else str(value)
    return {**{key: value for key, value in os.environ.items() if not key.startswith("HOTLINE_")}, **found}


def _is_free(host: str, port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def _free_port(host: str, taken: set[int]) -> int:
    for port in range(20000, 60000):
        if port not in taken and _is_free(host, port):
            return port
    raise OSError("no free port")
