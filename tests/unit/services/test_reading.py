"""Reading a case."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlmodel import select

from models.audit import AuditEntry
from models.case import Attachment, Case
from models.errors import NotAllowed, Stale
from models.mail import Effect, EffectKind, SentMessage
from services import reading, relay, review, standing, voting
from services.intake import write_answer
from services.messages import sent_place
from services.panel import reading_slot
from services.questions import DONE
from services.reading import PAGE, paged
from services.submission import ADDED
from tests.unit.services.fund import Fund, volunteer
from vault.types import SealedBytes


@example(["🙂" * 2 * PAGE, "a" + "🙂" * (PAGE // 2)])
@given(st.lists(st.text(max_size=3 * PAGE), max_size=4))
def test_pages_hold_everything_and_fit(parts: list[str]) -> None:
    """No page is longer than a message takes, and no character is lost."""
    pages = paged(parts)
    assert all(len(page.encode("utf-16-le")) // 2 <= PAGE for page in pages)
    assert "".join(pages).replace("\n", "") == "".join(parts).replace("\n", "")


async def test_the_panel_reads_the_story_and_nothing_else(fund: Fund) -> None:
    """Payout and contact are not on any page, and each page is on the record."""
    case_id = await fund.case()
    sign = (await fund.panel(case_id))[0]
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        page = await reading.read(unit, await fund.actor(unit, sign), case, 0)
        entries = (await unit.session.exec(select(AuditEntry).where(AuditEntry.act == "case.read"))).all()
        assert [entry.actor for entry in entries] == [str((await volunteer(unit, sign)).id)]
    assert "umbrella" in page.text
    assert "4111" not in page.text
    assert (page.number, page.count) == (0, 1)


async def test_what_was_added_later_is_read_once(fund: Fund) -> None:
    """Words added after sending stand below the answers, a single time."""
    case_id = await fund.case()
    sign = (await fund.panel(case_id))[0]
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await write_answer(unit, case, ADDED, "The umbrella came back.")
        page = await reading.read(unit, await fund.actor(unit, sign), case, 0)
    assert page.text.count("The umbrella came back.") == 1


async def test_files_are_pages_and_no_answer(fund: Fund) -> None:
    """That the person pressed Done below their files does not tell the panel that there are any."""
    case_id = await fund.case()
    sign = (await fund.panel(case_id))[0]
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await write_answer(unit, case, "documents", DONE)
        actor = await fund.actor(unit, sign)
        page = await reading.read(unit, actor, case, 0)
    assert unit.texts.render("intake.title.documents", actor.language) not in page.text
    assert page.count == 1


async def test_a_page_past_the_end_is_the_last(fund: Fund) -> None:
    """A button of a longer version leads to what there is: here a picture after the words."""
    case_id = await fund.case()
    sign = (await fund.panel(case_id))[0]
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        picture = Attachment(case_id=case_id, request_id=UUID(int=1), media_type="image/jpeg", created_at=unit.now)
        unit.session.add(picture)
        page = await reading.read(unit, await fund.actor(unit, sign), case, 9)
    assert (page.number, page.count, page.picture) == (1, 2, picture.id)


@pytest.mark.parametrize("sign", ["Alpha", "Applicant", "Stranger"])
async def test_who_may_not_read(fund: Fund, sign: str) -> None:
    """Coordinators do not, strangers do not, and the applicant has a screen of their own."""
    case_id = await fund.case()
    async with fund.resources.unit() as unit:
        with pytest.raises(NotAllowed):
            await reading.read(unit, await fund.actor(unit, sign), await unit.session.get_one(Case, case_id), 0)


async def test_a_closed_case_is_read_by_nobody(fund: Fund) -> None:
    """Not even by those who decided it."""
    case_id = await fund.case()
    panel = await fund.panel(case_id)
    for sign in panel[:2]:
        async with fund.resources.unit() as unit:
            await voting.approve(unit, await fund.actor(unit, sign), await unit.session.get_one(Case, case_id))
    for sign in panel:
        async with fund.resources.unit() as unit:
            with pytest.raises(Stale):
                await reading.read(
                    unit, await fund.actor(unit, sign), await unit.session.get_one(Case, case_id), 0
                )


async def test_a_question_and_its_answer_are_read_with_the_case(fund: Fund) -> None:
    """Without names of who asked."""
    case_id = await fund.case()
    sign, other, _ = await fund.panel(case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await relay.ask(unit, await fund.actor(unit, sign), case, "Which court was it?")
        await relay.answer_question(unit, await fund.actor(unit, "Applicant"), case, "The second one.")
        page = await reading.read(unit, await fund.actor(unit, other), case, 0)
    assert "Which court was it?" in page.text
    assert "The second one." in page.text
    assert sign not in page.text


@pytest.mark.parametrize("ending", ["aside", "suspended", "decided", "erased", "changed"])
async def test_what_is_being_read_goes_at_once(fund: Fund, ending: str) -> None:
    """When its reader leaves the case, however that comes about, the page does not wait for its ten minutes."""
    case_id = await fund.case()
    sign, second, third = await fund.panel(case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        actor = await fund.actor(unit, sign)
        sent = SentMessage(
            lane=actor.chat,
            slot=reading_slot(case_id),
            address=SealedBytes(b""),
            sent_at=unit.now,
            erase_at=unit.now,
        )
        sent.address = unit.vault.seal_server(b"[3, 5]", sent_place(sent.id))
        unit.session.add(sent)
        if ending == "aside":
            await voting.step_aside(unit, actor, case)
        elif ending == "suspended":
            await standing.suspend(unit, await fund.actor(unit, "Alpha"), (await volunteer(unit, sign)).id)
        elif ending == "erased":
            await review.close_for_erasure(unit, case)
        elif ending == "changed":
            await review.case_changed(unit, case)
        else:
            await voting.approve(unit, await fund.actor(unit, second), case)
            await voting.approve(unit, await fund.actor(unit, third), case)
        erased = await unit.session.exec(
            select(Effect.slot).where(Effect.kind == EffectKind.ERASE, Effect.lane == actor.chat)
        )
        assert reading_slot(case_id) in erased.all()
