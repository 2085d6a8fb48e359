"""The story that `plecho demo --play` plays; in English the program itself plays it (`unit/bot/test_run.py`)."""

import pytest

from bot.demo import Demo
from bot.demo_people import Casting
from bot.settling import Settling
from sandbox.player import play
from sandbox.story import STORY
from sandbox.telegram.server import BOT_USERNAME
from tests.flows.harness import World


@pytest.mark.soak
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_the_story_is_played_to_its_end(world: World) -> None:
    """Every step of the demo's story comes about, in Russian, and at the end nothing of Anna's request is left."""
    cast = await Casting(world.town, world.resources, BOT_USERNAME, "ru").fill()
    world.server.telegram.settle = Settling(world.app).settle
    demo = Demo(world.server.url, world.app, world.town, cast, "ru")
    await play(demo.stage(pause=0), STORY)
    told = await world.town.call("GET", "/narration")
    assert told["step"] == told["steps"] == len(STORY)
    umbrella = [view for view in await cast.applicant.messages() if "зонт" in view.text]
    assert umbrella == []


def test_every_step_is_told_in_both_languages() -> None:
    """No caption falls back to another language."""
    assert all(step.caption.keys() == {"en", "ru"} for step in STORY)
