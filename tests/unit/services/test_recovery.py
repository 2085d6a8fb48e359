"""Moving a case to another account: only with code and phrase, slowly, and the old account is cut off."""

from datetime import timedelta
from uuid import UUID

import pytest
from argon2 import extract_parameters
from sqlmodel import col, select

from bot.database import Resources
from models.audit import AuditEntry
from models.case import Answer, CaseStatus, RecoveryGuess
from models.errors import BadInput, OwnCase, Stale, SteppedAside
from models.mail import Conversation, Effect, EffectKind, Keyboard
from sandbox.clock import TravelClock
from services import erasure, panel, recovery, submission, voting
from services.contact import Address, To, lane_of, read_contact
from services.recovery import NOTHING, Recovery, read_claim
from services.seats import standing_votes
from services.speak import Button, Screen, show
from services.submission import order_phrase
from tests.unit.services.asker import ASKER, actor_of, case_of, draft, phrase_of, standing, submitted
from tests.unit.services.founding import peopled
from vault.passwords import STRONG
from vault.phrase import hash_phrase, new_phrase, phrase_matches
from vault.types import Secret

NEW = 5_000_002
WORDS = "one two three four five six"


async def attempt(resources: Resources, text: str, number: int = NEW) -> Recovery:
    """One try from an account, committed."""
    async with resources.unit() as unit:
        code, phrase = recovery.read_claim(text)
        locked = await recovery.begin_guess(unit, await actor_of(unit, number))
        if locked is not None:
            return Recovery(None, locked)
        hashed = await recovery.hash_of(unit, code)
    matches = await phrase_matches(phrase, hashed)
    async with resources.unit() as unit:
        return await recovery.settle(unit, await actor_of(unit, number), code, hashed, matches=matches)


async def code_of(resources: Resources, case_id: UUID) -> str:
    """The code of a case."""
    async with resources.unit() as unit:
        return (await case_of(unit, case_id)).code


@pytest.mark.parametrize(
    "text",
    [
        "K7MN-3XRT one two three four five six",
        "k7mn3xrt\none\ntwo three, four; FIVE six.",
        "К7МN 3ХRТ 1. one 2. two 3. three 4. four 5. five 6. six",
        " `K7MN–3XRT` — one two three four five six",
    ],
)
def test_a_claim_is_read_as_people_type_it(text: str) -> None:
    """Case, dashes, Cyrillic look-alikes, numbering and line breaks do not matter."""
    code, phrase = read_claim(text)
    assert (code, phrase) == ("K7MN-3XRT", Secret(WORDS))


@pytest.mark.parametrize("text", ["", "K7MN-3XRT", WORDS, "K7MN-3XRT one two three", "A7MN-3XRT " + WORDS, "🙂"])
def test_what_is_no_claim_is_refused_and_not_counted(text: str) -> None:
    """A slip of form is no guess."""
    with pytest.raises(BadInput, match=r"case\.bad\.recovery"):
        read_claim(text)


async def test_code_and_phrase_move_the_case(resources: Resources) -> None:
    """The new account has the case; the old one has neither case, screen, buttons nor conversation."""
    case_id, phrase = await submitted(resources)
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        standing(unit, ASKER, 900, case)
        to = To(Address(ASKER), "en")
        await show(unit, to, Screen("canary", [[Button("open", "case.open")]]), case=case)
        lane = lane_of(unit, Address(ASKER))
        unit.session.add(Conversation(lane=lane, person=lane, state="case:add", changed_at=unit.now))
    done = await attempt(resources, f"{await code_of(resources, case_id)} {phrase}")
    assert done.case is not None
    async with resources.unit() as unit:
        assert (await actor_of(unit)).case is None
        moved = (await actor_of(unit, NEW)).case
        assert moved is not None
        assert moved.id == case_id
        contact = await read_contact(unit, moved)
        assert (contact.address, contact.zone) == (NEW, "Asia/Omsk")
        assert (await unit.session.exec(select(Keyboard).where(Keyboard.lane == lane))).all() == []
        assert (await unit.session.exec(select(Conversation))).all() == []
        effects = (await unit.session.exec(select(Effect).where(Effect.lane == lane))).all()
        assert {effect.kind for effect in effects} == {EffectKind.ERASE}


async def test_nothing_of_the_person_is_left_on_the_old_account(resources: Resources) -> None:
    """A request of before goes with the one that moves, so that erasing everything is erasing everything."""
    first, _ = await submitted(resources)
    async with resources.unit() as unit:
        await submission.withdraw(unit, await actor_of(unit), await case_of(unit, first))
        standing(unit, ASKER, 900, await case_of(unit, first))
    others, _ = await submitted(resources, number=ASKER + 1)
    async with resources.unit() as unit:
        await submission.withdraw(unit, await actor_of(unit, ASKER + 1), await case_of(unit, others))
    second, phrase = await submitted(resources)
    assert (await attempt(resources, f"{await code_of(resources, second)} {phrase}")).case is not None
    async with resources.unit() as unit:
        assert (await read_contact(unit, await case_of(unit, first))).address == NEW
        assert (await read_contact(unit, await case_of(unit, others))).address == ASKER + 1
        assert (await erasure.erase(unit, await actor_of(unit))).cases == 0
        assert (await erasure.erase(unit, await actor_of(unit, NEW))).cases == 2
    async with resources.unit() as unit:
        assert (await unit.session.exec(select(Answer).where(Answer.case_id == first))).all() == []
        assert (await case_of(unit, others)).status is CaseStatus.WITHDRAWN


async def test_every_wrong_pair_gets_the_same_answer(resources: Resources) -> None:
    """A known code with a wrong phrase and an unknown code cannot be told apart, and cost the same hash."""
    case_id, _ = await submitted(resources)
    known = await attempt(resources, f"{await code_of(resources, case_id)} {WORDS}", 81)
    unknown = await attempt(resources, f"K7MN-3XRT {WORDS}", 82)
    assert known == unknown == Recovery(None)
    ours = extract_parameters(await hash_phrase(new_phrase("en"), STRONG))
    theirs = extract_parameters(NOTHING)
    assert (ours.time_cost, ours.memory_cost, ours.parallelism) == (
        theirs.time_cost,
        theirs.memory_cost,
        theirs.parallelism,
    )


async def test_an_account_that_guesses_is_locked_for_a_while(resources: Resources, clock: TravelClock) -> None:
    """Trying many codes from one account stops, even when the last pair is right; later it may try again."""
    case_id, phrase = await submitted(resources)
    right = f"{await code_of(resources, case_id)} {phrase}"
    for _ in range(resources.policy.recovery_guesses - 1):
        assert (await attempt(resources, f"K7MN-3XRT {WORDS}")).locked_until is None
    assert (await attempt(resources, f"K7MN-3XRT {WORDS}")).locked_until is not None
    locked = await attempt(resources, right)
    assert (locked.case, locked.locked_until is None) == (None, False)
    clock.advance(timedelta(minutes=resources.policy.recovery_lock_minutes, seconds=1))
    assert (await attempt(resources, right)).case is not None


async def test_nobody_can_lock_a_person_out(resources: Resources) -> None:
    """Whoever knows the code cannot keep the person from moving their case; the guesses are on record."""
    case_id, phrase = await submitted(resources)
    code = await code_of(resources, case_id)
    for number in range(resources.policy.recovery_guesses + 1):
        assert await attempt(resources, f"{code} {WORDS}", 100 + number) == Recovery(None)
    async with resources.unit() as unit:
        acts = (await unit.session.exec(select(AuditEntry.act).where(AuditEntry.act == "case.guess"))).all()
        assert len(acts) == resources.policy.recovery_guesses + 1
    assert (await attempt(resources, f"{code} {phrase}", 99)).case is not None


@pytest.mark.parametrize("status", [CaseStatus.WITHDRAWN, CaseStatus.CLOSED, CaseStatus.DRAFT])
async def test_a_case_that_is_over_does_not_move(resources: Resources, status: CaseStatus) -> None:
    """What has ended, or was never sent, gives the same answer as a wrong phrase."""
    case_id, phrase = await submitted(resources)
    async with resources.unit() as unit:
        (await case_of(unit, case_id)).status = status
    assert await attempt(resources, f"{await code_of(resources, case_id)} {phrase}") == Recovery(None)


async def test_an_account_with_a_request_of_its_own_takes_no_other(resources: Resources) -> None:
    """Two cases on one account would mix up two people; the draft must be erased first."""
    case_id, phrase = await submitted(resources)
    await draft(resources, "happened", number=NEW)
    with pytest.raises(Stale, match=r"case\.refused\.has-case"):
        await attempt(resources, f"{await code_of(resources, case_id)} {phrase}")


async def test_a_new_phrase_ends_the_old_one(resources: Resources) -> None:
    """Whoever has seen the old words cannot use them any more."""
    case_id, old = await submitted(resources)
    async with resources.unit() as unit:
        await order_phrase(unit, await actor_of(unit), await case_of(unit, case_id))
    fresh = await phrase_of(resources, case_id)
    code = await code_of(resources, case_id)
    assert (await attempt(resources, f"{code} {old}")).case is None
    assert (await attempt(resources, f"{code} {fresh}")).case is not None


async def test_an_ordered_phrase_ends_the_old_one_before_it_is_made(resources: Resources) -> None:
    """Whoever orders another because somebody knows theirs is safe at once, however long the making waits."""
    case_id, phrase = await submitted(resources)
    async with resources.unit() as unit:
        await order_phrase(unit, await actor_of(unit), await case_of(unit, case_id))
    assert (await attempt(resources, f"{await code_of(resources, case_id)} {phrase}")).case is None


async def test_old_guesses_are_forgotten(resources: Resources, clock: TravelClock) -> None:
    """A failed try is not kept for longer than it serves."""
    (job,) = recovery.JOBS
    await attempt(resources, f"K7MN-3XRT {WORDS}")
    async with resources.unit() as unit:
        assert await job.find(unit) == []
    clock.advance(timedelta(days=1, minutes=1))
    async with resources.unit() as unit:
        for person in await job.find(unit):
            await job.handle(unit, person)
        assert (await unit.session.exec(select(RecoveryGuess).order_by(col(RecoveryGuess.person)))).all() == []


@pytest.mark.parametrize("way", ["to the account", "from the account"])
async def test_a_case_that_passed_through_a_volunteers_account_is_theirs(resources: Resources, way: str) -> None:
    """A reviewer judges no case that was moved to their account, nor one that they moved away from it."""
    fund = await peopled(resources, "Heron", "Otter", "Raven", group=False)
    heron = fund.people["Heron"]
    start, end = (heron, NEW) if way == "from the account" else (ASKER, heron)
    case_id, phrase = await submitted(resources, start)
    code = await code_of(resources, case_id)
    if way == "to the account":
        async with resources.unit() as unit:
            await voting.approve(unit, await fund.actor(unit, "Heron"), await case_of(unit, case_id))
    assert (await attempt(resources, f"{code} {phrase}", end)).case is not None
    await fund.reviewers("Swift")
    await fund.run([job for job in panel.JOBS if job.name == "panel.fill"])
    assert sorted(await fund.panel(case_id)) == ["Otter", "Raven", "Swift"]
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        assert await standing_votes(unit, case) == []
        with pytest.raises((OwnCase, SteppedAside)):
            await voting.approve(unit, await fund.actor(unit, "Heron"), case)
