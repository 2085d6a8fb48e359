"""Possible matches are decided by people who have no part in them; an old list is spoken of daily."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.audit import AuditEntry
from models.case import Case
from models.errors import BadInput, ButtonGone, NotAllowed, OwnCase
from models.screening import QuestionStatus, ScreeningQuestion
from models.volunteer import Role
from payments.screening import State, Subject, SubjectKind, check, questions
from sandbox.clock import TravelClock
from services import erasure, screening, screening_screens, treasury
from tests.unit.payments.screening.house import TYPED, ask, load_both, load_eu, load_sdn
from tests.unit.services.desk import Desk, make_desk
from tests.unit.services.fund import volunteer

REASON = "Born in another year, and lives in another country."


@pytest.fixture
async def desk(resources: Resources, tmp_path: Path) -> Desk:
    """A desk with three treasurers and two coordinators, and both lists of today."""
    made = await make_desk(resources)
    await load_both(resources, tmp_path)
    return made


async def question(desk: Desk, **more: object) -> UUID:
    """One open question about a partner."""
    verdict = await ask(desk.resources, SubjectKind.PARTNER, TYPED, **more)
    return verdict.questions[0]


async def decide(desk: Desk, sign: str, question_id: UUID, *, same: bool = False, reason: str = REASON) -> None:
    """Somebody decides."""
    async with desk.resources.unit() as unit:
        await screening.decide(unit, await desk.actor(unit, sign), question_id, reason, same=same)


@pytest.mark.parametrize("sign", ["Till", "Alpha"])
async def test_a_treasurer_or_a_coordinator_decides(desk: Desk, sign: str) -> None:
    """The decision holds; the log tells who decided what about which entry, not a word of subject or reason."""
    asked = await question(desk)
    await decide(desk, sign, asked)
    assert (await ask(desk.resources, SubjectKind.PARTNER, TYPED)).decided
    async with desk.resources.unit() as unit:
        stored = await unit.session.get_one(ScreeningQuestion, asked)
        assert await questions.reason_of(unit, stored) == REASON
        assert stored.decided_by == (await volunteer(unit, sign)).id
        facts = [entry.facts for entry in (await unit.session.exec(select(AuditEntry))).all()]
    assert not [fact for fact in facts if "Chodor" in fact or "Born" in fact or "KHODOR" in fact]
    assert [fact for fact in facts if '"ref":"1"' in fact]


async def test_the_same_is_blocked(desk: Desk) -> None:
    """After "the same" nothing is paid, and the reason stays."""
    await decide(desk, "Till", await question(desk), same=True)
    assert (await ask(desk.resources, SubjectKind.PARTNER, TYPED)).state is State.BLOCKED


@pytest.mark.parametrize("reason", ["", "  ", "no", "x" * 1001, "\u200b" * 20])
async def test_a_decision_needs_a_reason(desk: Desk, reason: str) -> None:
    """A word is no reason, nor is nothing at all."""
    asked = await question(desk)
    with pytest.raises(BadInput):
        await decide(desk, "Till", asked, reason=reason)
    assert (await ask(desk.resources, SubjectKind.PARTNER, TYPED)).state is State.POSSIBLE


async def test_whoever_has_no_right_is_refused(desk: Desk) -> None:
    """Reviewers and strangers neither read nor decide."""
    await desk.confirmed("Heron", Role.REVIEWER)
    asked = await question(desk)
    for sign in ("Heron", "Stranger"):
        with pytest.raises(NotAllowed):
            await decide(desk, sign, asked)
        async with desk.resources.unit() as unit:
            actor = await desk.actor(unit, sign)
            for deed in (screening.read(unit, actor, asked), screening_screens.show_lists(unit, actor)):
                with pytest.raises(NotAllowed):
                    await deed


async def test_whoever_has_a_part_in_it_is_refused(desk: Desk) -> None:
    """The caller names who is involved; they see neither the words nor a button, and others still do."""
    async with desk.resources.unit() as unit:
        till = await volunteer(unit, "Till")
        await check(unit, Subject(SubjectKind.PARTNER, TYPED, involved=frozenset({till.id})))
        asked = (await unit.session.exec(select(ScreeningQuestion.id))).one()
    with pytest.raises(NotAllowed, match=r"screening\.refused\.involved"):
        await decide(desk, "Till", asked)
    async with desk.resources.unit() as unit:
        assert await screening.to_decide(unit, await desk.actor(unit, "Till")) == []
        assert len(await screening.to_decide(unit, await desk.actor(unit, "Coin"))) == 1


async def test_nobody_decides_about_their_own_case_or_payout(desk: Desk) -> None:
    """Not the person of the case, not the treasurer who holds its payout; another treasurer may."""
    payout_id = await desk.queued(owner="Purse")
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        await treasury.claim(unit, await desk.actor(unit, "Till"), payout_id)
    asked = await question(desk, case_id=case.id)
    with pytest.raises(OwnCase):
        await decide(desk, "Purse", asked)
    with pytest.raises(NotAllowed):
        await decide(desk, "Till", asked)
    await decide(desk, "Coin", asked)


async def test_a_decided_question_is_gone(desk: Desk) -> None:
    """A button of yesterday does nothing."""
    asked = await question(desk)
    await decide(desk, "Till", asked)
    with pytest.raises(ButtonGone):
        await decide(desk, "Coin", asked, same=True)


async def test_erasing_a_case_erases_its_questions(desk: Desk) -> None:
    """What was asked about a person goes with the person; questions about others stay."""
    await desk.queued()
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
    await question(desk, case_id=case.id)
    kept = await question(desk)
    async with desk.resources.unit() as unit:
        await erasure.erase(unit, await desk.actor(unit, "Applicant"))
    async with desk.resources.unit() as unit:
        assert (await unit.session.exec(select(ScreeningQuestion.id))).all() == [kept]


async def test_those_who_may_decide_are_told_once_and_then_daily(desk: Desk, clock: TravelClock) -> None:
    """One notice for all that is open, to each who may decide; again after a day, until it is decided."""
    asked = await question(desk)
    for hours, times in ((0, 1), (1, 1), (24, 2)):
        clock.advance(timedelta(hours=hours))
        await desk.run(screening.JOBS[:1])
        for sign in ("Till", "Alpha"):
            texts = await desk.notices(sign)
            assert texts.count("1 question about a name waits for you.") == times, (sign, hours)
    await decide(desk, "Coin", asked)
    assert "A question about a name has been decided." in (await desk.notices("Till"))[-1]
    clock.advance(timedelta(days=2))
    await desk.run(screening.JOBS[:1])
    assert (await desk.notices("Alpha")).count("1 question about a name waits for you.") == 2


async def test_an_old_list_is_spoken_of_once_and_then_daily(
    desk: Desk, clock: TravelClock, tmp_path: Path
) -> None:
    """Treasurers hear of each list; nothing is said while all is well, nor once it is loaded anew."""

    async def heard() -> int:
        await desk.run(screening.JOBS[1:2])
        return sum("missing or too old" in text for text in await desk.notices("Till"))

    assert await heard() == 0
    clock.advance(timedelta(days=8))
    assert await heard() == 2
    clock.advance(timedelta(hours=23))
    assert await heard() == 2
    clock.advance(timedelta(hours=2))
    assert await heard() == 4
    await load_sdn(desk.resources, tmp_path)
    await load_eu(desk.resources, tmp_path)
    clock.advance(timedelta(days=1))
    assert await heard() == 4
    assert not any("missing or too old" in text for text in await desk.notices("Alpha"))


async def test_nothing_is_said_where_nothing_rests(resources: Resources) -> None:
    """A fund that pays by hand and has never loaded a list is left in peace."""
    desk = await make_desk(resources)
    await desk.run(screening.JOBS)
    assert not any("missing or too old" in text for text in await desk.notices("Till"))


async def test_decisions_go_after_the_policys_years(desk: Desk, clock: TravelClock) -> None:
    """What is decided is kept for the policy's years; what is open stays open."""
    await decide(desk, "Till", await question(desk))
    still = await question(desk, whose="another")
    clock.advance(timedelta(days=3700))
    await desk.run(screening.JOBS[2:])
    async with desk.resources.unit() as unit:
        assert (await unit.session.exec(select(ScreeningQuestion.id))).all() == [still]
        assert (await unit.session.exec(select(ScreeningQuestion.status))).all() == [QuestionStatus.OPEN]


async def test_the_view_shows_lists_and_questions(desk: Desk, clock: TravelClock) -> None:
    """Versions, dates, sizes of both lists, what is open, and one question side by side in protected content."""
    asked = await question(desk)
    async with desk.resources.unit() as unit:
        await screening_screens.show_lists(unit, await desk.actor(unit, "Till"))
    text = (await desk.screen("Till"))["text"]
    assert "✅ OFAC, SDN list" in text
    assert "3 names, 2 wallets" in text
    assert "1 question is open; you can decide 1." in text
    async with desk.resources.unit() as unit:
        await screening_screens.show_question(unit, await desk.actor(unit, "Till"), asked)
    screen = await desk.screen("Till")
    assert screen["protect"]
    assert TYPED in screen["text"]
    assert "KHODORYCHEV Yevgeny Fyodorovich" in screen["text"]
    assert "Listed under: RUSSIA-EO14024" in screen["text"]
    clock.advance(timedelta(days=30))
    async with desk.resources.unit() as unit:
        await screening_screens.show_lists(unit, await desk.actor(unit, "Till"))
    assert "🔴 EU, consolidated list: too old" in (await desk.screen("Till"))["text"]


async def test_a_long_subject_fits_on_the_screen(desk: Desk) -> None:
    """Telegram counts UTF-16 units and takes 4096 of them."""
    verdict = await ask(desk.resources, SubjectKind.PARTNER, f"{TYPED} {'🙂' * 5000}")
    async with desk.resources.unit() as unit:
        await screening_screens.show_question(unit, await desk.actor(unit, "Till"), verdict.questions[0])
    assert len((await desk.screen("Till"))["text"].encode("utf-16-le")) // 2 <= 4096
