"""Possible repeats: what leaves a fingerprint, which cases match, and that nothing of it outlives the case."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from bot.database import Resources
from models.audit import AuditEntry
from models.case import Case, CaseStatus
from models.fingerprint import Fingerprint
from models.policy import Policy
from models.unit import Unit
from payments.destinations import named
from services import intake, repeats, submission
from services.erasure import erase
from services.repeats import court_cases
from services.seats import panel_size, quorum
from services.speak import effect_place
from tests.unit.services.asker import ANSWERS, actor_of, case_of, draft
from tests.unit.services.founding import peopled
from tests.unit.services.fund import LARGE, SMALL, Fund, shows
from vault.types import CaseCode

CARD = "Card 2200 1234 5678 9012"
COURT = "Хамовнический районный суд, дело № 1-123/2026"
FIRST, SECOND, THIRD = 11, 12, 13


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("Card 2200 1234 5678 9012, Ivan I.", {"2200123456789012"}),
        ("2200-1234-5678-9012", {"2200123456789012"}),
        ("2200\u200b1234‑5678–9012", {"2200123456789012"}),
        ("Ivan\u00ad@mail\u2060.example", {"ivan@mail.example"}),
        ("２２００ 1234 5678 9012", {"2200123456789012"}),
        ("+7 (900) 123-45-67", {"79001234567"}),
        ("8 900 123 45 67, Сбер", {"79001234567"}),
        ("сбп 9001234567", {"79001234567"}),
        ("+372 5123 4567", {"37251234567"}),
        ("2200 1234 5678 9012, тел. 89001234567", {"2200123456789012", "79001234567"}),
        ("счёт 40817810099910004312", {"40817810099910004312"}),
        ("@Ivan_Petrov", {"ivan_petrov"}),
        ("ivan_petrov", {"ivan_petrov"}),
        ("https://t.me/Ivan_Petrov", {"ivan_petrov"}),
        ("PayPal Ivan@Example.org.", {"ivan@example.org"}),
        ("DE89370400440532013000", {"de89370400440532013000"}),
        ("USDT TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", {"tjrabprwbzy45sbavfcjinpjc18kjprtv8"}),
        ("корр. счёт 30101810400000000225, БИК 044525225, ИНН 7707083893", set()),
        ("наличными", set()),
        ("карта", set()),
        ("15000 до 05.12.2026", set()),
        ("через @wallet или @CryptoBot", set()),
        ("спросите меня", set()),
        ("", set()),
    ],
)
def test_what_names_a_destination(typed: str, found: set[str]) -> None:
    """What is somebody's own is found in any spelling; what many people share, or no number at all, is not."""
    assert set(named(typed)) == found


@pytest.mark.parametrize(
    ("typed", "count"),
    [
        (COURT, 1),
        ("УИД 77RS0021-02-2026-000123-45", 1),
        ("уголовное дело 12401460033000123", 1),
        ("дело № 1-123/2026", 0),
        ("Хамовнический районный суд", 0),
        ("Хамовнический районный суд и Тверской районный суд, 1-123/2026", 0),
        ("заседание 05.12.2026, тел. 89001234567", 0),
        ("", 0),
    ],
)
def test_what_names_a_court_case(typed: str, count: int) -> None:
    """A number counts only when no other court can have it."""
    assert len(court_cases(typed)) == count


@pytest.mark.parametrize(
    "same",
    [
        "в Хамовническом районном суде города Москвы, 1-123/26",
        "ХАМОВНИЧЕСКИЙ РАЙОННЫЙ СУД 1–123/2026",
        "решение Хамовнического районного суда по делу 1-123/2026",
    ],
)
def test_a_court_case_is_one_in_any_spelling(same: str) -> None:
    """Case, dashes and a short year make no other case of it; another court or number does."""
    assert court_cases(same) == court_cases(COURT)
    assert court_cases(COURT.replace("Хамовнический", "Тверской")) != court_cases(COURT)
    assert court_cases(COURT.replace("123", "124")) != court_cases(COURT)


@given(st.text(max_size=200))
def test_any_answer_is_taken(typed: str) -> None:
    """Nothing that a person types stops the sending, and reading it twice finds the same."""
    assert named(typed) == named(typed)
    assert court_cases(typed) == court_cases(typed)


async def sent(resources: Resources, number: int, **answers: str) -> UUID:
    """A case sent by an account with these answers."""
    await draft(resources, number=number)
    async with resources.unit() as unit:
        actor = await actor_of(unit, number)
        case = intake.own(actor)
        for key, value in answers.items():
            await intake.write_answer(unit, case, key, value)
        await submission.submit(unit, actor, case)
        return case.id


async def repeated(resources: Resources, case_id: UUID) -> bool:
    """Whether a case is taken for a possible repeat."""
    async with resources.unit() as unit:
        return (await case_of(unit, case_id)).possible_repeat


@pytest.mark.parametrize(
    ("first", "second", "repeat"),
    [
        ({"payout": CARD}, {"payout": "2200123456789012"}, True),
        ({"confirmation": COURT}, {"confirmation": COURT.upper()}, True),
        ({"payout": CARD}, {"payout": CARD.replace("9012", "9013")}, False),
        ({"confirmation": "12401460033000123"}, {"payout": "12401460033000123"}, False),
        ({}, {}, False),
    ],
)
async def test_a_match_makes_a_possible_repeat(
    resources: Resources, first: dict[str, str], second: dict[str, str], *, repeat: bool
) -> None:
    """The later case of two with a destination or a court case in common is marked; the earlier one is not."""
    one, two = await sent(resources, FIRST, **first), await sent(resources, SECOND, **second)
    assert not await repeated(resources, one)
    assert await repeated(resources, two) == repeat
    async with resources.unit() as unit:
        acts = (await unit.session.exec(select(AuditEntry).where(AuditEntry.act == "case.possible_repeat"))).all()
        assert [entry.subject for entry in acts] == [f"case:{two}"] * repeat
        assert all(str(one) not in entry.facts for entry in acts)


async def test_the_same_person_asking_anew_is_a_possible_repeat(resources: Resources) -> None:
    """A person whose case was decided may ask again, and the panel is told that it may be a repeat."""
    first = await sent(resources, FIRST)
    async with resources.unit() as unit:
        case = await case_of(unit, first)
        case.status, case.decided_at = CaseStatus.CLOSED, unit.now
    assert await repeated(resources, await sent(resources, FIRST))


async def test_a_case_taken_back_before_its_decision_does_not_count(resources: Resources) -> None:
    """Whoever begins anew because of a slip is not suspected."""
    await sent(resources, FIRST, payout=CARD)
    async with resources.unit() as unit:
        actor = await actor_of(unit, FIRST)
        await submission.withdraw(unit, actor, intake.own(actor))
    assert not await repeated(resources, await sent(resources, FIRST, payout=CARD))


async def test_a_year_later_nothing_matches(fund: Fund) -> None:
    """Only cases of the last twelve months count."""
    await sent(fund.resources, FIRST, payout=CARD)
    fund.later(days=repeats.WITHIN / timedelta(days=1) - 1)
    assert await repeated(fund.resources, await sent(fund.resources, SECOND, payout=CARD))
    fund.later(days=repeats.WITHIN / timedelta(days=1))
    assert not await repeated(fund.resources, await sent(fund.resources, THIRD, payout=CARD))


async def test_erasing_a_case_deletes_its_fingerprints(resources: Resources) -> None:
    """What was erased matches nothing any more, and the erased row keeps no mark."""
    await sent(resources, THIRD, payout=CARD)
    first = await sent(resources, FIRST, payout=CARD, confirmation=COURT)
    for number in (FIRST, THIRD):
        async with resources.unit() as unit:
            await erase(unit, await actor_of(unit, number))
    async with resources.unit() as unit:
        assert (await unit.session.exec(select(Fingerprint))).all() == []
        assert not (await case_of(unit, first)).possible_repeat
    assert not await repeated(resources, await sent(resources, SECOND, payout=CARD, confirmation=COURT))


async def test_a_fingerprint_shows_nothing(resources: Resources) -> None:
    """The table holds keyed indexes, and none of the two kinds equals the other for one value."""
    both = "12401460033000123"
    await sent(resources, FIRST, payout=f"{both}, {CARD}", confirmation=both)
    async with resources.unit() as unit:
        values = (await unit.session.exec(select(Fingerprint.value))).all()
        other = (await unit.session.exec(select(Fingerprint.kind, Fingerprint.value))).all()
    assert len(set(values)) == len(values) == len(other) == 3
    assert not any(both in value or "2200" in value for value in values)


async def corrected(resources: Resources, number: int, key: str, value: str) -> None:
    """A person corrects an answer of their case."""
    async with resources.unit() as unit:
        actor = await actor_of(unit, number)
        await submission.give_answer(unit, actor, intake.own(actor), key, value)


async def test_a_correction_that_makes_a_repeat_asks_every_vote_anew(resources: Resources) -> None:
    """The quorum is known before the votes: when it rises, so does the version; and it never falls again."""
    await sent(resources, FIRST, payout=CARD)
    case_id = await sent(resources, SECOND)
    await corrected(resources, SECOND, "payout", CARD)
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        assert (case.possible_repeat, case.version) == (True, 2)
    await corrected(resources, SECOND, "payout", ANSWERS["payout"])
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        assert (case.possible_repeat, case.version) == (True, 2)
        kept = await unit.session.exec(select(Fingerprint).where(col(Fingerprint.case_id) == case_id))
        assert kept.all() == []


@pytest.mark.parametrize(
    ("amount", "appealed", "expected"), [(SMALL, False, 3), (LARGE, False, 4), (SMALL, True, 4), (LARGE, True, 5)]
)
async def test_the_quorum_rises_by_one_and_the_panel_with_it(
    resources: Resources, policy: Policy, amount: int, expected: int, *, appealed: bool
) -> None:
    """A possible repeat needs one approval more in every tier, and there are seats for it."""
    async with resources.unit() as unit:
        case = Case(code=CaseCode("C-1"), language="en", amount=amount, appealed=appealed, created_at=unit.now)
    before = quorum(policy, case)
    case.possible_repeat = True
    assert quorum(policy, case) == expected
    assert before + 1 == expected <= panel_size(policy, case)


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two coordinators, three reviewers and a bound group."""
    return await peopled(resources, "Heron", "Otter", "Raven")


async def card_text(unit: Unit, case_id: UUID) -> str:
    """What the card of a case is about to show."""
    (effect,) = await shows(unit, f"card:{case_id}")
    assert effect.payload is not None
    return str(json.loads(unit.vault.open_server(effect.payload, effect_place(effect)))["text"])


async def test_the_card_says_possible_repeat_and_never_of_whom(fund: Fund) -> None:
    """The panel learns that it may be a repeat; the other case is not named."""
    first = await sent(fund.resources, FIRST, payout=CARD)
    second = await sent(fund.resources, SECOND, payout=CARD)
    async with fund.resources.unit() as unit:
        assert "repeat" not in await card_text(unit, first)
        text = await card_text(unit, second)
        assert "Possible repeat" in text
        assert (await case_of(unit, first)).code not in text
