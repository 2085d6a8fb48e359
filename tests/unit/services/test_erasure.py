"""Erasing: nothing of a case can be read any more, whatever crashes, and the report is exact."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from bot.database import Resources
from models.audit import AuditEntry
from models.base import table_of
from models.case import Answer, Attachment, AttachmentRequest, Case, CaseStatus, Question
from models.followup import FollowUp, FollowUpKind
from models.grant import Payout, PayoutStatus
from models.mail import Conversation, Effect, EffectKind, EffectStatus, Keyboard, SentMessage
from models.panel import Recusal, Seat, Vote, VoteKind
from models.unit import Unit
from payments import grants
from sandbox.clock import TravelClock
from services import attachments, checkphrase, danger, erasure, panel, submission
from services.contact import Address, To, lane_of, read_contact
from services.erasure import Erased, erase
from services.speak import Button, Screen, show
from services.submission import withdraw
from tests.unit.services.asker import ASKER, actor_of, case_of, draft, standing, submitted
from tests.unit.services.founding import peopled
from tests.unit.services.fund import Fund, shows, volunteer
from vault.errors import CompartmentShredded
from vault.types import BlindIndex, Compartment, SealedBytes

FINISH = next(job for job in erasure.JOBS if job.name == "erasure.finish")


async def full_case(resources: Resources) -> UUID:
    """A case under review with files, a check phrase, follow-up words, a screen, buttons and a conversation."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        actor, case = await actor_of(unit), await case_of(unit, case_id)
        await checkphrase.choose_check_phrase(unit, actor, case, "canary-check")
        await attachments.request_file(unit, actor, case, "canary-file", 10)
        (request,) = await attachments.due_requests(unit)
        await attachments.add_pages(unit, request, [b"canary-page"])
        await attachments.request_file(unit, actor, case, "canary-waiting", 10)
        unit.session.add(
            FollowUp(case_id=case_id, kind=FollowUpKind.MONTH, due_at=unit.now, words=SealedBytes(b"sealed"))
        )
        standing(unit, ASKER, 900, case)
        standing(unit, ASKER, 901, slot="notice:1")
        await show(unit, To(Address(ASKER), "en"), Screen("x", [[Button("open", "case.open")]]), case=case)
        lane = lane_of(unit, Address(ASKER))
        unit.session.add(Conversation(lane=lane, person=lane, state="case:add", changed_at=unit.now))
    return case_id


async def erased(resources: Resources, number: int = ASKER) -> Erased:
    """Erase everything of an account, committed."""
    async with resources.unit() as unit:
        return await erase(unit, await actor_of(unit, number))


def names(files: Path) -> set[str]:
    """What lies in the directory."""
    return {path.name for path in files.iterdir()}


async def nothing_left(unit: Unit, case_id: UUID) -> None:
    """Check that no row and no key of the case can tell anything."""
    case = await case_of(unit, case_id)
    assert case.status is CaseStatus.SHREDDED
    assert [case.chat, case.contact, case.check_phrase, case.recovery_hash] == [None] * 4
    assert [case.category, case.urgency, case.amount] == [None] * 3
    for table in (Answer, Question, Attachment, AttachmentRequest):
        assert (await unit.session.exec(select(table).where(col(table.case_id) == case_id))).all() == []
    words = await unit.session.exec(select(FollowUp.words).where(FollowUp.case_id == case_id))
    assert set(words.all()) <= {None}
    lane = lane_of(unit, Address(ASKER))
    for mail in (Keyboard, Conversation):
        assert (await unit.session.exec(select(mail).where(col(mail.lane) == lane))).all() == []
    assert await unit.vault.shredded([case_id]) == {case_id}
    for compartment in Compartment:
        with pytest.raises(CompartmentShredded):
            await unit.vault.unlock(case_id, compartment)


async def test_everything_of_a_case_goes(resources: Resources, files: Path) -> None:
    """Rows, keys, files, buttons and conversation go, and every message of the chat is being deleted."""
    case_id = await full_case(resources)
    assert await erased(resources) == Erased(1, 2, 0, 0, money_moving=False, money_let_go=False)
    async with resources.unit() as unit:
        await nothing_left(unit, case_id)
        assert (await actor_of(unit)).case is None
        lane = lane_of(unit, Address(ASKER))
        effects = (await unit.session.exec(select(Effect).where(Effect.lane == lane))).all()
        assert {effect.kind for effect in effects} == {EffectKind.ERASE}
    assert names(files) == set()


@pytest.mark.parametrize("status", [status for status in CaseStatus if status is not CaseStatus.SHREDDED])
async def test_a_case_can_be_erased_in_every_state(resources: Resources, status: CaseStatus) -> None:
    """There is no state in which a person must wait to have their case erased."""
    case_id = await full_case(resources)
    async with resources.unit() as unit:
        (await case_of(unit, case_id)).status = status
    assert (await erased(resources)).cases == 1
    async with resources.unit() as unit:
        await nothing_left(unit, case_id)


async def test_no_delivery_tells_whose_case_it_was(resources: Resources) -> None:
    """What was delivered about a case names a chat and a moment: it goes with the case."""
    case_id = await full_case(resources)
    async with resources.unit() as unit:
        await unit.session.execute(update(table_of(Effect)).values(status=EffectStatus.DONE))
    await erased(resources)
    async with resources.unit() as unit:
        assert (await unit.session.exec(select(Effect).where(Effect.case_id == case_id))).all() == []


async def test_earlier_cases_go_too(resources: Resources) -> None:
    """What is erased includes what was taken back or closed before, and the draft after it."""
    first = await full_case(resources)
    async with resources.unit() as unit:
        await withdraw(unit, await actor_of(unit), await case_of(unit, first))
    second = await draft(resources, "happened")
    assert (await erased(resources)).cases == 2
    async with resources.unit() as unit:
        await nothing_left(unit, first)
        await nothing_left(unit, second)


async def test_erasing_twice_says_that_nothing_was_there(resources: Resources) -> None:
    """The second press, or a person without a case, is answered honestly and harms nobody."""
    other, _ = await submitted(resources, 5)
    await full_case(resources)
    await erased(resources)
    assert (await erased(resources)).cases == 0
    assert (await erased(resources, 88)) == Erased(0, 0, 0, 0, money_moving=False, money_let_go=False)
    async with resources.unit() as unit:
        assert (await read_contact(unit, await case_of(unit, other))).address == 5


async def test_what_came_after_the_case_was_read_goes_too(resources: Resources) -> None:
    """A phrase or a decision that is committed while the person's event is being handled is erased as well."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        actor = await actor_of(unit)
        late = update(table_of(Case)).where(table_of(Case).c.id == case_id)
        await unit.session.execute(
            late.values(status=CaseStatus.APPROVED, recovery_hash="late", check_phrase=b"late")
        )
        assert (await erase(unit, actor)).cases == 1
    async with resources.unit() as unit:
        await nothing_left(unit, case_id)


async def test_messages_too_old_for_telegram_are_counted(resources: Resources, clock: TravelClock) -> None:
    """What a bot may no longer delete is named as such, never as deleted."""
    await full_case(resources)
    clock.advance(timedelta(hours=49))
    async with resources.unit() as unit:
        standing(unit, ASKER, 950, slot="notice:2")
    done = await erased(resources)
    assert (done.messages, done.too_old) == (1, 2)


async def test_a_volunteer_keeps_what_concerns_others(resources: Resources) -> None:
    """A volunteer who erases their own request keeps the notices of their work."""
    fund = await peopled(resources, treasurers=["Gamma"], group=False)
    number = fund.people["Gamma"]
    case_id, _ = await submitted(resources, number)
    async with resources.unit() as unit:
        for sent in (await unit.session.exec(select(SentMessage))).all():
            await unit.session.delete(sent)
        await unit.session.flush()
        standing(unit, number, 1, await case_of(unit, case_id), slot="notice:own")
        standing(unit, number, 2)
        standing(unit, number, 3, slot="notice:work")
    assert (await erased(resources, number)).messages == 2


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("point", ["before the keys", "after the keys"])
async def test_a_crash_in_between_is_finished(resources: Resources, files: Path, point: str) -> None:
    """Before the keys are gone nothing has happened; after, nobody can read it and the clock sweeps the rows."""
    case_id = await full_case(resources)

    async def crash() -> None:
        async with resources.unit() as unit:
            case = await unit.session.get(Case, case_id)
            assert case is not None
            if point == "after the keys":
                await erasure.shred_case(unit, case, "system")
            raise Crash

    with pytest.raises(Crash):
        await crash()
    async with resources.unit() as unit:
        found = await FINISH.find(unit)
        assert (await case_of(unit, case_id)).status is CaseStatus.IN_REVIEW
        assert found == ([case_id] if point == "after the keys" else [])
        if point == "before the keys":
            assert (await read_contact(unit, await case_of(unit, case_id))).address == ASKER
            return
        with pytest.raises(CompartmentShredded):
            await unit.vault.unlock(case_id, Compartment.story)
        await FINISH.handle(unit, case_id)
        await FINISH.handle(unit, case_id)
    async with resources.unit() as unit:
        await nothing_left(unit, case_id)
        assert await FINISH.find(unit) == []
    assert names(files) == set()


async def test_the_clock_leaves_an_erasure_under_way_to_itself(resources: Resources) -> None:
    """The clock may look between keys and commit: it must not drop what the person is about to be told."""
    case_id = await full_case(resources)
    async with resources.unit() as unit:
        await erase(unit, await actor_of(unit))
        assert await unit.vault.shredded([case_id]) == {case_id}  # now the clock finds it, and waits
        await show(unit, To(Address(ASKER), "en"), Screen("erased"))
    async with resources.unit() as unit:
        await FINISH.handle(unit, case_id)
    async with resources.unit() as unit:
        assert len(await shows(unit, "screen")) == 1


async def test_a_restored_backup_brings_nothing_back(resources: Resources) -> None:
    """Rows of a shredded case that come back from a backup stay closed and are swept."""
    case_id = await full_case(resources)
    await resources.vault.shred(case_id)
    async with resources.unit() as unit:
        assert await FINISH.find(unit) == [case_id]
        await FINISH.handle(unit, case_id)
        await nothing_left(unit, case_id)


async def test_nothing_left_points_at_a_person(resources: Resources) -> None:
    """Day in court, who knows the person, amounts voted, destination's fingerprint and code go with the case."""
    case_id = await full_case(resources)
    fund = Fund(resources)
    await fund.coordinators()
    await fund.confirmed("Heron")
    async with resources.unit() as unit:
        code = (await case_of(unit, case_id)).code
        heron = await volunteer(unit, "Heron")
        await panel.bar(unit, await case_of(unit, case_id), heron)
        unit.session.add(FollowUp(case_id=case_id, kind=FollowUpKind.COURT_BEFORE, due_at=unit.now))
        seat = Seat(case_id=case_id, volunteer_id=heron.id, drawn_at=unit.now, due_at=unit.now)
        unit.session.add(seat)
        await unit.session.flush()
        unit.session.add(
            Vote(
                seat_id=seat.id, case_id=case_id, volunteer_id=heron.id, case_version=1, kind=VoteKind.APPROVE,
                amount=777, cast_at=unit.now,
            )
        )  # fmt: skip
        grant = await grants.approve(unit, await case_of(unit, case_id), 777, "system")
        unit.session.add(
            Payout(
                grant_id=grant.id, rail="manual", status=PayoutStatus.PAID, destination=BlindIndex("fingerprint"),
                created_at=unit.now,
            )
        )  # fmt: skip
    await erased(resources)
    async with resources.unit() as unit:
        assert (await case_of(unit, case_id)).code != code
        assert (await unit.session.exec(select(Recusal))).all() == []
        assert (await unit.session.exec(select(FollowUp.kind))).all() == [FollowUpKind.MONTH]
        assert (await unit.session.exec(select(Vote.amount))).all() == [None]
        assert (await unit.session.exec(select(Payout.destination))).all() == [None]


async def test_the_log_does_not_say_which_volunteer_asked(resources: Resources) -> None:
    """What a volunteer does with their own request is logged in the name of the case: the log is never erased."""
    fund = await peopled(resources, treasurers=["Gamma"], group=False)
    number = fund.people["Gamma"]
    async with resources.unit() as unit:
        gamma = str((await volunteer(unit, "Gamma")).id)
        query = select(AuditEntry.act).where(AuditEntry.actor == gamma)
        before = (await unit.session.exec(query)).all()
    case_id, _ = await submitted(resources, number)
    async with resources.unit() as unit:
        actor, case = await actor_of(unit, number), await case_of(unit, case_id)
        await checkphrase.choose_check_phrase(unit, actor, case, "canary-check")
        await submission.add(unit, actor, case, "canary-more")
        await danger.call_from_case(unit, actor, case)
    await erased(resources, number)
    async with resources.unit() as unit:
        assert (await unit.session.exec(query)).all() == before
