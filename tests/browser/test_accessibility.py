"""No page has a serious or critical fault that axe-core knows of, in light and in dark."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from api.console_files import DIST

pytestmark = pytest.mark.browser
AXE = DIST.parent / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("/", "/calls", "/tickets", "/call-backs", "/figures", "/compare", "/wall")
GRAVE = """async () => {
  const found = await axe.run(document, { resultTypes: ['violations'] })
  return found.violations
    .filter((one) => ['serious', 'critical'].includes(one.impact))
    .flatMap((one) => one.nodes.map((node) => `${one.id} ${node.target.join(' ')} ${node.any[0]?.message ?? ''}`))
}"""
ROUTES = (DIST.parent / "src" / "router.ts").read_text(encoding="utf-8")
# Skeletons are gone and what the page is for is there.
READY = ".sheet table, .sheet dl, .card, [data-test=survey], .formulas article, form"
PATIENCE_MS = 60_000


def test_every_page_is_looked_at() -> None:
    known = {place.strip("/") for place in PAGES} | {"sign-in", "calls/:id", "tickets/:id", ":rest(.*)*"}
    assert {place.strip("/") for place in re.findall(r"path: '([^']*)'", ROUTES)} <= known


def grave(page: Page) -> list[str]:
    """The grave faults of what the page shows. the debugger may run axe, the page may not."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return list(page.evaluate(GRAVE))


def test_every_page_is_without_grave_faults(page: Page, sign_in: Callable[..., Page]) -> None:
    assert AXE.is_file(), "run `python tools/build_console.py --force`: it installs axe-core"
    page.goto("/sign-in")
    page.wait_for_selector("form")
    found = {"/sign-in": grave(page)}
    sign_in()
    ids = {
        "/calls": page.request.get("/api/calls?limit=1&state=ended").json()["items"][0]["id"],
        "/tickets": page.request.get("/api/tickets?limit=1").json()["items"][0]["id"],
    }
    places = (*PAGES, *(f"{folder}/{one}" for folder, one in ids.items()))
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        for place in places:
            page.goto(place)
            page.locator(READY).first.wait_for(timeout=PATIENCE_MS)
            page.wait_for_function("() => !document.querySelector('.el-skeleton')", timeout=PATIENCE_MS)
            found[f"{place} ({theme})"] = grave(page)
    faults = [f"{place}: {fault}" for place, one in found.items() for fault in one]
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)
