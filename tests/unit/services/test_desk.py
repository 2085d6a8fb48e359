"""The desk counts what is there, for coordinators alone, and names nobody."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case, CaseStatus
from models.errors import NotAllowed
from models.grant import Grant, GrantStatus, Payout
from models.mail import Effect, EffectKind, EffectStatus
from models.unit import Unit
from models.volunteer import Role
from payments import funding
from payments.money import Money
from sandbox.clock import TravelClock
from services import audit, danger, voting
from services.access import Actor
from services.contact import Address, SafeContact, write_contact
from services.desk import read_desk, show_desk
from services.speak import effect_place
from tests.unit.services.founding import peopled
from tests.unit.services.fund import Fund
from vault.types import BlindIndex, CaseCode, GrantNumber

PERSON = 901


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two coordinators and three reviewers."""
    return await peopled(resources, "Rook", "Swift", "Tern", group=False)


async def coordinator(fund: Fund, unit: Unit) -> Actor:
    """The first coordinator."""
    return await fund.actor(unit, "Alpha")


async def add_case(unit: Unit, status: CaseStatus, number: int) -> Case:
    """A bare case in a state."""
    case = Case(
        code=CaseCode(f"C{number}"), status=status, language="ru", created_at=unit.now, submitted_at=unit.now
    )
    await unit.vault.create(case.id)
    await write_contact(unit, case, SafeContact(Address(PERSON + number)))
    unit.session.add(case)
    await unit.session.flush()
    return case


async def test_an_empty_fund(fund: Fund) -> None:
    """Zeros are shown as zeros, and every reviewer is listed without a case."""
    async with fund.resources.unit() as unit:
        desk = await read_desk(unit, await coordinator(fund, unit))
    assert set(desk.queue.values()) == {0}
    assert desk.load == [("Rook", 0), ("Swift", 0), ("Tern", 0)]
    assert (desk.usual_wait, desk.longest_wait, desk.checkpoint) == (None, None, None)
    assert desk.free == desk.reserved == Money(0, fund.resources.policy.currency)
    assert (desk.short, desk.stuck, desk.failed, desk.dead, desk.untaken, desk.taken) == (0, 0, 0, 0, [], [])


async def test_a_case_for_which_reviewers_are_missing_is_counted(fund: Fund) -> None:
    """It is on the desk for as long as nobody is invited, and no longer: one message about it is easily lost."""
    case_id = await fund.case()
    async with fund.resources.unit() as unit:
        assert (await read_desk(unit, await coordinator(fund, unit))).stranded == 0
        case = await unit.session.get_one(Case, case_id)
        await voting.step_aside(unit, await fund.actor(unit, "Rook"), case)
    async with fund.resources.unit() as unit:
        assert (await read_desk(unit, await coordinator(fund, unit))).stranded == 1
        await show_desk(unit, await coordinator(fund, unit))
    await fund.confirmed("Heron")
    async with fund.resources.unit() as unit:
        assert (await read_desk(unit, await coordinator(fund, unit))).stranded == 0


async def test_everything_is_counted(fund: Fund, clock: TravelClock) -> None:
    """Queue, waits, load, money, what is stuck, what failed, the last checkpoint, calls for help."""
    case_id = await fund.case()
    clock.advance(timedelta(hours=6))
    async with fund.resources.unit() as unit:
        await add_case(unit, CaseStatus.SUBMITTED, 1)
        called = await add_case(unit, CaseStatus.PAID, 2)
        unit.session.add_all([grant := a_grant(unit, GrantStatus.RESERVED), a_grant(unit, GrantStatus.WAITING)])
        await unit.session.flush()
        unit.session.add(Payout(grant_id=grant.id, rail="manual", created_at=unit.now - timedelta(days=3)))
        effect = Effect(
            lane=called.chat or BlindIndex(""), kind=EffectKind.ANSWER, status=EffectStatus.FAILED, due_at=unit.now
        )
        unit.session.add(effect)
        await funding.add(unit, Money(5_000_000, "RUB"), "operator")
        await danger.call(unit, called)
        await audit.checkpoint(unit)
    async with fund.resources.unit() as unit:
        desk = await read_desk(unit, await coordinator(fund, unit))
    assert (desk.queue[CaseStatus.IN_REVIEW], desk.queue[CaseStatus.SUBMITTED]) == (1, 1), case_id
    assert desk.longest_wait is not None
    assert desk.usual_wait is not None
    assert timedelta(hours=6) <= desk.longest_wait < timedelta(hours=7)
    assert timedelta(hours=3) <= desk.usual_wait < timedelta(hours=4)
    assert [held for _, held in desk.load] == [1, 1, 1]
    assert desk.free.amount == 5_000_000
    assert (desk.short, desk.stuck, desk.failed) == (1, 1, 1)
    assert desk.checkpoint is not None
    assert [case.code for _, case in desk.untaken] == ["C2"]


def a_grant(unit: Unit, status: GrantStatus) -> Grant:
    """A grant of no case in particular."""
    number = GrantNumber(f"G-{status}")
    return Grant(
        number=number, status=status, amount=1000, currency="RUB", second_treasurer=False, policy_version="1",
        approved_at=unit.now,
    )  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_the_screen(fund: Fund, language: str) -> None:
    """The desk is one screen of plain lines in the coordinator's language."""
    await fund.case()
    async with fund.resources.unit() as unit:
        alpha = await coordinator(fund, unit)
        await show_desk(unit, Actor(alpha.chat, alpha.address, language, alpha.volunteer, alpha.roles, alpha.case))
        text = (await shown(unit))["text"]
    assert text.startswith(fund.resources.texts.render("desk.title", language))
    assert "{" not in text
    assert "Rook" in text


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.TREASURER, None])
async def test_only_coordinators_see_it(fund: Fund, role: Role | None) -> None:
    """Whoever is not a coordinator is refused, and nothing is shown."""
    if role is Role.TREASURER:
        await fund.confirmed("Teal", Role.TREASURER)
    sign = {Role.REVIEWER: "Rook", Role.TREASURER: "Teal", None: "Nobody"}[role]
    with pytest.raises(NotAllowed):
        async with fund.resources.unit() as unit:
            await show_desk(unit, await fund.actor(unit, sign))


async def shown(unit: Unit) -> dict[str, Any]:
    """The last screen that was put into the outbox."""
    effects = (await unit.session.exec(select(Effect).where(Effect.kind == EffectKind.SHOW))).all()
    last = max(effects, key=lambda effect: effect.id or 0)
    assert last.payload is not None
    opened: dict[str, Any] = json.loads(unit.vault.open_server(last.payload, effect_place(last)))
    return opened
