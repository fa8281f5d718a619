"""Every word that the rules can say has a label in both languages of the console, and a colour where it is a tag."""

import re
from typing import Any, get_args

import pytest

from api.auth.permissions import ROLES
from api.calls import talk
from core import facts as core_facts
from core.settings import ROOT
from ivr import facts
from recording import facts as recording_facts
from tickets import facts as ticket_facts
from tickets.lifecycle import STATES
from tickets.satisfaction.rules import RESULTS

pytestmark = pytest.mark.unit
SOURCES = ROOT / "api" / "console" / "src"
AUDIT_ACTION = re.compile(r'(?:action=|_written\(session, actor, )"([a-z_.]+)"')
LANGUAGES = ("zh-CN", "en")


def options(fact: type[core_facts.Fact], name: str) -> set[str]:
    return set(get_args(fact.model_fields[name].annotation))


def fact_names() -> set[str]:
    modules = {module.__name__ for module in (facts, recording_facts, ticket_facts)}
    return {kind.__name__ for kind in core_facts.Fact.__subclasses__() if kind.__module__ in modules}


def audit_actions() -> set[str]:
    """Every action that the API writes into the audit trail; the console's words have no dots."""
    written = [found for file in (ROOT / "api").glob("*/*.py") for found in AUDIT_ACTION.findall(file.read_text())]
    return {action.replace(".", "_") for action in written} | {f"talk_{one}" for one in get_args(talk.Action)}


SAID: dict[str, set[str]] = {
    "callState": {"in_flow", "waiting", "offered", "talking", "ended"},
    "outcome": {"answered", "abandoned_in_prompt", "abandoned_in_queue", "self_served", "refused", "lost"},
    "transcriptState": {"done", "waiting", "waiting_model", "failed"},
    "seatState": options(facts.SeatStateChanged, "state"),
    "seatReason": options(facts.SeatDidNotAnswer, "why"),
    "ticketState": set(STATES),
    "ticketMove": set(STATES),
    "urgency": {"normal", "urgent"},
    "solved": {"yes", "partly", "no"},
    "score": {"1", "2", "3", "4", "5"},
    "surveyState": {"planned", "dialling", "waiting", "finished"},
    "surveyResult": set(RESULTS),
    "attemptState": {"requested", "dialling", "ended"},
    "attemptOutcome": options(facts.AttemptEnded, "outcome"),
    "role": set(ROLES),
    "cause": options(facts.CallEnded, "cause"),
    "refusal": options(facts.CallRefused, "why"),
    "by": options(facts.TalkEnded, "by"),
    "source": {"live", "cel", "resync"},
    "fact": fact_names(),
    "auditAction": audit_actions(),
}


def groups(text: str) -> dict[str, set[str]]:
    """The words of a TypeScript file by group: `name: { one: '…', two: '…' },`."""
    found = re.findall(r"^  (\w+): \{(.*?)\},?$", text.replace("\n  }", "\n}").replace("\n    ", " "), re.M | re.S)
    return {name: set(re.findall(r"(\w+): '", body)) for name, body in found}


@pytest.mark.parametrize("group", SAID)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_has_a_label(language: str, group: str) -> None:
    labels = groups((SOURCES / "i18n" / f"words.{language}.ts").read_text())
    assert SAID[group], group
    assert SAID[group] - labels.get(group, set()) == set()


def test_every_tag_has_a_colour() -> None:
    tones = groups((SOURCES / "parts" / "tones.ts").read_text())
    assert len(tones) >= 10
    missing: dict[str, Any] = {group: SAID[group] - known for group, known in tones.items()}
    assert {group: words for group, words in missing.items() if words} == {}
