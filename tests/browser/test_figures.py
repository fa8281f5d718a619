"""Wallboard, figures and comparison over a whole generated day: what they show is what the API says."""

import csv
import io
import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import web_process_of

pytestmark = pytest.mark.browser
SignIn = Callable[..., Page]
Picture = Callable[[str], None]
FULL_HD: ViewportSize = {"width": 1920, "height": 1080}
FOUR_K: ViewportSize = {"width": 3840, "height": 2160}
PATIENCE_MS = 60_000  # the machine may be busy with calls
CUT_OFF = """() => [...document.querySelectorAll('.wall, .wall .card, .wall .below, .wall .cards')]
  .filter((one) => one.scrollWidth > one.clientWidth + 2 || one.scrollHeight > one.clientHeight + 2)
  .map((one) => [one.className, one.scrollWidth - one.clientWidth, one.scrollHeight - one.clientHeight])"""
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
    """The wallboard on a screen of 1080p, with its first picture."""
    page.add_init_script(LISTEN)
    page.set_viewport_size(FULL_HD)
    sign_in()
    page.goto("/wall")
    expect(page.locator("[data-test=connection-rate]")).to_be_visible(timeout=PATIENCE_MS)
    return page


def percent(rate: float) -> str:
    return "100%" if rate >= 1 else f"{min(99.9, round(rate * 100, 1)):g}%"


def test_the_wall_shows_the_digits_of_the_api_and_its_alarms_their_reason(wall: Page, picture: Picture) -> None:
    shown = {one["name"]: one["value"] for one in wall.request.get("/api/metrics/day?hours=24").json()["figures"]}
    # Talks under way end as the test runs: only what the last picture says can be compared with it.
    board = json.loads(wall.evaluate("window.boards.at(-1).data"))
    same = {name for name in board["day"] if not name.startswith(("talk", "in_prompt"))}
    assert {name: board["day"][name] for name in same} == {name: shown[name] for name in same}
    expect(wall.locator("[data-test=connection-rate]")).to_have_text(percent(shown["connection_rate"]))
    expect(wall.locator("[data-test=day-offered]")).to_have_text(f"{shown['offered']:,}")
    expect(wall.locator("[data-test=waiting]")).to_have_text("1")
    expect(wall.locator("[data-test=talking]")).to_have_text("1")
    for state, count in board["seats"].items():
        expect(wall.locator(f"[data-test=seats-{state}] dd")).to_have_text(str(count))
    expect(wall.locator("[data-test=alarm-connection_24h]")).to_contain_text("滚动 24 小时接通率")
    wall.click("[data-test=define-connection_rate]")
    expect(wall.locator("[data-test=definition]")).to_contain_text("GB/T 33358-2016")
    picture("wall-definition")
    wall.keyboard.press("Escape")
    expect(wall.locator("[data-test=definition]")).to_have_count(0)
    wall.click("[data-test=define-abandoned_in_queue]")
    wall.click("[data-test=behind]")
    expect(wall.locator("[data-test=counted-call]").first).to_be_visible(timeout=PATIENCE_MS)
    picture("figures-calls")


def test_nothing_of_the_wall_is_cut_off_and_it_is_fresh(wall: Page, picture: Picture) -> None:
    wall.wait_for_function(
        "() => (window.boards ?? []).some((one) => one.at - Date.parse(JSON.parse(one.data).at) < 1000)",
        timeout=PATIENCE_MS,
    )
    for language in ("zh", "en"):
        for size in (FULL_HD, FOUR_K):
            wall.set_viewport_size(size)
            expect(wall.locator("[data-test=curve] canvas")).to_be_visible()
            assert wall.evaluate(CUT_OFF) == []
            picture(f"wall-{size['height']}-{language}")
        wall.click("[data-test=language]")
        expect(wall.locator("[data-test=alarm-connection_24h]")).to_contain_text(
            "Connection rate of the last 24 hours" if language == "zh" else "接通率"
        )


def test_the_page_of_figures_gives_the_digits_of_api_and_export(sign_in: SignIn, picture: Picture) -> None:
    page = sign_in()
    page.goto("/figures")
    expect(page.locator("[data-test=figure-offered]")).to_be_visible(timeout=PATIENCE_MS)
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
    expect(page.locator("[data-test=pattern]").first).to_be_visible(timeout=PATIENCE_MS)
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
