"""An emergency over the Bot API's protocol: asked for from the page, agreed to, looked at afterwards."""

from uuid import UUID

from models.case import Case, CaseStatus, Urgency
from tests.flows.harness import World
from tests.flows.test_review import Team, gather
from tests.flows.worlds import LANGUAGES
from tests.unit.services.fund import status


async def urgent(team: Team) -> UUID:
    """A small case in which help is needed today."""
    anna = await team.world.person("Anna", team.language)
    await anna.send("/start")
    await team.world.settle()
    team.fund.people["Applicant"] = anna.id
    case_id = await team.fund.case(urgency=Urgency.TODAY)
    await team.world.jump(seconds=1)
    return case_id


@LANGUAGES
async def test_a_reviewer_and_a_coordinator_grant_at_once(world: World, language: str) -> None:
    """The reviewer asks from the page they read, a coordinator agrees, the others judge it later."""
    team = await gather(world, language)
    case_id = await urgent(team)
    panel = await team.fund.panel(case_id)
    await team.on_card(panel[0], "review.button.read")
    reader, coordinator = team.reviewers[panel[0]], team.coordinators[1]
    await team.press(reader, "emergency.button.begin")
    await team.press(reader, "emergency.button.propose")
    agree = team.say("emergency.button.agree")
    asked = next(view for view in await coordinator.messages() if agree in view.labels)
    assert panel[0] in asked.text
    assert "umbrella" not in asked.text
    await team.press(coordinator, "emergency.button.agree")
    assert await status(team.fund, case_id) == CaseStatus.APPROVED
    assert (await coordinator.popups())[-1].text == team.say("emergency.popup.granted")
    for person in team.coordinators:
        assert not any(agree in view.labels for view in await person.messages())
    for sign, verdict in ((panel[1], "right"), (panel[2], "wrong")):
        judge = team.reviewers[sign]
        await team.press(judge, "review.button.read")
        assert any("umbrella" in view.text for view in await judge.messages())
        await team.press(judge, f"emergency.button.{verdict}")
        assert not any("umbrella" in view.text for view in await judge.messages())
    async with world.unit() as unit:
        code = (await unit.session.get_one(Case, case_id)).code
    texts = [view.text for view in await coordinator.messages()]
    assert team.say("emergency.reviewed", code=code, agreed=1, against=1, silent=0) in texts


@LANGUAGES
async def test_what_is_no_emergency_has_no_button(world: World, language: str) -> None:
    """The page of a case that can wait offers the vote only."""
    team = await gather(world, language)
    anna = await world.person("Anna", language)
    case_id = await team.case(anna)
    sign = (await team.fund.panel(case_id))[0]
    await team.on_card(sign, "review.button.read")
    page = next(view for view in await team.reviewers[sign].messages() if "umbrella" in view.text)
    labels = page.labels
    assert team.say("review.button.ask") in labels
    assert team.say("emergency.button.begin") not in labels
