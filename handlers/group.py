"""The review group as Telegram tells of it: bound by `/desk`, who comes and goes, what becomes of the bot."""

from aiogram import F, Router
from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.filters import Command
from aiogram.types import ChatMemberRestricted, ChatMemberUpdated, Message, ResultChatMemberUnion

from models.unit import Unit
from services import group, messages, standing
from services.access import Actor
from services.contact import Address

GROUPS = {ChatType.GROUP, ChatType.SUPERGROUP}
OUTSIDE = {ChatMemberStatus.LEFT, ChatMemberStatus.KICKED}


async def bind(message: Message, unit: Unit, actor: Actor) -> None:
    """`/desk` in a group asks to make it the review group; Telegram is asked after the commit."""
    await group.bind(unit, actor, Address(message.chat.id))


async def bind_unnamed(message: Message, unit: Unit) -> None:
    """`/desk` without a name: from an administrator who stays anonymous, or from a channel, which is nobody."""
    if message.sender_chat is not None and message.sender_chat.id == message.chat.id:
        await group.ask_for_name(unit, Address(message.chat.id))


async def bot_changed(update: ChatMemberUpdated, unit: Unit, actor: Actor | None = None) -> None:
    """The bot was added, removed, or its rights were changed; without an actor by itself or by another bot."""
    chat = Address(update.chat.id)
    if not _inside(update.new_chat_member):
        await group.bot_removed(unit, chat)
    elif not _inside(update.old_chat_member):
        await group.bot_added(unit, chat, actor)
    else:
        await group.look_again(unit)


async def member_changed(update: ChatMemberUpdated, unit: Unit) -> None:
    """Somebody came, left or was removed."""
    chat, person = Address(update.chat.id), Address(update.new_chat_member.user.id)
    if not _inside(update.new_chat_member):
        await standing.left_group(unit, chat, person)
    elif not _inside(update.old_chat_member):
        await group.joined(unit, chat, person)


async def came(message: Message, unit: Unit) -> None:
    """The same by a service message, which comes where the bot is no administrator too."""
    for user in message.new_chat_members or ():
        await group.joined(unit, Address(message.chat.id), Address(user.id))


async def left(message: Message, unit: Unit) -> None:
    """Somebody left, by a service message."""
    if message.left_chat_member is not None:
        await standing.left_group(unit, Address(message.chat.id), Address(message.left_chat_member.id))


async def migrated(message: Message, unit: Unit) -> None:
    """The group became a supergroup with another number."""
    old, new = Address(message.chat.id), Address(message.migrate_to_chat_id or 0)
    await group.migrated(unit, old, new)
    await messages.chat_moved(unit, old, new)


def build_router() -> Router:
    """The router of the review group."""
    router = Router(name="group")
    in_group = F.chat.type.in_(GROUPS)
    desk = Command("desk", ignore_mention=True)
    # Telegram says of these that they are from a bot, or from itself (Bot API, Message.sender_chat).
    router.message.register(bind_unnamed, desk, in_group, F.sender_chat)
    router.message.register(bind, desk, in_group)
    router.message.register(came, F.new_chat_members, in_group)
    router.message.register(left, F.left_chat_member, in_group)
    router.message.register(migrated, F.migrate_to_chat_id, in_group)
    router.my_chat_member.register(bot_changed, in_group)
    router.chat_member.register(member_changed, in_group)
    return router


def _inside(member: ResultChatMemberUnion) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status not in OUTSIDE
