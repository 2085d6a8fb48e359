"""The chat page in Chromium: every role played by clicking and typing, and what the page shows of Telegram."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import expect

from bot.demo_people import Cast, Casting
from bot.settling import Settling
from payments.ledger import Purpose, balance
from payments.money import STARS, Money
from sandbox.telegram.server import BOT_USERNAME
from tests.flows.harness import World
from tests.flows.page import ChatPage, open_page
from texts.catalogue import load

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

TEXTS = load()
GROUP = "Review desk"
PRESSED = {
    "happened": "fine", "district": "volga", "urgency": "week", "zone": "utc3", "hours": "any", "messages": "yes",
}  # fmt: skip
TYPED = {"when": "yesterday", "need": "A fine", "amount": "15000", "story": "An umbrella.", "payout": "Card 2200"}
SKIPPED = ("deadline", "confirmation", "documents", "court")
INTERVIEW = (
    "happened", "district", "zone", "when", "urgency", "deadline", "need", "amount", "story", "confirmation",
    "documents", "payout", "court", "hours", "messages",
)  # fmt: skip


def say(key: str) -> str:
    """A text of the fund in English; where it has places, what stands before the first."""
    return TEXTS.render(key, "en").partition("{")[0].partition("\n")[0]


@pytest.fixture
async def cast(world: World) -> Cast:
    """Everybody of the demo, and their group; a jump of the page goes by steps."""
    filled = await Casting(world.town, world.resources, BOT_USERNAME, "en").fill()
    await world.settle()
    world.server.telegram.settle = Settling(world.app).settle
    return filled


@pytest.fixture
async def page(world: World, cast: Cast, chromium: str) -> AsyncIterator[ChatPage]:
    """The page with the fund behind it; no script may fail on it."""
    assert cast
    async with open_page(world.server.url, chromium) as opened:
        yield opened
        assert opened.errors == []


async def ask_for_help(page: ChatPage) -> None:
    """Anna goes through the interview and sends it."""
    await page.start("Anna")
    await page.press("Anna", say("start.button.answer"))
    for key in INTERVIEW:
        await page.reads("Anna", say(f"intake.ask.{key}"))
        if key in TYPED:
            await page.type("Anna", TYPED[key])
            await page.gone("Anna", TYPED[key])
        elif key in PRESSED:
            await page.press("Anna", say(f"intake.button.{key}.{PRESSED[key]}"))
        else:
            assert key in SKIPPED
            await page.press("Anna", say("intake.button.skip"))
    await page.press("Anna", say("intake.button.send"))
    await page.press("Anna", say("case.button.written"))
    await page.press("Anna", say("case.button.later"))
    await page.reads("Anna", say("case.state.in_review"))


async def decide(page: ChatPage, world: World, cast: Cast) -> None:
    """Reviewers find the card, read and approve; who was not drawn is told so."""
    names = [person.name for person in cast.reviewers]
    await world.settle()
    await page.show(*names)
    drawn = []
    for person in cast.reviewers:
        told = any(say("review.drawn") in view.text for view in await person.messages())
        drawn += [person.name] if told else []
        await page.open_chat(person.name, GROUP)
    [outsider] = set(names) - set(drawn)
    await page.press(outsider, say("review.button.read"))
    await page.accept(outsider, say("refused.not-on-panel"))
    await page.press(drawn[0], say("review.button.read"))
    await page.start(drawn[0])
    await page.reads(drawn[0], TYPED["story"])
    await expect(page.phone(drawn[0]).locator(".protected").last).to_be_visible()
    await page.open_chat(drawn[0], GROUP)
    for cast_before, name in enumerate(drawn[:2]):  # each vote is on the card as the one before has left it
        await page.reads(name, TEXTS.render("review.voted", "en", cast=cast_before, seats=len(drawn)))
        await page.press(name, say("review.button.approve"))
        await page.accept(name, say("review.popup.decided" if cast_before else "review.popup.voted"))
    await page.reads(drawn[2], "is closed")


async def test_a_whole_request_is_played_by_clicking(page: ChatPage, world: World, cast: Cast) -> None:
    """From START to "it has arrived", with nothing but what a newcomer sees on the page."""
    await page.show("Anna")
    await ask_for_help(page)
    await decide(page, world, cast)
    await page.show("Anna", "Egor")
    await page.press("Anna", say("relay.notice-open"))
    await page.press("Anna", say("review.button.rail"))
    await page.press("Anna", say("treasury.person.button.agree"))
    await page.press("Egor", say("treasury.button.open"))
    await page.press("Egor", say("treasury.button.claim"))
    await page.press("Egor", say("treasury.button.paid"))
    await page.reads("Egor", "Type the reference")
    await page.type("Egor", "A-1207")
    await page.press("Egor", say("treasury.button.paid-sure"))
    await page.reads("Egor", "Paid.")
    await page.jump("+3 days")
    await world.settle()
    while not any(say("followup.ask.arrived") in view.text for view in await cast.applicant.messages()):
        await page.jump("+1 hour")
        await world.settle()
    await page.press("Anna", say("followup.button.yes"))
    await page.reads("Anna", say("followup.done.good"))


async def test_the_clock_jumps_and_shows_it(page: ChatPage, world: World) -> None:
    """A day later the bar says so, and so does the town."""
    before = await world.town.now()
    shown = page.page.locator(".clock time")
    was = await shown.get_attribute("datetime") or ""
    await page.page.get_by_role("button", name="+1 day").click()
    await expect(shown).not_to_have_attribute("datetime", was)
    await page.page.wait_for_function(
        "was => new Date(document.querySelector('.clock time').dateTime) - new Date(was) >= 86400000", arg=was
    )
    assert await world.town.now() - before >= timedelta(days=1)


async def test_an_invitation_is_passed_on_to_somebody_else(page: ChatPage, world: World, cast: Cast) -> None:
    """A coordinator's link is opened as the newcomer, who presses START and is asked to agree."""
    await page.show("Gleb", "Pavel")
    await page.type("Gleb", "/start")
    await page.press("Gleb", say("start.button.volunteer"))
    await page.press("Gleb", say("volunteers.button.go-people"))
    await page.press("Gleb", say("volunteers.button.invite-reviewer"))
    await page.phone("Gleb").locator(".link").filter(has_text="t.me").last.click()
    await page.page.get_by_role("menuitem").filter(has_text="Pavel").click()
    await page.start("Pavel")
    await page.press("Pavel", say("volunteers.button.agree"))
    await page.reads("Pavel", say("volunteers.wait-confirmation"))
    assert await world.backlog()
    assert cast.newcomer.name == "Pavel"


async def test_stars_are_given_by_clicking(page: ChatPage, world: World, cast: Cast) -> None:
    """A giver asks for an invoice in stars, pays it on the page, and gets a receipt; the books hold the stars."""
    name = cast.donor.name
    await page.show(name)
    await page.start(name)
    await page.type(name, "/donate")
    await page.press(name, say("donate.button.stars"))
    await page.press(name, "500 ⭐")
    await page.press(name, say("donate.button.pay"))
    form = page.page.get_by_role("dialog")
    await expect(form).to_contain_text("Pay with Telegram Stars?")
    await form.get_by_role("button", name="Pay").click()
    await page.reads(name, "Thank you. 500 ⭐ arrived")
    async with world.unit() as unit:
        assert await balance(unit, Purpose.STARS, STARS) == Money(500, STARS)
