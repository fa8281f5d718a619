"""axe-core finds no serious fault on any page: every address of the router, Chinese and light, English and dark."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from api.console_files import DIST
from tests.browser.stories import PASSWORD

pytestmark = pytest.mark.browser
SignIn = Callable[..., Page]
AXE = DIST.parent / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = ("serious", "critical")
LOOKS = pytest.mark.parametrize("look", [("zh-CN", "light"), ("en", "dark")], ids=["zh-light", "en-dark"])
Look = tuple[str, str]
# Read from the router itself, so that a new page is looked at without being named here.
PAGES = """() => document.querySelector('#app').__vue_app__.config.globalProperties.$router.getRoutes()
    .filter(route => !route.children.length && Object.keys(route.components ?? {}).length)
    .map(route => route.path)"""
# What fades in has half its contrast on the way; what turns for ever is not waited for.
STILL = """() => Promise.all(document.getAnimations()
    .filter(one => one.effect.getComputedTiming().endTime !== Infinity).map(one => one.finished.catch(() => null)))"""


def faults(page: Page) -> list[str]:
    """Serious faults that axe-core sees in what the page shows now, each with the first place."""
    page.evaluate(STILL)
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"], "axe-core looked at nothing"
    return [
        f"{one['impact']} {one['id']}: {one['nodes'][0]['target']} {one['nodes'][0]['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
    ]


def filled(page: Page, path: str) -> str:
    """An address of the router with something real where it has a gap."""
    if "(.*)" in path:
        return "/no-such-page"
    gaps = re.findall(r":(\w+)", path)
    if not gaps:
        return path
    assert gaps == ["id"], f"say what fills {path}"
    found = page.request.get(f"/api/{path.split('/')[1]}", params={"limit": "20"}).json()["items"]
    # A call that has everything: recording, transcript, work order.
    full = next((one for one in found if one.get("has_recording")), found[0])
    return path.replace(":id", str(full["id"]))


def choose(page: Page, look: Look) -> None:
    """What the next page loads with."""
    page.evaluate("([l, t]) => { localStorage['hotline.language'] = l; localStorage['hotline.theme'] = t }", list(look))


def loaded(page: Page) -> None:
    """Wait until the page shows what it has to show."""
    expect(page.locator("main")).to_be_visible()
    expect(page.locator("main :is(h1, h2)").first).to_be_visible()
    expect(page.locator(".el-skeleton")).to_have_count(0)


@LOOKS
def test_the_sign_in_page(page: Page, look: Look) -> None:
    page.expected_errors.append("401")  # type: ignore[attr-defined]
    page.goto("/sign-in")
    choose(page, look)
    page.reload()
    loaded(page)
    assert faults(page) == []
    page.fill("input[name=login]", "agent1")
    page.fill("input[name=password]", f"{PASSWORD}?")
    page.keyboard.press("Enter")
    expect(page.locator("[data-test=sign-in-wrong]")).to_be_visible()
    assert faults(page) == []


@LOOKS
def test_every_page_of_the_router(sign_in: SignIn, look: Look) -> None:
    page = sign_in("admin1")
    choose(page, look)
    paths = page.evaluate(PAGES)
    assert {"/", "/calls", "/calls/:id", "/tickets/:id", "/users", "/audit"} <= set(paths)
    wrong = []
    for path in paths:
        page.goto(filled(page, path))
        loaded(page)
        wrong += [f"{path}: {fault}" for fault in faults(page)]
    assert wrong == []


@LOOKS
def test_what_opens_over_the_page(sign_in: SignIn, look: Look) -> None:
    page = sign_in("admin1")
    choose(page, look)
    page.goto("/users")
    in_front = page.locator("[role=dialog]:visible, [role=menu]:visible")
    for opener in ("[data-test=keys]", "[data-test=user-add]", "[data-test=user-menu]"):
        page.click(opener)
        expect(in_front.first).to_be_visible()
        assert faults(page) == [], opener
        page.keyboard.press("Escape")
        expect(in_front).to_have_count(0)


@pytest.mark.parametrize("login", ["agent1", "dept1", "ops1"])
def test_the_first_page_of_other_roles(sign_in: SignIn, login: str) -> None:
    page = sign_in(login)
    loaded(page)
    assert faults(page) == []
