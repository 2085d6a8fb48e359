"""Who never says how the money reaches them is reminded twice, gently; then only a number is seen."""

from uuid import UUID

import pytest

from bot.database import Resources
from models.case import Case, CaseStatus
from models.mail import EffectStatus
from models.panel import RailWait
from payments.ledger import Purpose, balance
from services import followup, reminders
from services.desk import read_desk
from services.speak import NOTICE
from tests.unit.services.desk import Desk
from tests.unit.services.fund import shows, volunteer


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """Treasurers, and money."""
    return await Desk(resources).open()


async def reminded(desk: Desk, **span: float) -> int:
    """How many notices are sent once so much time has passed."""
    desk.later(**span)
    await desk.run(reminders.JOBS)
    await desk.run(reminders.JOBS)
    async with desk.resources.unit() as unit:
        notices = [effect for effect in await shows(unit, NOTICE) if effect.case_id is not None]
        for effect in notices:
            effect.status = EffectStatus.DONE
        return len(notices)


async def silent(desk: Desk) -> int:
    """What the coordinators' desk counts."""
    async with desk.resources.unit() as unit:
        return (await read_desk(unit, await desk.actor(unit, "Alpha"))).silent


async def test_two_reminders_and_no_third(desk: Desk) -> None:
    """After three days and after ten; then the desk counts one."""
    await desk.approved()
    counts = [await reminded(desk, **span) for span in ({"hours": 1}, {"days": 2}, {"days": 1}, {"days": 6})]
    assert counts == [0, 0, 1, 0]
    assert await silent(desk) == 0
    assert await reminded(desk, days=1) == 1
    assert await silent(desk) == 1
    assert await reminded(desk, days=30) == 0


async def test_a_grant_that_nobody_claims_is_free_again(desk: Desk) -> None:
    """In time the case ends, what was set aside can be granted to others, and a coordinator hears of it."""
    rules = desk.resources.policy
    retention = rules.retention.model_copy(update={"unclaimed_days": 40})  # before coordinators must confirm anew
    desk.resources.policy = rules.model_copy(update={"retention": retention})
    case_id = await desk.approved()
    for span in ({"hours": 1}, {"days": 4}, {"days": 8}, {"days": 29}):
        await reminded(desk, **span)
    assert await silent(desk) == 1
    await reminded(desk, days=2)
    assert await silent(desk) == 0
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        assert case.status is CaseStatus.WITHDRAWN
        assert case.closed_at is not None
        assert not (await balance(unit, Purpose.RESERVED, unit.policy.currency)).amount
        told = (await volunteer(unit, "Alpha")).chat
        assert [effect for effect in await shows(unit, NOTICE) if effect.lane == told]


async def test_who_claims_late_keeps_the_grant(desk: Desk) -> None:
    """Months after the last reminder, and once they have said how, their case does not end."""
    case_id = await desk.approved()
    for span in ({"hours": 1}, {"days": 4}, {"days": 8}, {"days": 150}):
        await reminded(desk, **span)
    await desk.agreed(case_id)
    await reminded(desk, days=60)
    async with desk.resources.unit() as unit:
        assert (await unit.session.get_one(Case, case_id)).status is not CaseStatus.WITHDRAWN


async def test_who_has_confirmed_is_left_in_peace(desk: Desk) -> None:
    """After a long stop they are reminded once, not twice; and once they have agreed, never again."""
    case_id = await desk.approved()
    assert await reminded(desk) == 0
    assert await reminded(desk, days=20) == 1
    await desk.agreed(case_id)
    assert await reminded(desk, days=30) == 0
    assert await silent(desk) == 0
    async with desk.resources.unit() as unit:
        assert await unit.session.get(RailWait, case_id) is None


@pytest.mark.parametrize("why", ["no-messages", "withdrawn"])
async def test_who_must_not_be_written_to_is_not_reminded(desk: Desk, why: str) -> None:
    """Neither who asked for no messages, nor who has taken the request back."""
    case_id = await desk.approved()
    await reminded(desk)
    await ended(desk, case_id, why)
    assert await reminded(desk, days=4) == await reminded(desk, days=8) == 0
    assert await silent(desk) == (1 if why == "no-messages" else 0)


async def ended(desk: Desk, case_id: UUID, why: str) -> None:
    """The person wants no messages, or nothing at all."""
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        if why == "withdrawn":
            case.status = CaseStatus.WITHDRAWN
        else:
            await followup.stop(unit, case, "system")
