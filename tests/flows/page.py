"""The chat page in Chromium, used as a person uses it: by what is written on buttons and in fields."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Locator, Page, Response, ViewportSize, async_playwright, expect

BROWSER_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
SIZE = ViewportSize(width=1700, height=900)
MILLISECONDS = 30_000


@dataclass
class ChatPage:
    """The page, and what went wrong on it."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def phone(self, name: str) -> Locator:
        """The phone of a person."""
        return self.page.locator(f".phone[aria-label='{name}']")

    def chip(self, name: str) -> Locator:
        """The button in the bar that shows and hides a person."""
        return self.page.locator(".chip").filter(has_text=re.compile(f"{name}$"))

    async def show(self, *names: str) -> None:
        """Show these people and nobody else, once the page has shown those it begins with."""
        await self.page.locator(".chip").first.wait_for()
        while await (pressed := self.page.locator(".chip[aria-pressed=true]")).count():
            await pressed.first.click()
        for name in names:
            # The bar is drawn anew with any news: a chip gone between the button's down and up hears no click.
            while await self.chip(name).get_attribute("aria-pressed") != "true":
                await self.chip(name).click()

    async def open_chat(self, name: str, title: str) -> None:
        """Open one of a person's chats."""
        await self.phone(name).get_by_role("button", name=title).first.click()

    async def start(self, name: str) -> None:
        """Press the wide START below the messages."""
        await self.phone(name).locator(".wide").click()

    async def press(self, name: str, label: str) -> None:
        """Press the newest button of a message with this label."""
        await self.phone(name).locator(".key").get_by_text(label, exact=True).last.click()

    async def jump(self, label: str) -> None:
        """Let time pass, and wait until it has: until everything that was due on the way is done."""
        async with self.page.expect_response(_of_a_jump) as jumped:
            await self.page.get_by_role("button", name=label).click()
        await (await jumped.value).finished()

    async def accept(self, name: str, text: str) -> None:
        """Wait for an alert that says this, and press its OK."""
        alert = self.phone(name).get_by_role("alertdialog")
        await expect(alert).to_contain_text(text)
        await alert.get_by_role("button", name="OK").click()

    async def type(self, name: str, text: str) -> None:
        """Write a message and send it by the Enter key."""
        await self.phone(name).locator("textarea").fill(text)
        await self.phone(name).locator("textarea").press("Enter")

    async def reads(self, name: str, text: str) -> None:
        """Wait until a person's open chat shows a text."""
        await expect(self.phone(name).locator(".message").filter(has_text=text).last).to_be_visible()

    async def gone(self, name: str, text: str) -> None:
        """Wait until no message of the open chat shows a text."""
        await expect(self.phone(name).locator(".message").filter(has_text=text)).to_have_count(0)


@asynccontextmanager
async def open_page(url: str, chromium: str) -> AsyncIterator[ChatPage]:
    """Open the page in English; the errors of its scripts and requests are collected."""
    expect.set_options(timeout=MILLISECONDS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(BROWSER_OPTIONS))
        page = await browser.new_page(viewport=SIZE, locale="en-GB")
        page.set_default_timeout(MILLISECONDS)
        chat = ChatPage(page)
        page.on("pageerror", lambda error: chat.errors.append(str(error)))
        page.on("console", lambda line: chat.errors.append(line.text) if line.type == "error" else None)
        await page.goto(url)
        await page.locator("#bar .connection").wait_for()
        yield chat
        await browser.close()


def _of_a_jump(answer: Response) -> bool:
    """Whether it is the clock's answer to a jump."""
    return answer.request.method == "POST" and answer.url.endswith("/clock")
