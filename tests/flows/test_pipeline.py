"""The pipeline as a whole: over the Bot API's protocol, against the stand-in."""

import pytest

from tests.flows.harness import World

BOTH = pytest.mark.parametrize("receiving", ["polling", "webhook"], indirect=True)


@BOTH
async def test_a_stray_message_is_erased_and_answered(world: World) -> None:
    """What a person wrote leaves the chat, and the screen leads home in their language."""
    anna = await world.person("Anna")
    await anna.send("что-то")
    await world.settle()
    seen = await anna.messages()
    assert [view.from_bot for view in seen] == [True]
    assert seen[0].text == world.resources.texts.render("pipeline.stray", "ru")
    assert seen[0].labels == [world.resources.texts.render("pipeline.open", "ru")]
