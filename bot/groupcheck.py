"""Looking at the review group: asks Telegram what `services.group` must know before anything is posted there.

The due row is the group's `check_at`. Asked are the chat, the bot's own rights, how many are in it, and which of
the fund's own people are among them: the rest are strangers (Bot API: a bot cannot list members). What cannot be
asked now is asked again a minute later; a bot that is no longer in the group is an answer, too.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramForbiddenError
from aiogram.types import ChatMemberAdministrator, ChatMemberRestricted, ResultChatMemberUnion

from bot.database import Resources
from bot.errands import Errand
from models.unit import Unit
from services import group
from services.contact import Address
from services.group import GONE, Findings

AGAIN: Final = timedelta(minutes=1)
"""When a check that could not be made is made again."""

OUTSIDE: Final = frozenset({"left", "kicked"})


async def find(unit: Unit) -> Sequence[UUID]:
    """The groups to be looked at."""
    return await group.due_checks(unit)


async def run(resources: Resources, bot: Bot, group_id: UUID) -> None:
    """Look at one group and bring what was found back."""
    async with resources.unit() as unit:
        wanted = await group.who_to_look_for(unit, group_id)
    if wanted is None:
        return
    chat, known = wanted
    try:
        findings = await look(bot, chat, known)
    except AiogramError:
        async with resources.unit() as unit:
            await group.postpone(unit, group_id, AGAIN)
        return
    async with resources.unit() as unit:
        await group.checked(unit, group_id, findings)


async def look(bot: Bot, chat: Address, known: Sequence[Address]) -> Findings:
    """What Telegram says of a group; raises `AiogramError` when it cannot be asked."""
    try:
        described = await bot.get_chat(chat)
        me = await bot.me()
        own = await bot.get_chat_member(chat, me.id)
    except (TelegramForbiddenError, TelegramBadRequest):
        return GONE
    if not _inside(own):
        return GONE
    inside = [person for person in known if await _is_member(bot, chat, person)]
    count = await bot.get_chat_member_count(chat)
    return Findings(
        present=True,
        supergroup=described.type == "supergroup",
        may_delete=isinstance(own, ChatMemberAdministrator) and own.can_delete_messages,
        public=bool(described.username or described.active_usernames),
        forum=bool(described.is_forum),
        linked=described.linked_chat_id is not None,
        located=described.location is not None,
        history_visible=bool(described.has_visible_history),
        strangers=max(0, count - len(inside) - 1),
    )


async def _is_member(bot: Bot, chat: Address, person: Address) -> bool:
    try:
        return _inside(await bot.get_chat_member(chat, person))
    except TelegramBadRequest:  # an account that is gone, or was never seen
        return False


def _inside(member: ResultChatMemberUnion) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status not in OUTSIDE


ERRANDS: tuple[Errand, ...] = (Errand("groupcheck", find, run),)
