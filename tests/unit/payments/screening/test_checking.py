"""What the lists say of a subject, and how a human decision holds."""

from datetime import date, timedelta
from itertools import product
from pathlib import Path
from uuid import uuid4

import pytest
from sqlmodel import select

from bot.database import Resources
from models.errors import MoveRefused
from models.policy import Policy
from models.screening import QuestionStatus, ScreeningQuestion
from payments.screening import State, Subject, SubjectKind, check, questions
from payments.screening.entries import Shown
from sandbox.clock import TravelClock
from tests.unit.payments.screening.house import (
    BASE58,
    FIRM,
    HERO,
    TYPED,
    WALLET,
    ask,
    load_both,
    load_eu,
    load_sdn,
)
from tests.unit.payments.screening.people import ROMANISATIONS
from tests.unit.payments.screening.published import person
from tests.unit.services.fund import Fund, volunteer

ALWAYS = [SubjectKind.EXCHANGE, SubjectKind.PARTNER, SubjectKind.DONOR]


@pytest.fixture
async def listed(resources: Resources, tmp_path: Path) -> Resources:
    """Both lists loaded today, and a coordinator."""
    await load_both(resources, tmp_path)
    await Fund(resources).coordinators()
    return resources


async def decide(resources: Resources, *, same: bool) -> None:
    """Decide everything that is open."""
    async with resources.unit() as unit:
        decider = await volunteer(unit, "Alpha")
        open_ones = await unit.session.exec(
            select(ScreeningQuestion).where(ScreeningQuestion.status == QuestionStatus.OPEN)
        )
        for question in open_ones.all():
            await questions.decide(unit, question, decider.id, "another date of birth", same=same)


async def test_a_listed_name_is_asked_about_once(listed: Resources) -> None:
    """Whatever romanisation is typed, one question stands for each kind, and a second check asks none."""
    for kind, way in product(ALWAYS, sorted(ROMANISATIONS)):
        typed = ROMANISATIONS[way]("Евгений Ходорычев")
        first, second = [await ask(listed, kind, typed) for _ in range(2)]
        assert first.state is second.state is State.POSSIBLE, (kind, way)
        assert first.questions == second.questions
        assert len(first.questions) == 1
    async with listed.unit() as unit:
        question = await unit.session.get_one(ScreeningQuestion, first.questions[0])
        assert await questions.words_of(unit, question) == typed
        assert typed.encode() not in bytes(question.words)
        assert Shown.unpacked(question.facts).name == "KHODORYCHEV Yevgeny Fyodorovich"


async def test_a_listed_address_blocks(listed: Resources) -> None:
    """An exact address needs no human: nothing is paid. Beneficiaries are not screened while the switch is off."""
    texts = [WALLET, WALLET.lower(), f"pay to {WALLET[2:]}!", BASE58, f"bitcoin:{BASE58}?amount=1"]
    for kind, text in product(SubjectKind, texts):
        verdict = await ask(listed, kind, text)
        expected = State.CLEAR if kind is SubjectKind.BENEFICIARY else State.BLOCKED
        assert (verdict.state, verdict.questions) == (expected, ()), (kind, text)


async def test_what_is_not_listed_is_clear(listed: Resources) -> None:
    """Another address, another name, nothing at all."""
    texts = ["0x" + "1" * 40, BASE58.lower(), WALLET[:-1] + "7", "Ivan Petrov", "", "…"]
    for kind, text in product((SubjectKind.WALLET, *ALWAYS), texts):
        verdict = await ask(listed, kind, text)
        assert verdict.clear, (kind, text)
        assert verdict.why is None
        assert verdict.lists


async def test_a_rare_single_word_stands_for_a_firm(listed: Resources) -> None:
    """`Garantirex` alone is asked about; `Europe` alone too, while it stands in few names; a short word is not."""
    assert (await ask(listed, SubjectKind.EXCHANGE, "Гарантирекс")).state is State.POSSIBLE
    assert (await ask(listed, SubjectKind.EXCHANGE, "OU")).clear


async def test_beneficiaries_are_screened_by_the_switch_alone(listed: Resources, policy: Policy) -> None:
    """Off by default, as the EU's humanitarian guidance has it; on by counsel's decision."""
    off = await ask(listed, SubjectKind.BENEFICIARY, TYPED)
    assert (off.state, off.lists) == (State.CLEAR, "")
    screening = policy.screening.model_copy(update={"beneficiaries": True})
    listed.policy = policy.model_copy(update={"screening": screening})
    assert (await ask(listed, SubjectKind.BENEFICIARY, TYPED)).state is State.POSSIBLE


@pytest.mark.parametrize(("same", "state"), [(False, State.CLEAR), (True, State.BLOCKED)])
async def test_a_decision_holds(listed: Resources, *, same: bool, state: State) -> None:
    """Nobody is asked twice about the same subject, in whatever case it is typed; others are asked about anew."""
    await ask(listed, SubjectKind.DONOR, TYPED, whose="donor 1")
    await decide(listed, same=same)
    verdict = await ask(listed, SubjectKind.DONOR, f" {TYPED.upper()} ", whose="donor 1")
    assert verdict.state is state
    assert verdict.decided is not same
    assert (await ask(listed, SubjectKind.DONOR, TYPED, whose="donor 2")).state is State.POSSIBLE
    assert (await ask(listed, SubjectKind.PARTNER, TYPED, whose="donor 1")).state is State.POSSIBLE


async def test_a_changed_entry_is_asked_about_anew(listed: Resources, tmp_path: Path) -> None:
    """The publisher adds a date of birth: the old decision was about somebody known less well."""
    await ask(listed, SubjectKind.DONOR, TYPED)
    await decide(listed, same=False)
    await load_sdn(listed, tmp_path, [HERO, FIRM, person(3, "LAZAREV Taras")])
    assert (await ask(listed, SubjectKind.DONOR, TYPED)).clear
    changed = person(1, *(" ".join(alias.parts) for alias in HERO.names), born=date(1970, 1, 2))
    await load_sdn(listed, tmp_path, [changed, FIRM])
    assert (await ask(listed, SubjectKind.DONOR, TYPED)).state is State.POSSIBLE


async def test_a_decision_is_made_once(listed: Resources) -> None:
    """What is decided is not decided again by who comes second."""
    asked = await ask(listed, SubjectKind.DONOR, TYPED)
    await decide(listed, same=False)
    async with listed.unit() as unit:
        question = await unit.session.get_one(ScreeningQuestion, asked.questions[0])
        second = await volunteer(unit, "Beta")
        with pytest.raises(MoveRefused):
            await questions.decide(unit, question, second.id, "it is him", same=True)


async def test_without_a_list_nothing_screened_is_clear(resources: Resources) -> None:
    """Before any list is loaded, screened subjects wait; the rest of the fund does not ask."""
    for kind in (SubjectKind.WALLET, *ALWAYS):
        verdict = await ask(resources, kind, "Ivan Petrov")
        assert (verdict.state, verdict.why) == (State.STALE, "screening.refused.stale")
    assert (await ask(resources, SubjectKind.BENEFICIARY, "Ivan Petrov")).clear


async def test_an_old_list_stops_and_still_blocks(listed: Resources, tmp_path: Path, clock: TravelClock) -> None:
    """Past the policy's days nothing is clear; what the old list names stays blocked; a fresh list mends it."""
    clock.advance(timedelta(days=6, hours=23))
    assert (await ask(listed, SubjectKind.DONOR, "Ivan Petrov")).clear
    clock.advance(timedelta(hours=2))
    assert (await ask(listed, SubjectKind.DONOR, "Ivan Petrov")).state is State.STALE
    assert (await ask(listed, SubjectKind.WALLET, WALLET)).state is State.BLOCKED
    await load_sdn(listed, tmp_path)
    assert (await ask(listed, SubjectKind.DONOR, "Ivan Petrov")).state is State.STALE
    await load_eu(listed, tmp_path)
    assert (await ask(listed, SubjectKind.DONOR, "Ivan Petrov")).clear


async def test_an_old_date_stops_however_often_it_is_loaded(resources: Resources, tmp_path: Path) -> None:
    """A list that was published long ago is old, though it was loaded just now."""
    await load_sdn(resources, tmp_path, days=50)
    await load_eu(resources, tmp_path)
    assert (await ask(resources, SubjectKind.DONOR, "Ivan Petrov")).state is State.STALE


async def test_a_question_goes_with_the_transaction_that_asked(listed: Resources) -> None:
    """A caller that fails after a check leaves no question behind: nobody decides about what never was."""
    with pytest.raises(ZeroDivisionError):
        await _ask_and_fail(listed)
    async with listed.unit() as unit:
        assert (await unit.session.exec(select(ScreeningQuestion))).first() is None


async def _ask_and_fail(resources: Resources) -> None:
    async with resources.unit() as unit:
        await check(unit, Subject(SubjectKind.DONOR, TYPED, whose=str(uuid4())))
        raise ZeroDivisionError
