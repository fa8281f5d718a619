"""The live picture: what it shows is what the API says, and it keeps itself fresh."""

import signal
import subprocess
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
SignIn = Callable[..., Page]
STALE_WITHIN_MS = 18_000  # after 6 s of silence; below the 20 s after which the page connects anew


def shown_rate(rate: float | None) -> str:
    """The rate as the page writes it: one decimal, never rounded up to 100."""
    if rate is None:
        return "–"
    if rate >= 1:
        return "100%"
    return f"{min(99.9, round(rate * 100, 1)):g}%"


def test_calls_seats_and_the_answer_rate_are_those_of_the_api(sign_in: SignIn, picture: Callable[[str], None]) -> None:
    page = sign_in()
    expect(page.locator("[data-test=link]")).to_have_attribute("data-state", "live")
    rate = page.request.get("/api/metrics/answer-rate?hours=24").json()
    expect(page.locator("[data-test=answer-rate]")).to_have_text(shown_rate(rate["answer_rate"]))
    expect(page.locator("[data-test=rate-offered]")).to_have_text(str(rate["offered"]))
    for outcome in ("answered", "abandoned_in_queue", "abandoned_in_prompt", "self_served", "lost"):
        expect(page.locator(f"[data-test=outcome-{outcome}] dd")).to_have_text(str(rate[outcome]))
    expect(page.locator("[data-test=waiting]")).to_have_text(str(rate["waiting_now"]))

    calls = page.request.get("/api/calls?state=in_flow,waiting,offered,talking").json()["items"]
    assert len(calls) == 3
    in_prompts = sum(call["state"] == "in_flow" for call in calls)
    assert in_prompts == 1
    expect(page.locator("[data-test=in-prompts]")).to_have_attribute("data-value", str(in_prompts))
    for call in calls:
        expect(page.locator(f"[data-test='call-now-{call['id']}']")).to_contain_text(call["caller"])
    for seat in page.request.get("/api/seats").json()["items"]:
        state = page.locator(f"[data-test=seat-{seat['id']}] [data-test=seat-state]")
        expect(state).to_have_attribute("data-value", seat["state"])
    expect(page.locator("canvas")).to_be_visible()
    picture("overview")


def test_the_definition_of_the_answer_rate_is_one_click_away(sign_in: SignIn) -> None:
    page = sign_in()
    definition = page.request.get("/api/metrics/answer-rate?hours=24").json()["definition"]
    page.click("[data-test=answer-rate-button]")
    shown = page.locator("[data-test=definition]")
    expect(shown).to_be_visible()
    expect(shown).to_contain_text(definition["text"])
    expect(shown).to_contain_text(definition["source"])
    page.click("[data-test=language]")
    page.click("[data-test=answer-rate-button]")
    expect(shown).to_contain_text(definition["text_en"])
    expect(shown).not_to_contain_text(definition["text"])


def test_a_leader_pauses_a_seat_and_every_screen_shows_it(sign_in: SignIn) -> None:
    page = sign_in()
    seat = page.locator("[data-test=seat-1003]")
    state = seat.locator("[data-test=seat-state]")
    seat.get_by_role("button", name="暂停").click()
    page.get_by_role("dialog").get_by_role("button", name="确定").click()
    expect(state).to_have_attribute("data-value", "paused")
    expect(seat).to_contain_text("小休")
    seat.get_by_role("button", name="置闲").click()
    expect(state).to_have_attribute("data-value", "ready")


def test_an_agent_has_buttons_on_the_own_seat_only(sign_in: SignIn) -> None:
    page = sign_in("agent1")
    expect(page.locator("[data-test=seat-1001] button").first).to_be_visible()
    expect(page.locator("[data-test=seat-1003] button")).to_have_count(0)


def test_an_open_stream_that_is_silent_is_called_stale(
    sign_in: SignIn, web_process: subprocess.Popen[str], picture: Callable[[str], None]
) -> None:
    page = sign_in()
    link = page.locator("[data-test=link]")
    expect(link).to_have_attribute("data-state", "live")
    expect(page.locator("[data-test=silent]")).to_have_count(0)
    web_process.send_signal(signal.SIGSTOP)  # the connection stays open, nothing comes any more
    try:
        expect(link).to_have_attribute("data-state", "stale", timeout=STALE_WITHIN_MS)
        expect(page.locator("[data-test=silent]")).to_be_visible()
        picture("overview-stale")
    finally:
        web_process.send_signal(signal.SIGCONT)
    expect(link).to_have_attribute("data-state", "live", timeout=STALE_WITHIN_MS)
    expect(page.locator("[data-test=silent]")).to_have_count(0)


def test_a_lost_link_is_said_and_mended(sign_in: SignIn) -> None:
    page = sign_in()
    link = page.locator("[data-test=link]")
    expect(link).to_have_attribute("data-state", "live")
    page.expected_errors.append("ERR_")  # type: ignore[attr-defined]
    page.locator("nav a[href='/calls']").click()
    expect(page.locator("[data-test=call-row]").first).to_be_visible()
    page.context.set_offline(True)
    page.locator("nav a[href='/']").click()
    expect(link).to_have_attribute("data-state", "reconnecting")
    page.context.set_offline(False)
    expect(link).to_have_attribute("data-state", "live")
