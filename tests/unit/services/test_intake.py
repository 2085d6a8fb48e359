"""The interview as a service: drafts, answers, where the person stands, sending, changing, taking back."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import ALLOWED, Answer, Case, CaseStatus
from models.errors import BadInput, NotAllowed, Refused, Stale
from models.states import move
from sandbox.clock import TravelClock
from services import attachments, checkphrase, erasure, intake, submission
from services.contact import read_contact
from services.questions import BY_KEY, KEYS, SKIPPED
from services.seats import lock_open
from tests.unit.services.asker import ANSWERS, ASKER, actor_of, case_of, draft, submitted
from vault.errors import CompartmentShredded
from vault.phrase import phrase_matches
from vault.types import Compartment, Secret


def test_codes_are_readable_and_do_not_repeat() -> None:
    """A code has no letter that looks like another, and chance does not repeat one."""
    codes = {intake.new_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert all(set(code) <= {*intake.LETTERS, "-"} and len(code) == 9 for code in codes)


async def test_a_person_has_one_draft(resources: Resources) -> None:
    """Beginning again finds the draft that is there, with its answers."""
    first = await draft(resources, "happened", "district")
    async with resources.unit() as unit:
        actor = await actor_of(unit)
        case = await intake.begin(unit, actor)
        assert case.id == first
        assert await intake.position(unit, case) == "zone"
        assert case.chat == actor.chat
        assert case.category is None


async def test_each_answer_is_sealed_in_its_compartment(resources: Resources) -> None:
    """Where the money goes and how the person is reached are not readable with the key of the story."""
    case_id = await draft(resources)
    async with resources.unit() as unit:
        rows = (await unit.session.exec(select(Answer).where(Answer.case_id == case_id))).all()
        assert {row.question: row.compartment for row in rows} == {key: BY_KEY[key].compartment for key in KEYS}
        assert not any(b"canary" in bytes(row.text) for row in rows)
        case = await case_of(unit, case_id)
        assert await intake.read_answers(unit, case) == ANSWERS
        assert set(await intake.read_answers(unit, case, Compartment.payout)) == {"payout"}
        assert await intake.read_answer(unit, case, "payout") == "canary-payout"
        assert await intake.read_answer(unit, case, "district") is None


@pytest.mark.parametrize(("zone", "ahead"), [(None, 1), ("Europe/Kaliningrad", 0), ("Asia/Kamchatka", 1)])
async def test_today_is_the_persons_own(
    resources: Resources, clock: TravelClock, zone: str | None, ahead: int
) -> None:
    """Half past nine in the evening by UTC it is tomorrow in Moscow and not yet in Kaliningrad."""
    case_id = await draft(resources, "happened")
    now = clock.now()
    evening = now.replace(hour=21, minute=30) + (timedelta(days=1) if now.hour >= 21 else timedelta())
    clock.advance(evening - now)
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        if zone:
            await intake.write_answer(unit, case, "zone", zone)
        typed = await intake.typed_value(unit, await actor_of(unit), case, "when", "today")
    assert typed == (evening.date() + timedelta(days=ahead)).isoformat()


@pytest.mark.parametrize(
    ("answered", "key", "following"),
    [
        (("happened",), "happened", "district"),
        (("happened", "district", "zone"), "happened", "when"),
        (("district",), "district", "zone"),
        (KEYS, "happened", None),
        (KEYS[1:], "messages", "happened"),
    ],
)
async def test_the_interview_goes_on_at_the_next_open_question(
    resources: Resources, answered: tuple[str, ...], key: str, following: str | None
) -> None:
    """After an answer comes the next question without one, wrapping round to any left open before."""
    case_id = await draft(resources, *answered)
    async with resources.unit() as unit:
        assert await intake.following(unit, await case_of(unit, case_id), key) == following


@pytest.mark.parametrize("key", [key for key in KEYS if not BY_KEY[key].skippable])
async def test_what_is_needed_cannot_be_skipped(resources: Resources, key: str) -> None:
    """Neither by a button nor by sending without it."""
    with pytest.raises(BadInput, match=r"intake\.bad\.needed"):
        intake.skipped_value(key)
    await draft(resources, *(other for other in KEYS if other != key))
    async with resources.unit() as unit:
        actor = await actor_of(unit)
        with pytest.raises(BadInput, match=r"intake\.bad\.unfinished"):
            await submission.submit(unit, actor, intake.own(actor))


async def test_sending_writes_the_clear_facts_and_nothing_else(resources: Resources) -> None:
    """The card's facts are clear from sending on; the contact is the profile; the phrase is only a slow hash."""
    case_id, phrase = await submitted(resources)
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        assert (case.status, case.category, case.urgency, case.amount) == ("in_review", "fine", "week", 1_500_000)
        assert (case.expires_at, case.policy_version) == (None, unit.policy.version)
        contact = await read_contact(unit, case)
        assert (contact.address, contact.zone, contact.from_hour, contact.to_hour) == (ASKER, "Asia/Omsk", 10, 21)
        assert contact.may_write
        assert case.recovery_hash is not None
        assert phrase not in case.recovery_hash
        assert await phrase_matches(Secret(phrase), case.recovery_hash)


async def test_a_case_is_sent_once(resources: Resources) -> None:
    """A second press of Send is refused and makes no second phrase."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        actor = await actor_of(unit)
        before = (await case_of(unit, case_id)).recovery_hash
        with pytest.raises(Stale, match=r"intake\.refused\.sent"):
            await submission.submit(unit, actor, intake.own(actor))
        with pytest.raises(Stale, match=r"intake\.refused\.sent"):
            await intake.begin(unit, actor)
        assert (await case_of(unit, case_id)).recovery_hash == before


@pytest.mark.parametrize(
    ("key", "value", "rises"),
    [
        ("story", "another", True),
        ("amount", "2000000 RUB", True),
        ("payout", "another", False),
        ("zone", "Asia/Yakutsk", False),
        ("messages", "no", False),
    ],
)
async def test_a_correction_asks_for_votes_anew_only_when_it_must(
    resources: Resources, key: str, value: str, *, rises: bool
) -> None:
    """What the panel judges raises the version; where the money goes and how to reach the person do not."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        actor = await actor_of(unit)
        case = await case_of(unit, case_id)
        version = case.version
        await submission.give_answer(unit, actor, case, key, value)
        assert (case.version > version) is rises
        assert await intake.read_answer(unit, case, key) == value
        if key == "amount":
            assert case.amount == 2_000_000
        contact = await read_contact(unit, case)
        assert (contact.zone == "Asia/Yakutsk") is (key == "zone")
        assert contact.may_write is (key != "messages")


async def test_what_is_added_stands_behind_what_was_added(resources: Resources) -> None:
    """Adding twice keeps both, up to a bound, and asks for votes anew each time."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        actor, case = await actor_of(unit), await case_of(unit, case_id)
        await submission.add(unit, actor, case, "first")
        await submission.add(unit, actor, case, "second")
        assert await intake.read_answer(unit, case, "added") == "first\n\nsecond"
        assert case.version == 3
        for _ in range(6):
            await submission.add(unit, actor, case, "x" * 3000)
        with pytest.raises(BadInput, match=r"intake\.bad\.long"):
            await submission.add(unit, actor, case, "x" * 3000)


@pytest.mark.parametrize("status", [CaseStatus.DECLINED, CaseStatus.PAYING, CaseStatus.PAID, CaseStatus.APPROVED])
async def test_what_was_decided_on_stays(resources: Resources, status: CaseStatus) -> None:
    """After the decision neither the story nor the destination changes; how to reach the person still may."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        actor, case = await actor_of(unit), await case_of(unit, case_id)
        case.status = status
        for key in ("story", "payout", "amount", "added"):
            with pytest.raises(Stale, match=r"case\.refused\.fixed"):
                await submission.give_answer(unit, actor, case, key, "other")
        await submission.give_answer(unit, actor, case, "messages", "no")
        assert not (await read_contact(unit, case)).may_write


@pytest.mark.parametrize("change", ["answer", "files"])
async def test_a_change_waits_for_a_decision_at_the_same_moment(resources: Resources, change: str) -> None:
    """Whoever corrects while the panel decides comes too late, and neither stops the other."""
    case_id, _ = await submitted(resources)
    looked = asyncio.Event()

    async def decide() -> None:
        async with resources.unit() as unit:
            case = await case_of(unit, case_id)
            await lock_open(unit, case)
            if not resources.is_sqlite:  # there the second transaction begins when the first is over
                await looked.wait()
            await move(unit, case, CaseStatus.DECLINED, ALLOWED, "system")

    async def change_it() -> None:
        async with resources.unit() as unit:
            actor, case = await actor_of(unit), await case_of(unit, case_id)
            looked.set()
            if change == "answer":
                await submission.give_answer(unit, actor, case, "story", "canary-late")
            else:
                await attachments.remove_files(unit, actor, case)

    decided, refused = await asyncio.gather(decide(), change_it(), return_exceptions=True)
    assert decided is None
    assert isinstance(refused, Stale)
    async with resources.unit() as unit:
        assert await intake.read_answer(unit, await case_of(unit, case_id), "story") == ANSWERS["story"]


async def test_another_way_to_be_paid_can_be_asked_for(resources: Resources) -> None:
    """A returned payment forgets the destination, and another one is taken."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        case.status = CaseStatus.APPROVED
        await submission.give_answer(unit, await actor_of(unit), case, "hours", "0-24")
        await intake.forget_answer(unit, case, "payout")
        assert await intake.read_answer(unit, case, "payout") is None
        assert await submission.asked_again(unit, case) == "payout"
        await submission.give_answer(unit, await actor_of(unit), case, "payout", "another")
        assert await submission.asked_again(unit, case) is None


async def test_nobody_changes_another_persons_case(resources: Resources) -> None:
    """Every act on a case begins by asking whose it is."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        stranger, case = await actor_of(unit, 77), await case_of(unit, case_id)
        for act in (
            submission.give_answer(unit, stranger, case, "story", "x"),
            submission.submit(unit, stranger, case),
            submission.add(unit, stranger, case, "x"),
            submission.withdraw(unit, stranger, case),
            submission.order_phrase(unit, stranger, case),
            checkphrase.choose_check_phrase(unit, stranger, case, "x"),
        ):
            with pytest.raises(NotAllowed):
                await act
        with pytest.raises(Stale, match=r"intake\.refused\.no-case"):
            intake.own(stranger)


async def test_a_withdrawn_case_is_over(resources: Resources) -> None:
    """Taken back once; the person may ask anew; a second time is refused."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        actor, case = await actor_of(unit), await case_of(unit, case_id)
        await submission.withdraw(unit, actor, case)
        assert case.status is CaseStatus.WITHDRAWN
        with pytest.raises(Refused):
            await submission.withdraw(unit, actor, case)
    second = await draft(resources, "happened")
    assert second != case_id


async def test_the_check_phrase_is_sealed_and_read_back(resources: Resources) -> None:
    """It is one line, stored sealed, and bounded."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        actor, case = await actor_of(unit), await case_of(unit, case_id)
        assert await checkphrase.read_check_phrase(unit, case) is None
        await checkphrase.choose_check_phrase(unit, actor, case, " blue\n  teapot ")
        assert await checkphrase.read_check_phrase(unit, case) == "blue teapot"
        assert b"teapot" not in (case.check_phrase or b"")
        with pytest.raises(BadInput, match=r"intake\.bad\.long"):
            await checkphrase.choose_check_phrase(unit, actor, case, "x" * 61)
        for guessed in ("x", "abc", "- ж - !"):
            with pytest.raises(BadInput, match=r"case\.bad\.check"):
                await checkphrase.choose_check_phrase(unit, actor, case, guessed)


async def test_a_draft_is_shredded_when_its_hours_are_over(resources: Resources, clock: TravelClock) -> None:
    """A half-done interview is found before, and nobody can read it after; a sent case stays."""
    sent, _ = await submitted(resources, 5)
    left = await draft(resources, "happened", "story")
    job = next(job for job in erasure.JOBS if job.name == "intake.expire")
    async with resources.unit() as unit:
        assert await job.find(unit) == []
        await job.handle(unit, left)
        assert (await case_of(unit, left)).status is CaseStatus.DRAFT
    clock.advance(timedelta(hours=24, minutes=1))
    async with resources.unit() as unit:
        assert await job.find(unit) == [left]
        await job.handle(unit, left)
        await job.handle(unit, left)
        case = await case_of(unit, left)
        assert (case.status, case.chat, case.contact) == (CaseStatus.SHREDDED, None, None)
        assert (await actor_of(unit)).case is None
        assert (await unit.session.exec(select(Answer).where(Answer.case_id == left))).all() == []
        with pytest.raises(CompartmentShredded):
            await unit.vault.unlock(left, Compartment.story)
        assert (await case_of(unit, sent)).status is CaseStatus.IN_REVIEW


async def test_a_skipped_question_is_not_asked_again(resources: Resources) -> None:
    """Skipping is an answer: empty, stored, and shown as skipped."""
    case_id = await draft(resources, "happened", "district")
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        assert (await intake.read_answers(unit, case))["district"] == SKIPPED
        assert await intake.position(unit, case) == "zone"


async def test_cases_of_two_people_do_not_mix(resources: Resources) -> None:
    """Each actor is given their own case and no other."""
    first, second = await draft(resources, number=1), await draft(resources, number=2)
    async with resources.unit() as unit:
        assert {(await actor_of(unit, number)).case.id for number in (1, 2)} == {first, second}  # type: ignore[union-attr]
        assert (await unit.session.exec(select(Case))).all() != []


async def without_dollars(resources: Resources, amount: str = "10000 USD") -> UUID:
    """A draft about dollars, whose rate the policy then loses."""
    case_id = await draft(resources)
    async with resources.unit() as unit:
        await submission.give_answer(unit, await actor_of(unit), await case_of(unit, case_id), "amount", amount)
    return case_id


def drop_dollars(resources: Resources) -> None:
    """A new policy knows no rate for them."""
    left = {currency: rate for currency, rate in resources.policy.rates.items() if currency != "USD"}
    resources.policy = resources.policy.model_copy(update={"rates": left})


async def test_a_draft_in_a_currency_without_a_rate_is_not_sent_but_corrected(resources: Resources) -> None:
    """Its person reads what is wrong, and nothing of it is lost."""
    case_id = await without_dollars(resources)
    drop_dollars(resources)
    with pytest.raises(BadInput, match=r"intake\.bad\.rate"):
        async with resources.unit() as unit:
            await submission.submit(unit, await actor_of(unit), await case_of(unit, case_id))
    async with resources.unit() as unit:
        actor, case = await actor_of(unit), await case_of(unit, case_id)
        await submission.give_answer(unit, actor, case, "amount", ANSWERS["amount"])
        await submission.submit(unit, actor, case)
        assert (case.status, case.amount) == (CaseStatus.IN_REVIEW, 1_500_000)


async def test_a_case_in_a_currency_without_a_rate_goes_on(resources: Resources) -> None:
    """What was asked for is worth what it was, and the case can be added to."""
    case_id = await without_dollars(resources)
    async with resources.unit() as unit:
        await submission.submit(unit, await actor_of(unit), await case_of(unit, case_id))
        asked = (await case_of(unit, case_id)).amount
    drop_dollars(resources)
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        await submission.add(unit, await actor_of(unit), case, "and a lawyer")
        assert (case.amount, case.version) == (asked, 2)
