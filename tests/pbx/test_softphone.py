"""The telephone in the page: a real browser over https, a real Asterisk, a caller from the simulated city."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect

from api.auth.users import add_user
from core.calendar import utc_now
from core.secrets import Secrets
from core.settings import Settings
from ivr.pbx.process import Pbx
from ivr.prompts.speech import EspeakSpeech
from ivr.simulator.city import City
from tests.browser.stories import PASSWORD
from tests.pbx.citizens import fresh_number, story
from tests.pbx.hotline import RunningHotline, rms
from tests.pbx.windows import answers, browser, own_authority, picture, signed_in, voice_file
from tests.waiting import eventually, until

pytestmark = pytest.mark.pbx

HEARD = 0.01  # root mean square of a leg on which somebody speaks


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def running(pbxes: tuple[Pbx, Pbx], settings: Settings, secrets: Secrets, authority: Path) -> Iterator[RunningHotline]:
    """The whole hotline, the console over https."""
    tls = {"tls_cert": str(authority / "web.pem"), "tls_key": str(authority / "web.key")}
    hotline = RunningHotline(settings, secrets, *pbxes, **tls, offer_timeout_s=30)
    try:
        hotline.open()
        with hotline.database.session() as session:
            add_user(session, login="agent1", password=PASSWORD, role="agent", now=utc_now(), seat="1001")
        hotline.start("web")
        console_answers(hotline, authority)
        yield hotline
    finally:
        hotline.close()


@pytest.fixture
async def window(
    hotline: RunningHotline, authority: Path, speech: EspeakSpeech, tmp_path: Path
) -> AsyncIterator[BrowserContext]:
    voice = await asyncio.to_thread(voice_file, speech, tmp_path)
    async with browser(authority, voice, hotline.settings.web_port) as context:
        yield context


def console_answers(hotline: RunningHotline, authority: Path) -> None:
    until(lambda: answers(authority, hotline.settings.web_port), "the console does not answer", 90)


async def open_phone(page: Page) -> None:
    await page.click("[data-test=phone]")
    await page.click("[data-test=phone-open]")
    await expect(page.locator("[data-test=phone]")).to_have_attribute("data-line", "ready")


async def close_sheet(page: Page) -> None:
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-test=auto-answer]")).to_be_hidden()


async def test_a_call_is_answered_in_the_page_and_goes_on_when_the_page_is_closed(
    hotline: RunningHotline, callers: City, window: BrowserContext
) -> None:
    await hotline.sign_in("1001")
    page = await signed_in(window, "agent1")
    await open_phone(page)
    await expect(page.locator("[data-test=level]")).not_to_have_attribute("data-value", "0")
    await picture(page, "open")
    await close_sheet(page)

    number = fresh_number()
    says = {"say": "我家暖气不热，已经好多天了。", "after_s": 1}
    calling = asyncio.create_task(callers.place_call(story(number, steps=[says] * 12), run_id="page"))
    dock, buttons = page.locator("[data-test=dock]"), page.locator("[data-test=talk-buttons]")
    await expect(dock).to_have_attribute("data-phase", "ringing")
    await expect(page.locator("[data-test=dock-number]")).to_have_text(number)
    await picture(page, "rings")
    await page.click("[data-test=answer]")
    call = await hotline.in_state(number, "talking")
    await page.click("[data-test=talk-hold]")
    await expect(buttons).to_have_attribute("data-standing", "held")
    await picture(page, "holds")
    await page.click("[data-test=talk-resume]")
    await expect(buttons).to_have_attribute("data-standing", "two")
    await eventually(lambda: spoken_s(hotline, call.id) > 3, "the talk is not recorded")

    # The page goes, and says no word: its desk telephone takes the caller who is first in line again.
    await page.close()
    await eventually(lambda: hotline.facts(call.id, "SeatPhoneLost"), "the closed page keeps the call", 30)
    report = await calling
    assert report.errors == []
    call = await hotline.in_state(number, "ended")
    talks = hotline.facts(call.id, "SeatAnswered", "TalkEnded", "SeatPhoneLost")
    assert [(row.name, row.payload.get("by")) for row in talks] == [
        ("SeatAnswered", None), ("TalkEnded", "system"), ("SeatPhoneLost", None),
        ("SeatAnswered", None), ("TalkEnded", "caller"),
    ]  # fmt: skip
    await eventually(lambda: hotline.recording(call.id), "there is no recording", 60)
    assert min(rms(leg) for leg in hotline.audio(call.id)) > HEARD


def spoken_s(hotline: RunningHotline, call_id: str) -> float:
    """Seconds of talk in the files that the PBX is writing."""
    return hotline.size(hotline.settings.spool / f"{call_id}-rx.sln") / 16_000


async def test_one_window_has_the_telephone_and_a_lost_server_ends_no_talk(
    hotline: RunningHotline, callers: City, window: BrowserContext, authority: Path
) -> None:
    await hotline.sign_in("1001")
    first = await signed_in(window, "agent1")
    await open_phone(first)
    page = await window.new_page()
    await page.goto("/calls")
    line, old = page.locator("[data-test=phone]"), first.locator("[data-test=phone]")
    await expect(line).to_have_attribute("data-line", "elsewhere")
    await expect(old).to_have_attribute("data-line", "ready")
    await open_phone(page)
    await expect(old).to_have_attribute("data-line", "elsewhere")
    await close_sheet(page)

    number = fresh_number()
    says = {"say": "我家暖气不热，已经好多天了。", "after_s": 1}
    scenario = story(number, talk=[{"caller": "再见。"}], steps=[says] * 40)
    calling = asyncio.create_task(callers.place_call(scenario, run_id="windows"))
    dock = page.locator("[data-test=dock]")
    await expect(dock).to_have_attribute("data-phase", "ringing")
    await page.click("[data-test=decline]")
    await eventually(lambda: hotline.seat("1001")["state"] == "paused", "the seat that declined is not paused")
    await line.click()
    await page.check("[data-test=auto-answer]")
    hotline.set_seat("1001", "ready")
    await expect(dock).to_have_attribute("data-phase", "talking")
    call = await hotline.in_state(number, "talking")
    assert [row.payload["why"] for row in hotline.facts(call.id, "SeatDidNotAnswer")] == ["rejected"]

    # The server goes and comes back; the talk does not notice.
    hotline.kill("web")
    await expect(line).to_have_attribute("data-line", "lost")
    await expect(dock).to_have_attribute("data-phase", "talking")
    hotline.launch("web")
    await asyncio.to_thread(console_answers, hotline, authority)
    await expect(line).to_have_attribute("data-line", "ready")
    await expect(dock).to_have_attribute("data-phase", "talking")
    await page.click("[data-test=mute]")
    await expect(page.locator("[data-test=mute]")).to_have_attribute("aria-pressed", "true")
    assert hotline.facts(call.id, "TalkEnded") == []
    await page.click("[data-test=hang-up]")
    await calling
    call = await hotline.in_state(number, "ended")
    assert (call.outcome, call.ended_by) == ("answered", "seat_hung_up")

    # The window that lost the telephone has it again when the other one is closed.
    await page.close()
    await expect(old).to_have_attribute("data-line", "ready")
