"""What flows may name in this installation, for the checker."""

from contextlib import suppress

from api.telephony import LOOK_UPS
from core.errors import BadInput
from core.settings import Settings
from core.working_days import load_city_calendar
from ivr.flow.checker import Known, Prompt
from ivr.flow.loader import load_flow
from ivr.flow.schema import AskByVoice, Menu
from ivr.prompts.catalogue import load_catalogue
from ivr.prompts.durations import durations


def known_to_flows(settings: Settings) -> Known:
    """Prompts with their durations, allowed numbers, look-ups and opening hours. BadInput when these are wrong."""
    spoken = durations(settings, load_catalogue(settings.prompts_file))
    return Known(
        prompts={name: Prompt(one.seconds, one.values) for name, one in spoken.items()},
        budget_s=settings.time_to_human_s,
        transfer_numbers=settings.transfer_numbers,
        lookups=frozenset(LOOK_UPS),
        hours=frozenset(load_city_calendar(settings.calendar).hours),
    )


def spoken_in_flows(settings: Settings) -> dict[str, list[str]]:
    """What callers may say, by the flow that asks it; files that are no flows are left to the flows' own findings."""
    spoken: dict[str, list[str]] = {}
    for file in sorted(settings.flows_dir.glob("*.yaml")):
        with suppress(BadInput):
            steps = load_flow(file).flow.steps.values()
            spoken[file.stem] = [
                word for step in steps if isinstance(step, AskByVoice | Menu) for word in step.grammar()
            ]
    return spoken
