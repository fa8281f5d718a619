"""A talk is written down while it goes on: both sides, in time, with the draft; and nothing waits for it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from shutil import which
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, async_playwright, expect

from api.auth.users import add_user
from core.calendar import utc_now
from core.secrets import Secrets
from core.settings import Settings
from ivr.pbx.process import Pbx
from ivr.simulator.city import City
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import RunningHotline
from tests.waiting import eventually

pytestmark = pytest.mark.pbx

PASSWORD = "a-long-password"
SAID = "我家暖气不热，已经好多天了。"
PLACE = "和平路阳光小区三号楼二单元。"


@pytest.fixture(scope="module")
def running(pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets) -> Iterator[RunningHotline]:
    """With the scribe and the web process, and one talk at a time that is written down."""
    hotline = RunningHotline(settings.model_copy(update={"scribe_most": 1}), secrets, *pbxes)
    try:
        hotline.open()
        with hotline.database.session() as session:
            add_user(session, login="li", password=PASSWORD, role="leader", now=utc_now())
        for name in ("scribe", "web"):
            hotline.start(name)
        yield hotline
    finally:
        hotline.close()


@pytest.fixture
async def screen(hotline: RunningHotline) -> AsyncIterator[Page]:
    """The same person's console in Chromium."""
    path = which("chromium")
    assert path is not None, "chromium is missing: install Debian's package `chromium`"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        context = await browser.new_context(base_url=hotline.page, viewport={"width": 1440, "height": 900})
        page = await context.new_page()
        await page.goto("/")
        await page.fill("input[name=login]", "li")
        await page.fill("input[name=password]", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[data-test=user-menu]")
        yield page
        await browser.close()


@pytest.fixture
async def page(hotline: RunningHotline) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody signed in."""
    async with httpx.AsyncClient(
        base_url=f"{hotline.page}/api", headers={"X-Requested-With": "hotline"}, timeout=30, trust_env=False
    ) as http:
        body = {"login": "li", "password": PASSWORD}
        (await http.post("/session", json=body)).raise_for_status()
        yield http


class Reader:
    """What the page of one call is told."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, int], dict[str, Any]] = {}
        self.first_seen: dict[tuple[str, int], float] = {}
        self.states: list[str] = []
        self.values: dict[str, Any] = {}

    async def read(self, page: httpx.AsyncClient, call_id: str) -> None:
        async with page.stream("GET", f"/calls/{call_id}/live-text") as reply:
            assert reply.status_code == 200
            async for row in reply.aiter_lines():
                if row.startswith("data: "):
                    self.take(json.loads(row[6:]))

    def take(self, told: dict[str, Any]) -> None:
        self.states.append(told["state"])
        self.values = told.get("values") or self.values
        for line in told["lines"]:
            self.lines[line["leg"], line["n"]] = line
            self.first_seen.setdefault((line["leg"], line["n"]), time.monotonic())

    def text(self, leg: str) -> str:
        return "".join(line["text"] for (side, _), line in sorted(self.lines.items()) if side == leg)


async def test_both_sides_appear_while_they_speak_and_fill_the_work_order(
    hotline: RunningHotline, callers: City, page: httpx.AsyncClient, screen: Page, tmp_path: Path
) -> None:
    await hotline.sign_in("1001")
    number = fresh_number()
    ask, bye = {"agent": "请问在什么地方？"}, {"agent": "好的，我们马上派人去看一下，请您保持电话畅通。"}
    talk = [{"agent": "您好，请讲。"}, {"caller": SAID}, ask, {"caller": PLACE}, bye, {"caller": "好的，谢谢。"}]
    calling = asyncio.create_task(callers.place_call(story(number, talk=talk), run_id="live"))
    call = await hotline.in_state(number, "talking")
    reader = Reader()
    reading = asyncio.create_task(reader.read(page, call.id))
    await screen.goto(f"/calls/{call.id}")
    await expect(screen.locator(".caller[data-test=live-line]").first).to_contain_text("暖气", timeout=30_000)
    await expect(screen.locator("[data-test=live-category]")).to_contain_text("供热", timeout=30_000)
    await screen.locator("[data-test=live-category]").hover()
    await expect(screen.locator("[data-test=live-lines] .mark").first).to_be_visible()
    await screen.screenshot(path=tmp_path / "live-talk.png")
    await eventually(lambda: reader.values.get("category"), "no category while the talk goes on", 30)
    still = hotline.call(number)
    assert still is not None
    assert still.state == "talking", "the form fills before the talk is over"
    assert (await calling).errors == []
    async with asyncio.timeout(20):
        await reading
    assert reader.states[-1] == "over"
    assert "暖气不热" in reader.text("caller")
    assert "阳光小区" in reader.text("caller")
    assert "什么地方" in reader.text("seat")
    assert all(line["final"] for line in reader.lines.values())
    assert reader.values["category"] == "heating"
    assert "阳光小区" in reader.values["place"]
    ended = await hotline.in_state(number, "ended")
    whole, _ = await hotline.papers(ended.id)
    spoken = "".join(turn["text"] for turn in whole.turns if turn["leg"] == "caller")
    assert "暖气不热" in spoken, "what is kept comes from the recording, whole"


async def test_a_dead_scribe_and_a_full_one_cost_the_talk_nothing(
    hotline: RunningHotline, callers: City, page: httpx.AsyncClient
) -> None:
    await hotline.sign_in("1001", "1002")
    first, second = fresh_number(), fresh_number()
    calling = asyncio.create_task(callers.place_call(story(first, lines=4), run_id="first"))
    one = await hotline.in_state(first, "talking")
    reader = Reader()
    reading = asyncio.create_task(reader.read(page, one.id))
    await eventually(lambda: reader.lines, "nothing is written", 20)
    also = asyncio.create_task(callers.place_call(story(second), run_id="second"))
    other = await hotline.in_state(second, "talking")
    full = Reader()
    reading_full = asyncio.create_task(full.read(page, other.id))
    await eventually(lambda: "later" in full.states, "the page is not told that the text follows", 20)
    hotline.kill("scribe")
    await eventually(lambda: "down" in reader.states, "the page is not told that nothing is written", 20)
    reader.states.clear()
    hotline.start("scribe")
    await eventually(lambda: "writing" in reader.states or "over" in reader.states, "it is not taken up again", 30)
    assert [report.errors for report in (await calling, await also)] == [[], []]
    async with asyncio.timeout(20):
        await asyncio.gather(reading, reading_full)
    for number in (first, second):
        call = await hotline.in_state(number, "ended")
        assert call.outcome == "answered"
        transcript, _ = await hotline.papers(call.id)
        assert transcript.state == "done"
