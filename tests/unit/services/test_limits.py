"""What costs others work has an end for each account, and calling for help has none."""

from datetime import timedelta

import pytest
from sqlmodel import select

from bot.database import Resources
from models.allowance import Allowance
from models.case import Case
from models.errors import BadInput
from sandbox.clock import TravelClock
from services import attachments, calls, danger, erasure, intake, limits, submission
from services.limits import CHANGES, FILES, JOBS, LINES, SENDINGS
from tests.unit.services.asker import actor_of, case_of, draft, submitted
from tests.unit.services.fund import Fund


@pytest.mark.parametrize("end", ["withdraw", "erase"])
async def test_sending_over_and_over_comes_to_an_end(resources: Resources, clock: TravelClock, end: str) -> None:
    """Neither taking a request back nor erasing it lets one account call panels together without end."""
    for _ in range(SENDINGS.most):
        case_id, _ = await submitted(resources)
        async with resources.unit() as unit:
            if end == "erase":
                await erasure.erase(unit, await actor_of(unit))
            else:
                await submission.withdraw(unit, await actor_of(unit), await case_of(unit, case_id))
    await draft(resources)
    async with resources.unit() as unit:
        actor = await actor_of(unit)
        with pytest.raises(BadInput, match=SENDINGS.key):
            await submission.submit(unit, actor, intake.own(actor))
    clock.advance(SENDINGS.within)
    async with resources.unit() as unit:
        actor = await actor_of(unit)
        await submission.submit(unit, actor, intake.own(actor))


async def test_files_taken_back_are_counted(resources: Resources) -> None:
    """Removing files and sending others costs a download each time, and so is counted."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        actor, case = await actor_of(unit), await case_of(unit, case_id)
        for number in range(FILES.most):
            if number % attachments.FILES == 0:
                await attachments.remove_files(unit, actor, case)
            await attachments.request_file(unit, actor, case, f"file-{number}", 10)
        await attachments.remove_files(unit, actor, case)
        with pytest.raises(BadInput, match=FILES.key):
            await attachments.request_file(unit, actor, case, "one more", 10)


async def test_nobody_rings_a_panel_without_end(resources: Resources, clock: TravelClock) -> None:
    """Each change of what is read tells three people and ends their votes; so many a day, and files count too."""
    case_id, _ = await submitted(resources)

    async def change(text: str) -> None:
        async with resources.unit() as unit:
            await submission.give_answer(unit, await actor_of(unit), await case_of(unit, case_id), "story", text)

    for number in range(CHANGES.most):
        await change(f"In other words {number}.")
    with pytest.raises(BadInput, match=CHANGES.key):
        await change("And once more.")
    async with resources.unit() as unit:
        with pytest.raises(BadInput, match=CHANGES.key):
            await attachments.remove_files(unit, await actor_of(unit), await case_of(unit, case_id))
    clock.advance(CHANGES.within)
    await change("The next day.")


@pytest.mark.parametrize("key", ["story", "added"])
async def test_a_change_too_many_changes_nothing(resources: Resources, key: str) -> None:
    """What is refused is not in the row either: votes would be bound to a version that nobody has read."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        actor, case = await actor_of(unit), await case_of(unit, case_id)
        await submission.give_answer(unit, actor, case, key, "Before.")
        for _ in range(CHANGES.most - 1):
            await limits.spend(unit, actor.chat, CHANGES)
    async with resources.unit() as unit:  # committed all the same, as where a handler says the refusal itself
        actor, case = await actor_of(unit), await case_of(unit, case_id)
        version = case.version
        with pytest.raises(BadInput, match=CHANGES.key):
            await submission.give_answer(unit, actor, case, key, "Another story altogether.")
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        assert (await intake.read_answer(unit, case, key), case.version) == ("Before.", version)


async def test_a_repeat_is_told_of_whatever_was_changed_before(resources: Resources) -> None:
    """A destination that makes a case a possible repeat asks for every vote anew, also after many changes."""
    destination = "TRX 4111 1111 1111 1111"
    other, _ = await submitted(resources, number=4_000_002)
    async with resources.unit() as unit:
        actor = await actor_of(unit, 4_000_002)
        await submission.give_answer(unit, actor, await case_of(unit, other), "payout", destination)
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        actor, case = await actor_of(unit), await case_of(unit, case_id)
        for _ in range(CHANGES.most):
            await limits.spend(unit, actor.chat, CHANGES)
        version = case.version
        await submission.give_answer(unit, actor, case, "payout", destination)
        assert (case.possible_repeat, case.version) == (True, version + 1)


async def test_lines_have_an_end_and_calls_have_none(resources: Resources) -> None:
    """Too many lines at once are refused; the call stands, and a new one is taken at once."""
    fund = Fund(resources)
    await fund.coordinators()
    case_id = await fund.case(begin=False)
    async with resources.unit() as unit:
        actor, case = await fund.actor(unit, "Applicant"), await unit.session.get_one(Case, case_id)
        assert await danger.call(unit, case) == 2
        standing = await calls.open_call(unit, case)
        assert standing is not None
        for _ in range(LINES.most):
            await danger.reply(unit, actor, standing.id, "they are at the door")
        with pytest.raises(BadInput, match=LINES.key):
            await danger.reply(unit, actor, standing.id, "they are at the door")
        assert await danger.call(unit, case) == 2
        await danger.end_for(unit, case, "system")
        assert await danger.call(unit, case) == 2


async def test_counts_are_forgotten(resources: Resources, clock: TravelClock) -> None:
    """No count is kept longer than its span."""
    await submitted(resources)
    clock.advance(SENDINGS.within - timedelta(minutes=1))
    for left in (1, 0):
        (job,) = JOBS
        async with resources.unit() as unit:
            for person in await job.find(unit):
                await job.handle(unit, person)
        async with resources.unit() as unit:
            assert len((await unit.session.exec(select(Allowance))).all()) == left
        clock.advance(timedelta(minutes=2))


async def test_a_refusal_says_how_long_to_wait(resources: Resources) -> None:
    """Minutes are rounded up, so that whoever waits them is not refused again."""
    async with resources.unit() as unit:
        actor = await actor_of(unit)
        for _ in range(LINES.most):
            await limits.spend(unit, actor.chat, LINES)
        with pytest.raises(BadInput) as refused:
            await limits.spend(unit, actor.chat, LINES)
    assert refused.value.params == {"minutes": 10}
