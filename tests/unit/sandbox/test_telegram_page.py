"""What the chat page needs beside Telegram: the parts people play, their app's language, captions."""

from datetime import timedelta
from itertools import pairwise

from aiogram import Bot

from sandbox.telegram.client import Person, Town
from sandbox.telegram.server import TelegramServer


async def test_a_part_is_shown_to_the_page_and_never_to_the_bot(town: Town, ear: Bot) -> None:
    """What somebody plays is a matter of the chat page."""
    vera = await town.person("Vera", part="reviewer")
    await vera.send("/start")
    [seen] = await town.call("GET", "/people")
    assert seen["part"] == "reviewer"
    [update] = await ear.get_updates(timeout=1)
    assert update.message
    assert update.message.from_user
    assert not update.message.from_user.model_extra


async def test_the_app_of_a_person_changes_its_language(anna: Person, ear: Bot) -> None:
    """The bot learns the new language with the next message."""
    await anna.set_language("en")
    await anna.send("hello")
    update = (await ear.get_updates(offset=-1, timeout=1))[0]
    assert update.message
    assert update.message.from_user
    assert update.message.from_user.language_code == "en"


async def test_a_caption_is_told_and_kept_for_pages_opened_late(town: Town, anna: Person) -> None:
    """The page shows the latest caption, until an empty one ends it."""
    assert await town.call("GET", "/narration") == {}
    await town.narrate("Anna asks.", [anna], step=1, steps=9)
    told = {"text": "Anna asks.", "people": [anna.id], "chat": None, "step": 1, "steps": 9}
    assert await town.call("GET", "/narration") == told
    await town.narrate("")
    assert await town.call("GET", "/narration") == {}


async def test_a_jump_goes_by_steps_where_the_bot_can_be_waited_for(town: Town, server: TelegramServer) -> None:
    """After each stretch of at most six hours the bot does what is due, so that nothing is missed."""
    times = [await town.now()]

    async def settle() -> None:
        times.append(server.clock.now())

    server.telegram.settle = settle
    await town.advance(timedelta(days=1, hours=1))
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert len(steps) == 5
    assert all(step < timedelta(hours=6, minutes=1) for step in steps)
    assert sum(steps, timedelta()) >= timedelta(days=1, hours=1)
