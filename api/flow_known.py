"""What flows may name in this installation, for the checker."""

from api.telephony import LOOK_UPS
from core.settings import Settings
from core.working_days import load_city_calendar
from ivr.flow.checker import Known, Prompt
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
