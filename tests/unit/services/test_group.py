"""The review group: bound, refused, closed, opened again."""

from dataclasses import replace

import pytest
from sqlmodel import select

from bot.database import Resources
from models.errors import NotAllowed
from models.mail import Effect, EffectKind, Keyboard, SentMessage
from models.unit import Unit
from models.volunteer import ReviewGroup, Role, VolunteerStatus
from services import card, group
from services.contact import Address, lane_of
from services.group import GONE
from services.messages import sent_place
from tests.unit.services.asker import said
from tests.unit.services.founding import peopled
from tests.unit.services.fund import GROUP, SAFE, Fund, shows, volunteer
from vault.types import SealedBytes

FAULTS = {
    "bot-removed": GONE,
    "not-supergroup": replace(SAFE, supergroup=False),
    "no-delete": replace(SAFE, may_delete=False),
    "public": replace(SAFE, public=True),
    "forum": replace(SAFE, forum=True),
    "linked": replace(SAFE, linked=True),
    "located": replace(SAFE, located=True),
    "history-visible": replace(SAFE, history_visible=True),
    "strangers": replace(SAFE, strangers=2),
}


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two coordinators and three reviewers."""
    return await peopled(resources, "Heron", "Otter", "Raven", group=False)


async def the_group(unit: Unit) -> ReviewGroup:
    """The one group."""
    return (await unit.session.exec(select(ReviewGroup))).one()


@pytest.mark.parametrize("sign", ["Heron", "Stranger", "Applicant"])
async def test_only_coordinators_bind(fund: Fund, sign: str) -> None:
    """Whoever else says `/desk` there is refused."""
    async with fund.resources.unit() as unit:
        with pytest.raises(NotAllowed):
            await group.bind(unit, await fund.actor(unit, sign), GROUP)


async def test_nothing_is_posted_before_the_check(fund: Fund) -> None:
    """A bound group is closed until Telegram has been asked; then the cards come."""
    async with fund.resources.unit() as unit:
        made = await group.bind(unit, await fund.actor(unit, "Alpha"), GROUP)
    case_id = await fund.case()
    async with fund.resources.unit() as unit:
        assert await shows(unit, "card:") == []
        await group.checked(unit, made.id, SAFE)
    await fund.run(card.JOBS)
    async with fund.resources.unit() as unit:
        assert [effect.slot for effect in await shows(unit, "card:")] == [f"card:{case_id}"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_unsafe_group_is_refused_with_its_reason(fund: Fund, fault: str) -> None:
    """The coordinator is told in private what to mend; the group stays closed."""
    async with fund.resources.unit() as unit:
        alpha = await fund.actor(unit, "Alpha")
        made = await group.bind(unit, alpha, GROUP)
        before = {effect.slot for effect in await shows(unit, "notice:")}
        await group.checked(unit, made.id, FAULTS[fault])
        told = [effect for effect in await shows(unit, "notice:") if effect.slot not in before]
        assert [effect.lane for effect in told] == [alpha.chat]
        assert await group.open_group(unit) is None
        assert (await the_group(unit)).fault == fault


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_open_group_that_is_no_longer_safe_closes(fund: Fund, fault: str) -> None:
    """Every coordinator is alerted urgently, and nothing more is posted."""
    await fund.bound()
    fund.later(hours=1)
    async with fund.resources.unit() as unit:
        (due,) = await group.due_checks(unit)
        before = {effect.slot for effect in await shows(unit, "notice:")}
        await group.checked(unit, due, FAULTS[fault])
        told = [effect for effect in await shows(unit, "notice:") if effect.slot not in before]
        assert len(told) == 2
        assert all(effect.urgent for effect in told)
        assert await group.open_group(unit) is None
    await fund.case()
    await fund.run(card.JOBS)
    async with fund.resources.unit() as unit:
        assert await shows(unit, "card:") == []


async def test_a_closed_group_opens_only_by_a_coordinator(fund: Fund) -> None:
    """A check that nobody asked for never opens."""
    await fund.bound()
    async with fund.resources.unit() as unit:
        closed = await the_group(unit)
        await group.close(unit, closed, "strangers")
        fund.later(hours=2)
    async with fund.resources.unit() as unit:
        assert await group.due_checks(unit) == []
        await group.checked(unit, closed.id, SAFE)
        assert await group.open_group(unit) is None
    await fund.bound()
    async with fund.resources.unit() as unit:
        assert await group.open_group(unit) is not None


async def test_a_stranger_closes_the_group(fund: Fund) -> None:
    """A confirmed reviewer may join; a treasurer, or anybody unknown, may not."""
    await fund.bound()
    await fund.confirmed("Purse", Role.TREASURER)
    async with fund.resources.unit() as unit:
        await group.joined(unit, GROUP, Address(fund.people["Heron"]))
        assert await group.open_group(unit) is not None
        await group.joined(unit, GROUP, Address(fund.people["Purse"]))
        assert await group.open_group(unit) is None


async def test_closing_drops_the_cards_that_wait(fund: Fund) -> None:
    """A card that has not been sent yet (a rate, an outage) is not sent to whoever has come in."""
    await fund.bound()
    case_id = await fund.case()
    async with fund.resources.unit() as unit:
        assert len(await shows(unit, "card:")) == 1
        await group.joined(unit, GROUP, Address(9_999))
        assert await shows(unit, "card:") == []
        buttons = select(Keyboard).where(Keyboard.slot == card.slot_of(case_id))
        assert (await unit.session.exec(buttons)).all() == []


async def test_closing_takes_the_cards_away(fund: Fund) -> None:
    """What stands in a group that is not safe goes."""
    await fund.bound()
    case_id = await fund.case()
    async with fund.resources.unit() as unit:
        sent = SentMessage(
            lane=lane_of(unit, GROUP), slot=card.slot_of(case_id), address=SealedBytes(b""), sent_at=unit.now,
            erase_at=unit.now,
        )  # fmt: skip
        sent.address = unit.vault.seal_server(b"[-1001, 5]", sent_place(sent.id))
        unit.session.add(sent)
        await group.bot_removed(unit, GROUP)
        erased = (await unit.session.exec(select(Effect).where(Effect.kind == EffectKind.ERASE))).all()
        assert [effect.slot for effect in erased] == [card.slot_of(case_id)]
        assert await shows(unit, "card:") == []


async def test_another_group_takes_over(fund: Fund) -> None:
    """One group at a time: the one bound last."""
    await fund.bound()
    other = Address(-2002)
    async with fund.resources.unit() as unit:
        made = await group.bind(unit, await fund.actor(unit, "Beta"), other)
        await group.checked(unit, made.id, SAFE)
        now = await group.open_group(unit)
        assert now is not None
        assert now.chat == lane_of(unit, other)


async def test_no_group_is_moved_in_silence(fund: Fund) -> None:
    """Every coordinator, on a pause too, hears who takes all cards elsewhere; the same group is no move."""
    await fund.bound()
    heard: list[list[str]] = []
    for address in (GROUP, Address(-2002)):
        async with fund.resources.unit() as unit:
            (await volunteer(unit, "Alpha")).status = VolunteerStatus.PAUSED
            made = await group.bind(unit, await fund.actor(unit, "Beta"), address)
            await group.checked(unit, made.id, SAFE)
        async with fund.resources.unit() as unit:
            moved = fund.resources.texts.render("group.moved", "en", sign="Beta")
            heard.append([sign for sign in fund.people if moved in await said(unit, fund.people[sign])])
    assert heard == [[], ["Alpha", "Beta"]]


async def test_a_migrated_group_is_followed_and_checked(fund: Fund) -> None:
    """The number changes, the group closes, and a check opens it again."""
    await fund.bound()
    new = Address(-100777)
    async with fund.resources.unit() as unit:
        await group.migrated(unit, GROUP, new)
        await group.migrated(unit, GROUP, new)
        assert await group.open_group(unit) is None
        (due,) = await group.due_checks(unit)
        await group.checked(unit, due, SAFE)
        opened = await group.open_group(unit)
        assert opened is not None
        assert opened.chat == lane_of(unit, new)


@pytest.mark.parametrize(("sign", "leaves"), [("Alpha", False), ("Heron", True), ("Stranger", True)])
async def test_the_bot_leaves_groups_it_was_dragged_into(fund: Fund, sign: str, leaves: bool) -> None:  # noqa: FBT001
    """It stays only where a coordinator brings it."""
    async with fund.resources.unit() as unit:
        await group.bot_added(unit, Address(-3), await fund.actor(unit, sign))
        left = (await unit.session.exec(select(Effect).where(Effect.kind == EffectKind.LEAVE))).all()
        assert bool(left) == leaves


async def test_it_is_asked_for_everybody_who_may_be_there(fund: Fund) -> None:
    """Reviewers and coordinators who stand; nobody else."""
    await fund.confirmed("Purse", Role.TREASURER)
    async with fund.resources.unit() as unit:
        made = await group.bind(unit, await fund.actor(unit, "Alpha"), GROUP)
        wanted = await group.who_to_look_for(unit, made.id)
    assert wanted is not None
    assert wanted[0] == GROUP
    assert sorted(wanted[1]) == sorted(fund.people[s] for s in ("Alpha", "Beta", "Heron", "Otter", "Raven"))


async def test_a_stranger_who_comes_during_the_check_is_counted(fund: Fund) -> None:
    """What Telegram was asked before they came opens nothing: it is asked again, and then says what is so."""
    async with fund.resources.unit() as unit:
        made = await group.bind(unit, await fund.actor(unit, "Alpha"), GROUP)
        await group.joined(unit, GROUP, Address(9_999))
    async with fund.resources.unit() as unit:
        await group.checked(unit, made.id, SAFE)
        assert await group.open_group(unit) is None
        assert await group.due_checks(unit) == [made.id]
    async with fund.resources.unit() as unit:
        await group.checked(unit, made.id, SAFE)
        assert await group.open_group(unit) is not None


async def test_a_reviewer_who_comes_during_the_check_delays_nothing(fund: Fund) -> None:
    """Only somebody unknown makes what was found too old."""
    async with fund.resources.unit() as unit:
        made = await group.bind(unit, await fund.actor(unit, "Alpha"), GROUP)
        await group.joined(unit, GROUP, Address(fund.people["Heron"]))
        await group.checked(unit, made.id, SAFE)
        assert await group.open_group(unit) is not None
