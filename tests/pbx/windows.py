"""Browser windows of agents: Chromium with a voice for a microphone, on a console whose https is of its own CA."""

import hashlib
import ssl
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import which

import httpx
import numpy as np
import soundfile
import soxr
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from ivr.prompts.speech import Speech, Voice
from tests.browser.stories import PASSWORD

ROOT = Path(__file__).parents[2]
HOST = "hotline.test"
SAID = "您好，市民热线，请问有什么可以帮您？请您慢慢说，我在记录。"
WITHIN_MS = 60_000


def own_authority(folder: Path) -> Path:
    """A certificate authority made for this test, and a certificate for HOST."""
    subprocess.run([ROOT / "tools" / "own_ca.sh", folder, HOST, "127.0.0.1"], check=True, capture_output=True)
    return folder


def answers(authority: Path, port: int) -> bool:
    """Whether the console is there, with a certificate that this authority vouches for."""
    trust = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    try:
        return httpx.get(f"https://127.0.0.1:{port}/api/health", verify=trust, trust_env=False, timeout=5).is_success
    except httpx.ConnectError:
        return False


def voice_file(speech: Speech, folder: Path) -> Path:
    """What the agent says, over and over, as a browser's microphone hears it (48 kHz)."""
    spoken = folder / "agent-8k.wav"
    speech.synthesise(SAID, spoken, Voice(variant="f3"))
    samples, rate = soundfile.read(spoken, dtype="float32")
    target = folder / "agent.wav"
    soundfile.write(target, np.asarray(soxr.resample(samples, rate, 48_000)), 48_000, subtype="PCM_16")
    return target


def _key_of(authority: Path) -> str:
    """How Chromium names the key of the console: base64 of the SHA-256 of its SubjectPublicKeyInfo."""
    pem = subprocess.run(
        ["openssl", "x509", "-in", authority / "web.pem", "-noout", "-pubkey"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "der"], input=pem.encode(), check=True, capture_output=True
    ).stdout
    return b64encode(hashlib.sha256(der).digest()).decode()


@asynccontextmanager
async def browser(authority: Path, voice: Path, port: int) -> AsyncIterator[BrowserContext]:
    """A browser that takes the key of our console, and of no other unknown one, and speaks with this voice."""
    path = which("chromium") or which("chromium-browser")
    assert path is not None, "chromium is missing: install Debian's package `chromium`"
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={voice}",
        "--allow-loopback-in-peer-connection",
        f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
        f"--ignore-certificate-errors-spki-list={_key_of(authority)}",
    ]
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=arguments)
        context = await chromium.new_context(
            base_url=f"https://{HOST}:{port}", viewport={"width": 1440, "height": 900}, locale="zh-CN"
        )
        context.set_default_timeout(WITHIN_MS)
        expect.set_options(timeout=WITHIN_MS)
        try:
            yield context
        finally:
            await chromium.close()


async def signed_in(context: BrowserContext, login: str) -> Page:
    """A window of this person."""
    page = await context.new_page()
    await page.goto("/")
    await page.fill("input[name=login]", login)
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("[data-test=user-menu]")
    return page


async def picture(page: Page, name: str) -> None:
    """Save what the page shows beside the other results of the test run."""
    folder = ROOT / "test-results"
    folder.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=folder / f"softphone-{name}.png", animations="disabled")
