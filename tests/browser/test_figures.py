"""Wallboard, figures and comparison over a whole generated day: what they show is what the API says."""

import csv
import io
import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import web_process_of

pytestmark = pytest.mark.browser
SignIn = Callable[..., Page]
Picture = Callable[[str], None]
FULL_HD, FOUR_K = {"width": 1920, "height": 1080}, {"width": 3840, "height": 2160}
# What the page received last and when, so that the age of what is shown can be judged.
LISTEN = """
const Source = window.EventSource
window.EventSource = class extends Source {
  constructor(...all) {
    super(...all)
    this.addEventListener('snapshot', (event) => {
      window.boards = [...(window.boards ?? []), { at: Date.now(), data: event.data }].slice(-20)
    })
  }
}
"""


@pytest.fixture(scope="module")
def console_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web process with a whole day of calls."""
    with web_process_of("tests.browser.serve_day", tmp_path_factory.mktemp("day")) as server:
        yield server.address


@pytest.fixture
def wall(page: Page, sign_in: SignIn) -> Page:
    """The wallboard on a screen of 1080p."""
    page.add_init_script(LISTEN)
    page.set_viewport_size(FULL_HD)
    sign_in()
    page.goto("/wall")
    expect(page.locator("[data-test=link]")).to_have_attribute("data-state", "live")
    return page


def percent(rate: float) -> str:
    return "100%" if rate >= 1 else f"{min(99.9, round(rate * 100, 1)):g}%"


def test_the_wall_shows_the_digits_of_the_api(wall: Page, picture: Picture) -> None:
    shown = {one["name"]: one["value"] for one in wall.request.get("/api/metrics/day?hours=24").json()["figures"]}
    board = json.loads(wall.evaluate("window.boards.at(-1).data"))
    assert {name: board["day"][name] for name in board["day"]} == {name: shown[name] for name in board["day"]}
    expect(wall.locator("[data-test=connection-rate]")).to_have_text(percent(shown["connection_rate"]))
    expect(wall.locator("[data-test=rate-15s]")).to_have_text(percent(board["hour"]["rate_15s_of_offered"]))
    expect(wall.locator("[data-test=day-offered]")).to_have_text(f"{shown['offered']:,}")
    expect(wall.locator("[data-test=waiting]")).to_have_text("1")
    expect(wall.locator("[data-test=talking]")).to_have_text("1")
    for state, count in board["seats"].items():
        expect(wall.locator(f"[data-test=seats-{state}] dd")).to_have_text(str(count))
    expect(wall.locator("[data-test=curve] canvas")).to_be_visible()
    picture("wall")


def test_the_wall_is_never_two_seconds_old(wall: Page) -> None:
    wall.wait_for_function("(window.boards ?? []).length >= 4")
    boards = wall.evaluate("window.boards.map((one) => ({ at: one.at, taken: Date.parse(JSON.parse(one.data).at) }))")
    gaps = [later["at"] - one["taken"] for one, later in zip(boards, boards[1:], strict=False)]
    # What a person reads just before the next picture comes: one server and one browser share a clock here.
    assert sorted(gaps)[len(gaps) // 2] < 2000, gaps


def test_alarms_stand_on_the_wall_with_their_reason(wall: Page) -> None:
    expect(wall.locator("[data-test=alarm-rate_15s]")).to_contain_text("15 秒接通率")
    wall.click("[data-test=language]")
    expect(wall.locator("[data-test=alarm-rate_15s]")).to_contain_text("answered within 15 s in the last 15 minutes")


def test_every_figure_of_the_wall_opens_its_definition_and_the_calls_behind_it(wall: Page, picture: Picture) -> None:
    wall.click("[data-test=define-connection_rate]")
    shown = wall.locator("[data-test=definition]:visible")
    expect(shown).to_contain_text("GB/T 33358-2016")
    wall.keyboard.press("Escape")
    wall.click("h1")
    wall.click("[data-test=line-abandoned_in_queue] button")
    wall.locator("[data-test=definition]:visible + a").click()
    expect(wall.locator("[data-test=counted-call]").first).to_be_visible()
    picture("figures-calls")


@pytest.mark.parametrize("size", [FULL_HD, FOUR_K], ids=["1080p", "4K"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_of_the_wall_is_cut_off(wall: Page, picture: Picture, size: dict[str, int], language: str) -> None:
    wall.set_viewport_size(size)  # type: ignore[arg-type]
    if language == "en":
        wall.click("[data-test=language]")
    expect(wall.locator("[data-test=curve] canvas")).to_be_visible()
    overflow = wall.evaluate(
        """() => [...document.querySelectorAll('.wall, .wall *')]
          .filter((one) => one.scrollWidth > one.clientWidth + 2 || one.scrollHeight > one.clientHeight + 2)
          .filter((one) => getComputedStyle(one).overflow !== 'visible' || one.matches('.card, .below, .cards'))
          .map((one) => `${one.className}: ${one.scrollWidth - one.clientWidth}, ${one.scrollHeight - one.clientHeight}`)"""
    )
    assert overflow == []
    picture(f"wall-{size['height']}-{language}")


def test_the_page_of_figures_gives_the_digits_of_api_and_export(sign_in: SignIn, picture: Picture) -> None:
    page = sign_in()
    page.goto("/figures")
    api = {one["name"]: one["value"] for one in page.request.get("/api/metrics/day?hours=24").json()["figures"]}
    for name in ("connection_rate", "offered", "wait_p95", "abandoned_in_queue_15_60"):
        expect(page.locator(f"[data-test=figure-{name}]")).to_have_attribute("data-value", str(api[name]))
    picture("figures")
    with page.expect_download() as download:
        page.click("[data-test=export]")
    lines = csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig")))
    assert {one["代码"]: one["数值"] for one in lines if one["代码"] in ("offered", "connection_rate", "wait_p95")} == {
        name: str(api[name]) for name in ("offered", "connection_rate", "wait_p95")
    }
    page.click("[data-test=language]")
    picture("figures-en")


def test_one_day_under_five_formulas(sign_in: SignIn, picture: Picture) -> None:
    page = sign_in()
    page.goto("/compare")
    api = page.request.get("/api/metrics/compare?hours=24").json()
    for one in api["formulas"]:
        expect(page.locator(f"[data-test=formula-{one['name']}] [data-test=rate]")).to_have_text(percent(one["rate"]))
    expect(page.locator("[data-test=pattern]")).to_have_count(len(api["patterns"]))
    picture("compare")
    page.locator("[data-test=pattern]").first.get_by_role("button").click()
    expect(page.locator("[data-test=counted-call]")).to_have_count(min(50, api["patterns"][0]["calls"]))
    page.keyboard.press("Escape")
    page.click("[data-test=language]")
    expect(page.locator("[data-test=formula-gb33358] h2")).to_have_text("GB/T 33358")
    picture("compare-en")


def test_a_day_without_calls_says_so_and_divides_by_nothing(sign_in: SignIn) -> None:
    page = sign_in()
    page.goto("/figures?date=2020-01-01")
    expect(page.locator("[data-test=figure-connection_rate]")).to_have_text("–")
    page.goto("/compare?date=2020-01-01")
    expect(page.locator("[data-test=formula-gb33358] [data-test=rate]")).to_have_text("–")
    expect(page.locator("[data-test=pattern]")).to_have_count(0)
