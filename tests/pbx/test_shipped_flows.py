"""Shipped flows and special desks on real calls; what is published answers the next call, without a restart."""

import asyncio
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import delete

from api.commands import flow_publish
from core.calendar import utc_now
from core.secrets import Secrets
from core.settings import Settings
from ivr.calls.models import Call
from ivr.flow.models import FlowVersion
from ivr.flow.shelf import SHIPPED
from ivr.pbx.process import Pbx
from ivr.simulator.city import City
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import RunningHotline
from tests.waiting import eventually
from tickets.models import Ticket

pytestmark = pytest.mark.pbx

RELAX_S = 4
SELF_SERVED = {"outcome": "self_served"}


@pytest.fixture(scope="module")
def running(
    pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHotline]:
    """Special desks: the first seat is the market's only, the second the pool, at the third sits a leader on duty."""
    flows = tmp_path_factory.mktemp("flows")
    for name in ("main", "survey"):
        shutil.copy(SHIPPED / f"{name}.yaml", flows)
    now = utc_now()
    leader = {
        "seat": int(settings.seats[2]),
        "name": "王局长",
        "from": (now - timedelta(hours=1)).isoformat(),
        "until": (now + timedelta(hours=2)).isoformat(),
        "skills": {"union": 9},
    }
    plan = {
        "skills": {
            "market": {"name": "市场监管专席", "relax_after_s": RELAX_S},
            "union": {"name": "工会专席", "relax_after_s": 60},
            "complaint": {"name": "投诉", "relax_after_s": 60},
        },
        "seats": {int(settings.seats[0]): {"market": 9}, int(settings.seats[1]): {"general": 5, "complaint": 5}},
        "guests": [leader],
    }
    skills = tmp_path_factory.mktemp("skills") / "skills.yaml"
    skills.write_text(yaml.safe_dump(plan, allow_unicode=True), encoding="utf-8")
    changes = {"flows_dir": flows, "skills_file": skills}
    hotline = RunningHotline(settings.model_copy(update=changes), secrets, *pbxes)
    try:
        hotline.open()
        yield hotline
    finally:
        with hotline.database.session() as session:
            session.exec(delete(FlowVersion))  # the next hotline in this home answers by its own files
        hotline.close()


async def publish(hotline: RunningHotline, shipped: str) -> str:
    """From now on new calls to the hotline run this shipped flow; gives its version."""
    was = taken_up(hotline)
    put(hotline.settings.flows_dir, shipped)
    await asyncio.to_thread(flow_publish.publish, hotline.settings, "main", actor="tester", as_json=True)
    return await newly_taken_up(hotline, was)


def put(folder: Path, shipped: str) -> None:
    """Make the shipped flow the city's own `main`."""
    text = (SHIPPED / f"{shipped}.yaml").read_text(encoding="utf-8")
    (folder / "main.yaml").write_text(text.replace(f"flow: {shipped}\n", "flow: main\n"), encoding="utf-8")


async def roll_back(hotline: RunningHotline) -> str:
    was = taken_up(hotline)
    await asyncio.to_thread(flow_publish.roll_back, hotline.settings, "main", to="", actor="tester", as_json=True)
    return await newly_taken_up(hotline, was)


def taken_up(hotline: RunningHotline) -> list[str]:
    """What telephony has taken up so far, as its log says."""
    lines = [line for line in hotline.log("telephony").splitlines() if "a flow was taken up" in line]
    return [yaml.safe_load(line)["version"] for line in lines]


async def newly_taken_up(hotline: RunningHotline, was: list[str]) -> str:
    await eventually(lambda: len(taken_up(hotline)) > len(was), "the flow was not taken up", 20)
    return taken_up(hotline)[-1]


def steps_of(call: Call) -> list[Any]:
    return [step["step"] for step in call.path]


def reason(hotline: RunningHotline, call: Call) -> str:
    """Why the seat that took the call got it."""
    return str(hotline.facts(call.id, "SeatOffered")[-1].payload["reason"])


async def test_each_line_is_greeted_and_served_by_its_own_desk(hotline: RunningHotline, callers: City) -> None:
    market, pool, leader = hotline.settings.seats[:3]
    await publish(hotline, "lines")
    await hotline.sign_in(pool, leader, market)  # the pool is idle longest: it would be first were all alike
    numbers = {line: fresh_number() for line in ("12315", "12351", "12345")}
    reports = await asyncio.gather(
        *(callers.place_call(story(number, line=line), run_id=line) for line, number in numbers.items())
    )
    assert [report.errors for report in reports] == [[], [], []]
    calls = {line: await hotline.in_state(number, "ended") for line, number in numbers.items()}
    assert {line: (call.line, call.seat) for line, call in calls.items()} == {
        "12315": ("12315", market),
        "12351": ("12351", leader),
        "12345": ("12345", pool),
    }
    assert [steps_of(calls[line])[1] for line in ("12315", "12351", "12345")] == ["market", "union", "greeting"]
    assert "王局长" in reason(hotline, calls["12351"]) or leader in reason(hotline, calls["12351"])


async def test_a_caller_of_a_busy_desk_is_served_by_the_pool_after_a_while(
    hotline: RunningHotline, callers: City
) -> None:
    market, pool, _ = hotline.settings.seats[:3]
    await hotline.sign_in(market, pool)
    first, second = fresh_number(), fresh_number()
    long_talk = asyncio.create_task(callers.place_call(story(first, line="12315", lines=4), run_id="first"))
    await hotline.in_state(first, "talking")
    report = await callers.place_call(story(second, line="12315"), run_id="second")
    assert report.errors == []
    assert (await long_talk).errors == []
    call = await hotline.in_state(second, "ended")
    offered = hotline.facts(call.id, "SeatOffered")[-1].payload
    assert (call.seat, call.outcome) == (pool, "answered")
    assert offered["waited_s"] >= RELAX_S


async def test_the_menu_leads_to_its_desk_and_asks_for_a_grade(hotline: RunningHotline, callers: City) -> None:
    pool = hotline.settings.seats[1]
    await publish(hotline, "menu")
    await hotline.sign_in(pool)
    number = fresh_number()
    steps = [{"press": "7", "after_s": 12}, {"press": "1", "after_s": 4}]
    talk = [{"agent": "您好，请讲。"}, {"caller": "我家暖气不热。"}, {"agent": "好的，再见。"}]
    ends = story(number, steps=steps, talk=talk, hangs_up="agent", after_talk=["9", "5"])
    report = await callers.place_call(ends, run_id="menu")
    call = await hotline.in_state(number, "ended")
    assert report.errors == []
    assert (call.seat, call.outcome) == (pool, "answered")
    assert steps_of(call)[:3] == ["greeting", "choose", "complaint"]
    assert [fact.payload["grade"] for fact in hotline.facts(call.id, "CallRated")] == [5]


async def test_a_work_order_is_found_by_number_and_code_and_a_wrong_code_tells_nothing(
    hotline: RunningHotline, callers: City
) -> None:
    await publish(hotline, "progress")
    await hotline.sign_in(hotline.settings.seats[1])
    now, owner = utc_now(), fresh_number()
    with hotline.database.session() as session:
        session.add(Ticket(number="20260102-000888", state="dispatched", caller=owner, created_at=now, updated_at=now))
    right, wrong = fresh_number(), fresh_number()

    def keys(code: str) -> list[dict[str, Any]]:
        dialled = [{"press": key, "after_s": 0.3} for key in "20260102000888"]
        coded = [{"press": key, "after_s": 0.3} for key in code]
        dialled[0]["after_s"], coded[0]["after_s"] = 2, 2
        return [{"press": "2", "after_s": 10}, *dialled, *coded]

    good = story(right, talk=[], steps=[*keys(owner[-4:]), {"hang_up": True, "after_s": 14}], expect=SELF_SERVED)
    bad = story(wrong, steps=keys("0000"))
    reports = await asyncio.gather(callers.place_call(good, run_id="good"), callers.place_call(bad, run_id="bad"))
    assert [report.errors for report in reports] == [[], []]
    told, refused = [await hotline.in_state(number, "ended") for number in (right, wrong)]
    assert (told.outcome, steps_of(told)[:6]) == ("self_served", ["greeting", "own", "number", "code", "look", "told"])
    assert (refused.outcome, steps_of(refused)[4:7]) == ("answered", ["look", "unknown", "human"])


async def test_a_call_stays_on_its_version_while_others_get_the_new_one_and_then_the_old(
    hotline: RunningHotline, callers: City
) -> None:
    pool = hotline.settings.seats[1]
    await hotline.sign_in(pool)
    notice = await publish(hotline, "surge")
    early, between, late = fresh_number(), fresh_number(), fresh_number()
    hears_all = asyncio.create_task(callers.place_call(story(early), run_id="early"))
    await eventually(lambda: (call := hotline.call(early)) and "notice" in steps_of(call), "no notice is heard", 30)
    default = await publish(hotline, "main")
    cut_short = story(
        between, steps=[{"hang_up": True, "after_s": 1}], talk=[], expect={"outcome": "abandoned_in_prompt"}
    )
    assert (await callers.place_call(cut_short, run_id="between")).errors == []
    assert await roll_back(hotline) == notice
    again = story(late, steps=[{"press": "0", "after_s": 1}])
    assert [report.errors for report in (await hears_all, await callers.place_call(again, run_id="late"))] == [[], []]
    calls = [await hotline.in_state(number, "ended") for number in (early, between, late)]
    assert [call.flow_version for call in calls] == [notice, default, notice]
    assert [steps_of(call)[:2] for call in (calls[0], calls[2])] == [["greeting", "notice"], ["greeting", "human"]]
    assert [call.outcome for call in calls] == ["answered", "abandoned_in_prompt", "answered"]
