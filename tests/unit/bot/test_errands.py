"""Errands give way to people who wait for an answer, and only for a while."""

from collections.abc import Sequence
from typing import Any

import pytest

from bot import errands
from bot.database import Resources
from bot.errands import Errand, Errands
from bot.listening import listening_bot
from bot.metrics import Metrics
from models.unit import Unit


async def looked(resources: Resources, answers: list[bool]) -> int:
    """How often it was asked whether somebody is busy before the look was made; the last answer stands."""
    asked: list[bool] = []
    seen: list[int] = []

    async def find(_unit: Unit) -> Sequence[Any]:
        seen.append(len(asked))
        return ()

    async def run(_resources: Resources, _bot: object, _row: object) -> None:
        """Nothing is ever due."""

    def busy() -> bool:
        asked.append(True)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    bot = listening_bot("1:x", "http://127.0.0.1:9")
    runner = Errands(resources, bot, [Errand("e", find, run)], Metrics(), ran=lambda: None, busy=busy)
    await runner.run_due_now()
    await bot.session.close()
    [count] = seen
    return count


async def test_a_look_waits_until_nobody_is_being_answered(resources: Resources) -> None:
    """As long as an answer is under way nothing is looked for."""
    assert await looked(resources, [True, True, True, False]) == 4


async def test_a_look_is_not_put_off_for_ever(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody is always being answered, errands are run all the same."""
    monkeypatch.setattr(errands, "PATIENCE_SECONDS", 3 * errands.STEP_SECONDS)
    assert await looked(resources, [True]) >= 3
