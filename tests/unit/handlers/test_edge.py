"""What happens around every handler: a second press is answered calmly, and there is one line that refuses."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count

import pytest
from aiogram import Bot
from sqlmodel import select

from bot.database import Resources
from handlers import funding, refusals, treasury
from handlers.edge import build_dispatcher
from models.mail import Keyboard
from services.keyboards import PRESSED, SECOND_PRESS
from services.speak import NOTICE, Button, Screen, notify
from tests.unit.handlers.phone import Phone
from tests.unit.services.desk import make_desk

DONE, GONE = "Done already.", "This button is out of date. Send /start to go on."


@pytest.fixture
async def phone(resources: Resources) -> AsyncIterator[Phone]:
    """An open desk, a payout that waits, and a phone for everybody."""
    desk = await make_desk(resources)
    await desk.queued()
    bot = Bot("1:none")
    made = Phone(desk, build_dispatcher(treasury.build_router(), funding.build_router()), bot, count(100))
    for sign in ("Till", "Coin"):
        await made.opens(sign, "treasury.desk")
    yield made
    await bot.session.close()


async def button(phone: Phone, sign: str, label: str) -> str:
    """What stands behind a button of somebody's screen."""
    return phone.data(label, await phone.desk.screen(sign))


async def test_a_second_press_is_done_already(phone: Phone) -> None:
    """What the first press has done is not done twice, and nobody is alarmed; its screen stands."""
    data = await button(phone, "Till", "⏳")
    await phone.presses_data("Till", data)
    after = await phone.text("Till")
    await phone.presses_data("Till", data)
    assert await phone.popup() == (DONE, False)
    assert await phone.text("Till") == after


async def test_what_was_not_pressed_is_out_of_date(phone: Phone) -> None:
    """Another button of the same screen has done nothing: it may not say so."""
    pressed, other = await button(phone, "Till", "⏳"), await button(phone, "Till", "Money came in")
    await phone.presses_data("Till", pressed)
    await phone.presses_data("Till", other)
    assert await phone.popup() == (GONE, True)


async def test_nobody_elses_press_is_done(phone: Phone) -> None:
    """A button that somebody forwarded stays what it was: not theirs."""
    data = await button(phone, "Till", "⏳")
    await phone.presses_data("Till", data)
    await phone.presses_data("Coin", data)
    assert await phone.popup() == (GONE, True)


async def test_a_minute_later_it_is_out_of_date(phone: Phone) -> None:
    """Whoever comes back to an old message is told to open it anew; the row is due to go."""
    data = await button(phone, "Till", "⏳")
    await phone.presses_data("Till", data)
    phone.desk.later(seconds=SECOND_PRESS / timedelta(seconds=1))
    await phone.presses_data("Till", data)
    assert await phone.popup() == (GONE, True)
    async with phone.desk.resources.unit() as unit:
        left = [row for row in (await unit.session.exec(select(Keyboard))).all() if row.buttons[0][0] == PRESSED]
    assert left
    assert not any("position" in str(row.buttons) for row in left)
    assert all(row.expires_at <= phone.desk.resources.clock.now() for row in left)


async def test_a_refused_press_is_not_done(phone: Phone) -> None:
    """Two take the same payout: the slower one's second press says nothing of "done"."""
    for sign in ("Till", "Coin"):
        await phone.presses(sign, "⏳")
    data = await button(phone, "Coin", "Take it")
    await phone.presses("Till", "Take it")
    for _ in range(2):
        await phone.presses_data("Coin", data)
        assert (await phone.popup())[1]


async def test_one_line_refuses(phone: Phone) -> None:
    """Wrong amounts do not pile up: each refusal replaces the earlier one, and a right amount ends it."""
    await phone.says("Till", "/fund")
    for typed in ("many", "10.999", "-5"):
        await phone.says("Till", typed)
    (line,) = await phone.desk.said("Till", refusals.SLOT)
    assert line["text"] == "I need an amount greater than zero, like 150."
    await phone.says("Till", "15000")
    assert await phone.desk.said("Till", refusals.SLOT) == []


async def test_a_command_brings_its_screen_to_the_bottom(phone: Phone) -> None:
    """Whoever types looks there, and notices may stand below the screen; a press leaves it in its place."""
    assert not (await phone.desk.screen("Till"))["anew"]
    await phone.says("Till", "/fund")
    assert (await phone.desk.screen("Till"))["anew"]


async def test_a_notice_that_is_pressed_brings_the_screen_below_it(phone: Phone) -> None:
    """What a notice opens is not shown far up, in a screen that stood there before it."""
    async with phone.desk.resources.unit() as unit:
        till = await phone.desk.actor(unit, "Till")
        await notify(unit, till.to, Screen("x", [[Button("Look", "treasury.desk")]]))
    (notice,) = [each for each in await phone.desk.said("Till", NOTICE) if each["text"] == "x"]
    await phone.presses("Till", "Look", notice)
    assert (await phone.desk.screen("Till"))["anew"]
