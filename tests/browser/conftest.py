"""One seeded web process and one Chromium for all browser tests; each test has a page of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from api.console_files import DIST
from tests.browser.stories import PASSWORD

ROOT = Path(__file__).parents[2]
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
TIMEOUT_MS = 15_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-screenshots", action="store_true", help="write the pictures of the README into docs/images"
    )


class WebProcess(subprocess.Popen[str]):
    """The web process under test and where it answers."""

    address = ""


@pytest.fixture(scope="package")
def web_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    """A web process with a seeded day."""
    with web_process_of("tests.browser.serve", tmp_path_factory.mktemp("console")) as server:
        yield server


@contextmanager
def web_process_of(module: str, home: Path) -> Iterator[WebProcess]:
    """A web process with what this module seeds."""
    if not (DIST / "index.html").is_file():
        pytest.fail("the console is not built: run `python tools/build_console.py`", pytrace=False)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
    log = home / "server.log"
    with log.open("wb") as errors:
        server = WebProcess(
            [sys.executable, "-m", module, str(home / "home")],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert server.stdout is not None
            server.address = server.stdout.readline().strip()  # comes when the seed is in; empty when the process died
            if not server.address:
                pytest.fail(f"the web process did not start:\n{log.read_text()[-2000:]}", pytrace=False)
            yield server
        finally:
            server.terminate()
            server.wait(timeout=10)
            server.stdout and server.stdout.close()


@pytest.fixture(scope="package")
def console_address(web_process: WebProcess) -> str:
    """Where the seeded web process answers."""
    return web_process.address


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Ends with this folder's tests: Playwright's event loop would disturb asynchronous ones."""
    path = which("chromium") or which("chromium-browser")
    if path is None:
        pytest.fail("chromium is missing: install Debian's package `chromium`", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, console_address: str) -> Iterator[Page]:
    """A fresh page that nobody has signed in to. A console error or a broken policy on it fails the test."""
    context = chromium.new_context(
        base_url=console_address, viewport={"width": 1440, "height": 900}, locale="zh-CN", color_scheme="light"
    )
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    faults: list[str] = []
    expected: list[str] = []
    page.on("console", lambda message: _note(message, faults, expected))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.error('policy', e.violatedDirective, e.blockedURI))"
    )
    page.expected_errors = expected  # type: ignore[attr-defined]
    yield page
    context.close()
    assert faults == []


def _note(message: ConsoleMessage, faults: list[str], expected: list[str]) -> None:
    if message.type in ("error", "warning") and not any(part in message.text for part in expected):
        faults.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")


@pytest.fixture
def sign_in(page: Page) -> Callable[..., Page]:
    """Sign in as a seeded user and wait for the first page."""

    def sign_in(login: str = "leader1", to: str = "/") -> Page:
        page.goto(to)
        page.fill("input[name=login]", login)
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-test=user-menu]")
        return page

    return sign_in


@pytest.fixture
def picture(request: pytest.FixtureRequest, page: Page) -> Callable[[str], None]:
    """Save what the page shows beside the other results of the test run; when asked, renew those of docs/images."""
    update = request.config.getoption("--update-screenshots", default=False)
    shown = ROOT / "docs" / "images"

    def take(name: str) -> None:
        folder = shown if update and (shown / f"console-{name}.png").is_file() else ROOT / "test-results"
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"console-{name}.png", animations="disabled")

    return take
