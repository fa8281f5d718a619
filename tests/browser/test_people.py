"""Users and audit by page, keys that are shown and work, the look that follows the computer."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.stories import PASSWORD

pytestmark = pytest.mark.browser
SignIn = Callable[..., Page]
Picture = Callable[[str], None]


def test_an_administrator_adds_a_user_who_then_signs_in_and_is_thrown_out(
    sign_in: SignIn, chromium: Browser, console_address: str, picture: Picture
) -> None:
    page = sign_in("admin1", to="/users")
    page.click("[data-test=user-add]")
    page.fill("input[name=new-login]", "chen")
    page.fill("input[name=name]", "陈新")
    page.click("[data-test=user-save]")
    password = page.locator("[data-test=new-password]").inner_text()
    page.click("[data-test=password-noted]")
    row = page.locator("[data-test=user-chen]")
    expect(row).to_contain_text("陈新")
    picture("users")

    theirs = chromium.new_context(base_url=console_address, locale="zh-CN")
    other = theirs.new_page()
    other.goto("/")
    other.fill("input[name=login]", "chen")
    other.fill("input[name=password]", password)
    other.keyboard.press("Enter")
    expect(other.locator("[data-test=user-menu]")).to_contain_text("陈新")

    row.get_by_role("button", name="停用").click()
    page.locator(".el-message-box").get_by_role("button", name="确定").click()
    expect(row).to_contain_text("已停用")
    expect(other.locator("input[name=login]")).to_be_visible()  # the live picture ends with the session
    theirs.close()


def test_a_user_that_cannot_be_is_refused_in_words(sign_in: SignIn) -> None:
    page = sign_in("admin1", to="/users")
    page.expected_errors.append("422")  # type: ignore[attr-defined]
    page.click("[data-test=user-add]")
    page.fill("input[name=new-login]", "agent1")
    page.click("[data-test=user-save]")
    expect(page.get_by_role("dialog")).to_contain_text("这个账号已经有人用了")


def test_the_trail_shows_a_refused_try_and_is_taken_away_as_a_file(sign_in: SignIn, picture: Picture) -> None:
    page = sign_in("ops1", to="/audit")
    page.expected_errors.append("403")  # type: ignore[attr-defined]
    assert page.request.get("/api/users").status == 403
    page.goto("/audit?action=denied")
    line = page.locator("[data-test=audit-row]").first
    expect(line).to_contain_text("被拒绝")
    expect(line).to_contain_text("GET /api/users")
    with page.expect_download() as coming:
        page.click("[data-test=audit-export]")
    assert "GET /api/users" in coming.value.path().read_text()
    page.goto("/audit")
    expect(page.locator("[data-test=audit-row]").first).to_contain_text("导出审计")
    picture("audit")


def test_operations_sees_no_whole_number(sign_in: SignIn) -> None:
    page = sign_in("ops1", to="/calls")
    expect(page.locator("[data-test=call-row]").first).to_contain_text("****")
    assert not re.search(r"1[3-9]\d{9}", page.locator("main").inner_text())


def test_a_department_hears_the_call_of_its_work_order(
    sign_in: SignIn, chromium: Browser, console_address: str
) -> None:
    page = sign_in("admin1")
    found = page.request.get("/api/tickets?state=dispatched,done,closed,reopened").json()["items"]
    department = next(one["department"] for one in found if one["call_id"])
    person = {"login": "dept2", "role": "department", "department": department, "password": PASSWORD}
    page.request.post("/api/users", data=person, headers={"X-Requested-With": "hotline"})
    theirs = chromium.new_context(base_url=console_address, locale="zh-CN")
    other = theirs.new_page()
    other.goto("/")
    other.fill("input[name=login]", "dept2")
    other.fill("input[name=password]", PASSWORD)
    other.keyboard.press("Enter")
    other.locator("[data-test=ticket-row]").first.click()
    expect(other.get_by_role("button", name="播放", exact=True)).to_be_visible()
    theirs.close()


def test_keys_are_shown_and_lead_where_they_say(sign_in: SignIn, picture: Picture) -> None:
    page = sign_in()
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="键盘快捷键")
    expect(help_).to_be_visible()
    expect(help_).to_contain_text("来电")
    picture("shortcuts")
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page.locator("h1")).to_have_text("总览")  # keys go to the dialog in front
    page.keyboard.press("?")
    expect(help_).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page.locator("h1")).to_have_text("来电记录")
    page.keyboard.press("/")
    search = page.locator("[data-test=search]")
    expect(search).to_be_focused()
    page.keyboard.type("gt?")
    expect(search).to_have_value("gt?")
    expect(page.locator("h1")).to_have_text("来电记录")


def test_single_keys_can_be_switched_off(sign_in: SignIn) -> None:
    page = sign_in()
    page.click("[data-test=keys]")
    page.get_by_text("启用单键快捷键").click()
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator("h1")).to_have_text("总览")
    page.keyboard.press("l")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("h1")).to_have_text("总览")


def test_the_look_follows_the_computer_until_somebody_chooses(sign_in: SignIn) -> None:
    page = sign_in()
    html = page.locator("html")
    expect(html).not_to_have_class("dark")
    page.emulate_media(color_scheme="dark")
    expect(html).to_have_class("dark")
    page.click("[data-test=theme]")
    expect(html).not_to_have_class("dark")
    page.reload()
    expect(html).not_to_have_class("dark")
    page.click("[data-test=theme]")  # back to what the computer says: it is followed again
    page.emulate_media(color_scheme="light")
    expect(html).not_to_have_class("dark")


def test_a_person_changes_the_own_password_and_goes_on(sign_in: SignIn) -> None:
    page = sign_in("dept1")
    page.expected_errors.append("409")  # type: ignore[attr-defined]
    page.click("[data-test=user-menu]")
    page.click("[data-test=change-password]")
    dialog = page.get_by_role("dialog", name="修改密码")
    fields = dialog.locator("input")
    for place, text in enumerate(("wrong password", PASSWORD, PASSWORD)):
        fields.nth(place).fill(text)
    dialog.get_by_role("button", name="保存").click()
    expect(dialog).to_contain_text("原密码不正确")
    fields.nth(0).fill(PASSWORD)
    dialog.get_by_role("button", name="保存").click()
    expect(page.get_by_text("密码已修改")).to_be_visible()
    page.reload()
    expect(page.locator("h1")).to_have_text("工单")


def test_guessing_is_told_how_long_to_wait(page: Page) -> None:
    page.expected_errors += ["401", "429"]  # type: ignore[attr-defined]
    page.goto("/sign-in")
    wrong = page.locator("[data-test=sign-in-wrong]")
    for _ in range(5):
        reply = page.request.post(
            "/api/session", data={"login": "guessed", "password": "x"}, headers={"X-Requested-With": "hotline"}
        )
        assert reply.status == 401
    page.fill("input[name=login]", "guessed")
    page.fill("input[name=password]", "x")
    page.keyboard.press("Enter")
    expect(wrong).to_contain_text(re.compile(r"请在 [45]:\d\d 后再试"))
