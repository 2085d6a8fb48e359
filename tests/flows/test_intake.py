"""The applicant's path over the real Bot API protocol: ask, send, look, add, erase, recover."""

import pytest
from sqlmodel import col, select

from models.case import Case, CaseStatus
from services.questions import KEYS
from tests.flows.harness import World
from tests.flows.interview import Applicant, applicant


async def own_messages(asker: Applicant) -> list[str]:
    """What the person themselves has written and can still be read."""
    return [view.text for view in await asker.person.messages() if not view.from_bot]


async def cases(world: World) -> list[Case]:
    """Every case that is stored."""
    async with world.unit() as unit:
        return list((await unit.session.exec(select(Case).order_by(col(Case.created_at)))).all())


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("receiving", ["polling", "webhook"], indirect=True)
async def test_a_person_asks_sends_and_sees_where_it_stands(world: World, language: str) -> None:
    """The whole interview works in both languages over both ways of hearing, on one screen."""
    asker = await applicant(world, language=language)
    await asker.start()
    review = await asker.answer_all()
    assert asker.say("intake.review.ask") in review.text
    sent = await asker.press("intake.button.send")
    assert sent.protected
    (case,) = await cases(world)
    assert case.code in sent.text
    shown = await asker.press("case.button.written")
    assert asker.say("case.ask.check") in shown.text
    shown = await asker.type("blue teapot")
    assert "blue teapot" in shown.text
    assert asker.say("case.state.in_review") in shown.text
    assert await own_messages(asker) == []
    assert len(await asker.person.messages()) == 1
    assert (case.category, case.urgency, case.amount) == ("fine", "week", 1_500_000)
    assert case.status is CaseStatus.IN_REVIEW


async def test_a_half_done_interview_survives_a_crash(world: World) -> None:
    """After a kill and a restart the person goes on at the question where they were."""
    asker = await applicant(world)
    await asker.start()
    await asker.answer_all(KEYS[:7])
    await world.kill()
    await world.start()
    shown = await asker.reply("story")
    assert asker.say("intake.ask.confirmation") in shown.text
    await asker.type("/start")
    shown = await asker.press("start.button.resume")
    assert asker.say("intake.ask.confirmation") in shown.text
