"""`make screenshots`: the pictures of the README, made by the project itself.

The demo's story is played to the moment when the drawn reviewers read; then the page is photographed.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import ViewportSize, async_playwright

from bot.demo import Demo, open_demo
from bot.settings import Settings
from sandbox.player import Follow, play
from sandbox.story import PANEL, STORY
from tests.conftest import find_chromium
from tests.flows.page import BROWSER_OPTIONS

PICTURE = Path(__file__).parent.parent / "docs/pictures/chat-page.png"
SIZE = ViewportSize(width=1280, height=860)
READING = 10
"""Steps of the story until the first reviewer reads."""

MOST_BYTES = 400_000


async def photograph(demo: Demo, chromium: str) -> None:
    """Play the story to its tenth step and take the picture."""
    stage = demo.stage(pause=0)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(BROWSER_OPTIONS))
        page = await browser.new_page(viewport=SIZE, color_scheme="light", locale="en-GB")
        await page.goto(demo.url)
        await play(stage, STORY, until=READING)
        second, outsider = stage.person(PANEL[1]), stage.person("outsider")
        for person in (stage.person("anna"), stage.person(PANEL[0]), second, outsider):
            chip = page.locator(f".chip[data-person='{person.id}']")
            if await chip.get_attribute("aria-pressed") == "false":
                await chip.click()
        third = stage.person(PANEL[2])
        await page.locator(f".chip[data-person='{third.id}'][aria-pressed='true']").click()
        for person in (second, outsider):
            await page.locator(f".phone[data-person='{person.id}'] .tab").nth(1).click()
        await Follow("outsider", "review.button.read").do(stage)
        await page.locator(".alert").wait_for()
        await page.wait_for_timeout(1000)
        await page.screenshot(path=PICTURE)
        await browser.close()


async def main(chromium: str) -> None:
    """Run the demo for as long as it takes."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        async with open_demo(settings, 0, "en", print) as demo:
            await photograph(demo, chromium)


if __name__ == "__main__":
    found = find_chromium()
    if found is None:
        sys.exit("There is no Chromium on this machine (Debian package chromium).")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(found))
    if PICTURE.stat().st_size > MOST_BYTES:
        sys.exit(f"{PICTURE.name} is larger than {MOST_BYTES} bytes.")
