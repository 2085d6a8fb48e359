"""The review group: bound by a coordinator, used only while it is safe, closed by itself when it is not.

Safe is: a private supergroup without topics, linked channel or place, in which the bot may delete messages,
history is hidden from new members, and everybody is a confirmed reviewer or coordinator. In other supergroups
old messages can always be read, whatever is set (TDLib, supergroupFullInfo.is_all_history_available). Telegram is
asked by `bot.groupcheck` after the commit; what it found comes back here as `Findings`. A check that a coordinator
asked for may open a group; any other may only close it.
One coordinator may bind another group, and all of them are told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from uuid import UUID

from sqlalchemy import Executable
from sqlmodel import col, select

from models.audit import about, record
from models.base import NOW
from models.mail import Effect, EffectStatus, SentMessage
from models.unit import Unit
from models.volunteer import ReviewGroup, Role, Volunteer
from services.access import Act, Actor, require, roles_of
from services.contact import Address, To, group_recipient, lane_of, seal_group, volunteer_recipient
from services.roles import holders, on_duty, tell_role
from services.speak import NOTICE, Life, Screen, clear_slot, leave, notify, show
from vault.types import BlindIndex, SealedBytes

RECHECK = timedelta(minutes=30)
"""How often an open group is looked at again, should an update about it have been lost."""

MEMBERS = frozenset({Role.REVIEWER, Role.COORDINATOR})
"""Roles whose holders may be in the group."""

CARD = "card:"
"""Slots of cards begin with this."""

UNNAMED = f"{NOTICE}unnamed"
"""The slot of what an anonymous administrator is told, however often."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What Telegram says of a group, and how many in it are unknown to the fund."""

    present: bool
    """Whether the bot is in the group at all."""
    supergroup: bool
    may_delete: bool
    public: bool
    """Whether it has a name by which anybody finds it."""
    forum: bool
    linked: bool
    """Whether it is where a channel's posts are discussed."""
    located: bool
    history_visible: bool
    strangers: int

    @property
    def fault(self) -> str | None:
        """The first thing that is not safe, as a key below `group.fault`; none when all is well."""
        if not self.present:
            return "bot-removed"
        if not self.supergroup:
            return "not-supergroup"
        if not self.may_delete:
            return "no-delete"
        return self._open_to_others or ("strangers" if self.strangers else None)

    @property
    def _open_to_others(self) -> str | None:
        if self.public:
            return "public"
        if self.forum:
            return "forum"
        if self.linked:
            return "linked"
        if self.located:
            return "located"
        return "history-visible" if self.history_visible else None


GONE = Findings(
    present=False, supergroup=False, may_delete=False, public=False, forum=False, linked=False, located=False,
    history_visible=False, strangers=0,
)  # fmt: skip
"""What there is to say of a group without the bot."""


async def open_group(unit: Unit) -> ReviewGroup | None:
    """The group in which cards are posted, if there is a safe one."""
    return (await unit.session.exec(select(ReviewGroup).where(col(ReviewGroup.open)))).first()


async def is_in_use(unit: Unit, address: Address) -> bool:
    """Whether this is the fund's group, open or closed: none that was refused, or that another took over."""
    group = await find(unit, address)
    return group is not None and group.in_use


async def find(unit: Unit, address: Address) -> ReviewGroup | None:
    """The group as it is known: bound, once bound, or refused."""
    found = await unit.session.exec(select(ReviewGroup).where(ReviewGroup.chat == lane_of(unit, address)))
    return found.first()


async def bind(unit: Unit, actor: Actor, address: Address) -> ReviewGroup:
    """Ask for a group to become the review group; it opens when the check finds it safe."""
    coordinator = require(actor, Act.BIND_GROUP)
    group = await find(unit, address)
    if group is None:
        group = ReviewGroup(
            chat=BlindIndex(""), contact=SealedBytes(b""), language=actor.language, check_at=unit.now,
            bound_by=coordinator.id, bound_at=unit.now,
        )  # fmt: skip
        seal_group(unit, group, address)
        unit.session.add(group)
    group.asked, group.check_at, group.bound_by, group.bound_at = True, unit.now, coordinator.id, unit.now
    group.fault = None
    await unit.session.flush()
    await record(unit, actor.name, "group.bind", about("review_group", group.id))
    return group


async def ask_for_name(unit: Unit, address: Address) -> None:
    """An administrator who stays anonymous said `/desk`: nobody's right can be looked up, so the group is told."""
    group = await find(unit, address)
    spoken = [group.language] if group else [one.language for one in await holders(unit, Role.COORDINATOR)]
    to = To(address, spoken[0] if spoken else unit.texts.choose(None))
    life = Life(None, timedelta(minutes=unit.policy.retention.screen_minutes))
    await show(unit, to, Screen(unit.texts.render("group.unnamed", to.language)), slot=UNNAMED, life=life)


async def due_checks(unit: Unit) -> Sequence[UUID]:
    """The groups that Telegram is to be asked about now: asked for, or open."""
    return (await unit.run(_due(), {"now": unit.now})).scalars().all()


@cache
def _due() -> Executable:
    asked = col(ReviewGroup.open) | col(ReviewGroup.asked)
    return select(ReviewGroup.id).where(col(ReviewGroup.check_at) <= NOW, asked)


async def who_to_look_for(unit: Unit, group_id: UUID) -> tuple[Address, list[Address]] | None:
    """The group's chat, and everybody who may be in it; none when it is no longer due."""
    group = await unit.session.get(ReviewGroup, group_id)
    if group is None or group.check_at > unit.now:
        return None
    volunteers = (await unit.session.exec(select(Volunteer))).all()
    known = [v for v in volunteers if await roles_of(unit, v) & MEMBERS]
    return group_recipient(unit, group).address, [(await volunteer_recipient(unit, v)).address for v in known]


async def postpone(unit: Unit, group_id: UUID, wait: timedelta) -> None:
    """Telegram could not be asked now."""
    group = await unit.session.get(ReviewGroup, group_id)
    if group is not None:
        group.check_at = unit.now + wait


async def checked(unit: Unit, group_id: UUID, findings: Findings) -> None:
    """Take what Telegram said: open the group, refuse it with the exact reason, or close it.

    Who came in while Telegram was being asked may not have been counted: then it is asked once more.
    """
    group = await unit.session.get(ReviewGroup, group_id, with_for_update=True)
    if group is None or group.check_at > unit.now:
        return
    if group.asked and group.fault is not None and findings.fault is None:
        group.fault, group.check_at = None, unit.now
        return
    group.check_at = unit.now + RECHECK
    if findings.fault is not None and group.open:
        await close(unit, group, findings.fault)
    elif group.asked and findings.fault is not None:
        group.fault = findings.fault
        await _refuse(unit, group, findings)
    elif group.asked and not group.open:
        await _open(unit, group)
    group.asked = False
    await unit.session.flush()


async def close(unit: Unit, group: ReviewGroup, fault: str) -> None:
    """Stop posting, take the cards away and alert the coordinators."""
    if not group.open:
        return
    group.open, group.asked, group.fault = False, False, fault
    await record(unit, "system", "group.close", about("review_group", group.id), fault=fault)
    await _take_cards(unit, group)
    await tell_role(unit, Role.COORDINATOR, f"group.closed.{fault}", urgent=True)


async def joined(unit: Unit, address: Address, person: Address) -> None:
    """Somebody came in: whoever is not a confirmed reviewer or coordinator closes the group.

    A group that is being checked is marked: what has been asked about it by now may be older than they are in it.
    """
    group = await find(unit, address)
    if group is None:
        return
    await unit.session.refresh(group, with_for_update=True)  # a check may be opening it at this moment
    found = await unit.session.exec(select(Volunteer).where(Volunteer.chat == lane_of(unit, person)))
    if await roles_of(unit, found.first()) & MEMBERS:
        return
    if group.open:
        await close(unit, group, "strangers")
    elif group.asked:
        group.fault = "strangers"


async def look_again(unit: Unit) -> None:
    """Check the open group at once: a right, the history or a member may have changed."""
    group = await open_group(unit)
    if group is not None:
        group.check_at = unit.now


async def bot_removed(unit: Unit, address: Address) -> None:
    """The bot is no longer in the group."""
    group = await find(unit, address)
    if group is not None:
        await close(unit, group, "bot-removed")


async def bot_added(unit: Unit, address: Address, by: Actor | None) -> None:
    """The bot stays only where a coordinator brought it, or where it is already at home."""
    if await find(unit, address) is None and (by is None or Role.COORDINATOR not in by.roles):
        leave(unit, address)


async def migrated(unit: Unit, old: Address, new: Address) -> None:
    """A basic group became a supergroup with another number: follow it, and check it before anything is posted."""
    group = await find(unit, old)
    if group is None or await find(unit, new) is not None:
        return
    await close(unit, group, "migrated")
    seal_group(unit, group, new)
    group.asked, group.fault, group.check_at = True, None, unit.now
    await record(unit, "system", "group.migrate", about("review_group", group.id))


async def _open(unit: Unit, group: ReviewGroup) -> None:
    for earlier in (await unit.session.exec(select(ReviewGroup).where(col(ReviewGroup.in_use)))).all():
        earlier.open, earlier.in_use = False, False
        if earlier.id != group.id:
            await _take_cards(unit, earlier)
            await _tell_moved(unit, group)
    group.open, group.in_use, group.fault = True, True, None
    await unit.session.flush()
    await record(unit, str(group.bound_by), "group.open", about("review_group", group.id))
    to = group_recipient(unit, group)
    await notify(unit, to, Screen(unit.texts.render("group.opened", to.language)))


async def _tell_moved(unit: Unit, group: ReviewGroup) -> None:
    """All cards go elsewhere at one coordinator's word: all others hear of it, on a pause too, and may object."""
    mover = await unit.session.get_one(Volunteer, group.bound_by)
    for coordinator in await holders(unit, Role.COORDINATOR):
        to = await volunteer_recipient(unit, coordinator)
        text = unit.texts.render("group.moved", to.language, sign=mover.call_sign)
        await notify(unit, to, Screen(text), urgent=True)


async def _refuse(unit: Unit, group: ReviewGroup, findings: Findings) -> None:
    """Say the reason to the coordinator, in private; to all of them when that one is none any more."""
    await record(unit, "system", "group.refuse", about("review_group", group.id), fault=findings.fault)
    standing = await holders(unit, Role.COORDINATOR)
    bound = [one for one in standing if one.id == group.bound_by]
    for coordinator in bound or on_duty(standing):  # a group that became another one may have been bound long ago
        to = await volunteer_recipient(unit, coordinator)
        text = unit.texts.render(f"group.fault.{findings.fault}", to.language, n=findings.strangers)
        await notify(unit, to, Screen(text), urgent=True)


async def _take_cards(unit: Unit, group: ReviewGroup) -> None:
    """Those that stand, and those that wait for their turn to be sent."""
    standing = select(SentMessage.slot).where(SentMessage.lane == group.chat)
    waiting = select(Effect.slot).where(Effect.lane == group.chat, Effect.status == EffectStatus.PENDING)
    found = {*(await unit.session.exec(standing)).all(), *(await unit.session.exec(waiting)).all()}
    for slot in sorted(slot for slot in found if slot is not None and slot.startswith(CARD)):
        await clear_slot(unit, group.chat, slot)
