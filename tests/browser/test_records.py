"""Calls, work orders and call-backs as records: listen, read, trace, move."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
SignIn = Callable[..., Page]
WITHIN_S = 15
SPILLING = """[...document.querySelectorAll('.sheet')].filter(one => one.scrollWidth > one.clientWidth + 1)
    .map(one => one.innerText.slice(0, 40))"""


def player_reaches(page: Page, least: float, most: float = float("inf")) -> None:
    """Wait until the player stands between two seconds of the recording.

    Playwright's own waiting runs `eval` in the page, which the content security policy rightly forbids.
    """
    place = page.locator("[data-test=player-at]")
    deadline = time.monotonic() + WITHIN_S
    while not least <= (at := float(place.get_attribute("data-seconds") or 0)) < most:
        assert time.monotonic() < deadline, f"the player stands at {at} s, wanted {least} to {most}"
        page.wait_for_timeout(30)


def open_call(page: Page, caller: str) -> None:
    page.locator("nav a[href='/calls']").click()
    page.fill("[data-test=search] input, input[data-test=search]", caller)
    page.keyboard.press("Enter")
    expect(page.locator("[data-test=call-row]")).to_have_count(1)
    page.locator("[data-test=call-row]").click()
    expect(page.locator("[data-test=turn]").first).to_be_visible()


def open_ticket(page: Page, words: str) -> None:
    page.locator("nav a[href='/tickets']").click()
    page.locator("[data-test=ticket-row]").filter(has_text=words).first.click()
    expect(page.locator("[data-test=turn]").first).to_be_visible()


def test_the_recording_plays_and_the_transcript_leads_through_it(
    sign_in: SignIn, picture: Callable[[str], None]
) -> None:
    page = sign_in()
    open_call(page, "13605550466")
    expect(page.locator("[data-test=demo-model]")).to_have_text("演示模型")
    page.click("[data-test=play]")
    player_reaches(page, 0.6)
    expect(page.locator("[data-test=turn].speaking")).to_have_count(1)
    turn = page.locator("[data-test=turn]").nth(3)
    word = turn.locator("span[data-start]").nth(2)
    start = float(word.get_attribute("data-start") or 0)
    word.click()
    player_reaches(page, start, start + 3)
    player_reaches(page, start + 0.3)
    expect(turn).to_have_class("caller speaking")
    picture("call")
    page.click("[data-test=play]")


def test_the_recording_is_served_in_ranges(sign_in: SignIn) -> None:
    page = sign_in()
    found = page.request.get("/api/calls?q=13605550466").json()["items"][0]
    part = page.request.get(f"/api/calls/{found['id']}/recording", headers={"Range": "bytes=100-199"})
    assert part.status == 206
    assert len(part.body()) == 100


def test_calls_are_narrowed_by_outcome_and_an_empty_list_says_so(
    sign_in: SignIn, picture: Callable[[str], None]
) -> None:
    page = sign_in(to="/calls")
    rows = page.locator("[data-test=call-row]")
    expect(rows.first).to_be_visible()
    picture("calls")
    page.click("[data-test=filter-outcome]")
    page.get_by_role("option", name="排队中挂断").click()
    expect(rows).to_have_count(1)
    page.goto("/calls?q=99999999")
    expect(page.get_by_text("没有符合条件的来电")).to_be_visible()


def test_a_field_shows_and_plays_the_words_it_came_from(sign_in: SignIn, picture: Callable[[str], None]) -> None:
    page = sign_in()
    open_ticket(page, "暖气")
    place = page.locator("[data-test=field-place]")
    place.hover()
    marked = page.locator("[data-test=turn] .mark")
    expect(marked.first).to_be_visible()
    assert "幸福小区" in "".join(marked.all_text_contents())
    picture("work-order")
    start = float(marked.first.get_attribute("data-start") or 0)
    place.click()
    player_reaches(page, start + 0.2)
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    expect(marked).to_have_count(0)


def test_a_work_order_is_mended_and_moved_and_its_story_grows(sign_in: SignIn) -> None:
    page = sign_in()
    open_ticket(page, "路灯")
    chapters = page.locator("[data-test=chapter]")
    before = chapters.count()
    page.click("[data-test=edit]")
    page.fill("#field-place", "建设路人民公园南门")
    page.click("[data-test=save]")
    expect(page.locator("[data-test=field-place]")).to_have_text("建设路人民公园南门")
    expect(page.locator("[data-test=edited]")).to_contain_text("leader1")
    page.click("[data-test=move-done]")
    page.fill("[data-test=move-reason] textarea, textarea[data-test=move-reason]", "已更换灯泡十二盏")
    page.click("[data-test=move-confirm]")
    expect(page.locator("[data-test=ticket-state]")).to_have_attribute("data-value", "done")
    expect(chapters).to_have_count(before + 1)
    expect(chapters.last).to_contain_text("已更换灯泡十二盏")


def test_category_and_department_are_chosen_from_the_catalogue(sign_in: SignIn, picture: Callable[[str], None]) -> None:
    page = sign_in()
    open_ticket(page, "发票")
    known = page.request.get("/api/catalogue").json()
    names = {one["id"]: one["name"] for one in known["departments"]}
    heating = next(one for one in known["categories"] if one["id"] == "heating")
    page.click("[data-test=edit]")
    page.click("[data-test=choose-category]")
    page.get_by_role("option", name=heating["name"], exact=True).click()
    expect(page.locator("[data-test=choose-department]")).to_contain_text(names[heating["department"]])
    picture("work-order-edit")
    other = next(name for id_, name in names.items() if id_ != heating["department"])
    page.click("[data-test=choose-department]")
    page.get_by_role("option", name=other, exact=True).click()
    page.click("[data-test=save]")
    expect(page.locator("[data-test=field-category]")).to_have_text(heating["name"])
    expect(page.locator("[data-test=field-department]")).to_have_text(other)


def test_undoing_needs_a_reason(sign_in: SignIn) -> None:
    page = sign_in()
    open_ticket(page, "暖气")
    page.click("[data-test=move-withdrawn]")
    page.click("[data-test=move-confirm]")
    expect(page.get_by_text("请写明原因")).to_be_visible()
    expect(page.locator("[data-test=ticket-state]")).to_have_attribute("data-value", "draft")


def test_dispatching_asks_for_the_department_that_is_missing(sign_in: SignIn, picture: Callable[[str], None]) -> None:
    page = sign_in()
    open_ticket(page, "暖气")
    number = page.url.rsplit("/", 1)[1]
    address = f"/api/tickets/{number}"
    before = page.request.get(address).json()["ticket"]
    change = {"fields": {"category": None, "department": None}, "version": before["version"]}
    headers = {"X-Requested-With": "hotline"}
    emptied = page.request.patch(address, data=change, headers=headers).json()["ticket"]
    page.request.post(f"{address}/moves", data={"to": "open", "version": emptied["version"]}, headers=headers)
    page.reload()
    page.click("[data-test=move-dispatched]")
    page.click("[data-test=move-confirm]")
    expect(page.get_by_text("请选择承办单位。")).to_be_visible()
    picture("work-order-dispatch")
    page.click("[data-test=move-department]")
    page.get_by_role("option", name="市供热管理办公室").click()
    page.click("[data-test=move-confirm]")
    expect(page.locator("[data-test=ticket-state]")).to_have_attribute("data-value", "dispatched")
    expect(page.locator("[data-test=field-department]")).to_have_text("市供热管理办公室")


def test_call_backs_show_both_answers_apart_and_who_did_not_answer(
    sign_in: SignIn, picture: Callable[[str], None]
) -> None:
    page = sign_in(to="/call-backs")
    surveys = page.request.get("/api/surveys").json()["items"]
    expect(page.locator("[data-test=survey-row]")).to_have_count(len(surveys))
    finished = [one for one in surveys if one["state"] == "finished"]
    silent = [one for one in finished if one["solved"] is None and one["score"] is None]
    expect(page.locator("[data-test=finished]")).to_have_text(str(len(finished)))
    expect(page.locator("[data-test=non-response]")).to_have_text(str(len(silent)))
    sums = page.request.get("/api/surveys/summary").json()
    for result, n in sums["results"].items():
        expect(page.locator(f"[data-test=question-result] [data-test=bar-{result}] b")).to_have_text(str(n))
    expect(page.locator("[data-test=total]")).to_contain_text(str(len(surveys)))
    page.click("[data-test=response-button]")
    expect(page.locator("[data-test=definition]")).to_contain_text(sums["definition"]["text"])
    page.click("h1")
    expect(page.locator("[data-test=definition]")).to_be_hidden()
    busy = page.locator("[data-test=survey-row]").filter(has_text="13705550355")
    expect(busy.locator("[data-test=ladder] .tag")).to_have_text(["占线", "接听"])
    expect(busy).to_contain_text("已解决")
    expect(busy).to_contain_text("非常满意")
    picture("call-backs")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_no_page_is_wider_than_1280_or_breaks_the_policy(sign_in: SignIn, language: str) -> None:
    page = sign_in()
    page.set_viewport_size({"width": 1280, "height": 800})
    if language == "en":
        page.click("[data-test=language]")
        page.click("[data-test=theme]")
    call = page.request.get("/api/calls?q=13605550466").json()["items"][0]
    records = (f"/calls/{call['id']}", f"/tickets/{call['ticket_id']}")
    loaded = ".rows li, [data-test=call-row], [data-test=ticket-row], [data-test=survey-row], [data-test=turn], .centre"
    for address in ("/", "/calls", "/tickets", "/call-backs", *records, "/nowhere"):
        page.goto(address)
        expect(page.locator(loaded).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280, address
        assert page.evaluate(SPILLING) == [], address


def test_a_record_that_does_not_exist_is_told_in_words(sign_in: SignIn) -> None:
    page = sign_in()
    page.expected_errors.append("404")  # type: ignore[attr-defined]
    page.goto("/calls/hot-1.1")
    expect(page.get_by_text("没有找到这条记录")).to_be_visible()
