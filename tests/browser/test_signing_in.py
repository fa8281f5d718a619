"""Getting into the console, and what a role sees of it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stories import PASSWORD

pytestmark = pytest.mark.browser
SignIn = Callable[..., Page]


def test_a_wrong_password_is_told_in_chinese_and_a_right_one_leads_on(
    page: Page, picture: Callable[[str], None]
) -> None:
    page.expected_errors.append("401")  # type: ignore[attr-defined]
    page.goto("/tickets")
    page.fill("input[name=login]", "agent1")
    picture("sign-in")
    page.fill("input[name=password]", "wrong-password")
    page.keyboard.press("Enter")
    expect(page.locator("[data-test=sign-in-wrong]")).to_contain_text("账号或密码不正确")
    expect(page.locator("input[name=password]")).to_have_value("")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(page.url.split("/sign-in")[0] + "/tickets")
    expect(page.locator("[data-test=ticket-row]").first).to_be_visible()


def test_signing_out_ends_the_session(sign_in: SignIn) -> None:
    page = sign_in()
    page.click("[data-test=user-menu]")
    page.click("[data-test=sign-out]")
    expect(page.locator("input[name=login]")).to_be_visible()
    page.goto("/calls")
    expect(page.locator("input[name=login]")).to_be_visible()


def test_a_session_that_ended_on_the_server_leads_to_sign_in_and_back(sign_in: SignIn) -> None:
    page = sign_in(to="/calls")
    page.expected_errors.append("401")  # type: ignore[attr-defined]
    expect(page.locator("[data-test=call-row]").first).to_be_visible()
    page.context.clear_cookies()
    page.locator("nav a[href='/tickets']").click()
    expect(page.get_by_text("登录已失效")).to_be_visible()


def test_a_department_sees_work_orders_only(sign_in: SignIn) -> None:
    page = sign_in("dept1")
    expect(page.locator("h1")).to_have_text("工单")
    expect(page.locator("nav a")).to_have_count(1)


def test_language_and_theme_are_switched_and_kept(sign_in: SignIn, picture: Callable[[str], None]) -> None:
    page = sign_in()
    expect(page.locator("h1")).to_have_text("总览")
    page.click("[data-test=language]")
    expect(page.locator("h1")).to_have_text("Overview")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.click("[data-test=theme]")
    page.reload()
    expect(page.locator("h1")).to_have_text("Overview")
    expect(page.locator("html")).to_have_class("dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in dark.strip("rgb()").split(",")) < 60
    page.click("[data-test=language]")
    expect(page.locator("h1")).to_have_text("总览")
    expect(page.locator("[data-test=answer-rate]")).to_be_visible()
    picture("overview-dark")
