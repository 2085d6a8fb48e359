"""Groups behave as the bot knows them from Telegram."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiogram import Bot
from aiogram.types import Update

from sandbox.telegram.client import Group, Person, Refused, Town

Api = Callable[..., Awaitable[dict[str, Any]]]
EVERYTHING = ["message", "chat_member", "my_chat_member", "channel_post"]


async def fresh(ear: Bot) -> list[Update]:
    """Return new updates and confirm them."""
    updates = await ear.get_updates(allowed_updates=EVERYTHING)
    if updates:
        await ear.get_updates(offset=updates[-1].update_id + 1)
    return updates


@pytest.fixture
async def group(town: Town, anna: Person, ear: Bot) -> Group:
    """A supergroup with the bot as a plain member and no update pending."""
    group = await town.group("Щит", anna)
    await group.add_bot(admin=False)
    await fresh(ear)
    return group


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("hello", False),
        ("/desk", True),
        ("/desk@plecho_demo_bot", True),
        ("/desk@other_bot", False),
        ("ask @plecho_demo_bot", True),
    ],
)
@pytest.mark.parametrize("admin", [False, True])
async def test_privacy_mode(ear: Bot, anna: Person, group: Group, text: str, *, heard: bool, admin: bool) -> None:
    """A plain member hears commands and mentions only; an administrator hears everything."""
    if admin:
        await group.set_bot("administrator")
        await fresh(ear)
    await anna.send(text, chat=group)
    assert [u.message.text for u in await fresh(ear) if u.message] == ([text] if heard or admin else [])


async def test_replies_to_the_bot_are_heard(ear: Bot, anna: Person, group: Group) -> None:
    """In privacy mode an answer to the bot's own message arrives with that message."""
    card = await ear.send_message(group.id, "card")
    await anna.send("why?", chat=group, reply_to=card.message_id)
    [update] = await fresh(ear)
    assert update.message
    assert update.message.reply_to_message
    assert update.message.reply_to_message.message_id == card.message_id


async def test_the_bot_is_told_about_itself(ear: Bot, town: Town, anna: Person) -> None:
    """Being added, promoted and removed are my_chat_member updates."""
    group = await town.group("Щит", anna)
    await fresh(ear)
    await group.add_bot(admin=False)
    await group.set_bot("administrator", {"can_delete_messages": True})
    await group.set_bot("kicked")
    changes = [u.my_chat_member for u in await fresh(ear) if u.my_chat_member]
    assert [(c.old_chat_member.status, c.new_chat_member.status) for c in changes] == [
        ("left", "member"),
        ("member", "administrator"),
        ("administrator", "kicked"),
    ]
    assert changes[0].from_user.id == anna.id
    rights = changes[1].new_chat_member.model_dump()
    assert (rights["can_delete_messages"], rights["can_pin_messages"]) == (True, False)


@pytest.mark.parametrize("admin", [False, True])
async def test_others_are_told_about_to_administrators(ear: Bot, town: Town, group: Group, *, admin: bool) -> None:
    """Joins, leaves and removals are service messages for all bots and chat_member for administrators."""
    if admin:
        await group.set_bot("administrator")
        await fresh(ear)
    boris, vera = await town.person("Boris"), await town.person("Vera")
    await group.join(boris)
    await group.leave(boris)
    await group.join(vera)
    await group.kick(vera)
    updates = await fresh(ear)
    messages = [u.message for u in updates if u.message]
    assert [bool(m.new_chat_members) for m in messages] == [True, False, True, False]
    assert [m.left_chat_member.id for m in messages if m.left_chat_member] == [boris.id, vera.id]
    changes = [u.chat_member.new_chat_member.status for u in updates if u.chat_member]
    assert changes == (["member", "left", "member", "kicked"] if admin else [])


@pytest.mark.parametrize("visible", [True, False])
@pytest.mark.parametrize("admin", [True, False])
async def test_history_is_hidden_or_visible(
    api: Api, ear: Bot, anna: Person, town: Town, group: Group, *, visible: bool, admin: bool
) -> None:
    """Newcomers read earlier messages only when history is visible; administrators are told which it is."""
    if admin:
        await group.set_bot("administrator")
    await group.set_history(visible=visible)
    await anna.send("before", chat=group)
    boris = await town.person("Boris")
    await group.join(boris)
    await anna.send("after", chat=group)
    seen = [m.text for m in await boris.messages(group) if not m.service]
    assert seen == (["before", "after"] if visible else ["after"])
    info = (await api("getChat", chat_id=group.id))["result"]
    assert info.get("has_visible_history", False) == (visible and admin)
    assert (await ear.get_chat(group.id)).id == group.id


@pytest.mark.parametrize("kind", ["public", "forum", "linked", "located"])
async def test_a_group_open_to_others_hides_nothing(
    ear: Bot, anna: Person, town: Town, group: Group, kind: str
) -> None:
    """Its hidden history is said to be hidden, and is read by newcomers all the same; getChat tells what it is."""
    await group.set_bot("administrator")
    channel = await town.group("Новости", anna, kind="channel")
    settings: dict[str, str | int] = {"username": "shield", "is_forum": True, "address": "Москва"}
    name = {"public": "username", "forum": "is_forum", "linked": "linked_chat", "located": "address"}[kind]
    await group.set_up(**{name: settings.get(name, channel.id)})
    await anna.send("before", chat=group)
    boris = await town.person("Boris")
    await group.join(boris)
    assert [m.text for m in await boris.messages(group) if not m.service] == ["before"]
    told = await ear.get_chat(group.id)
    assert not told.has_visible_history
    assert (told.username, told.active_usernames) == (("shield", ["shield"]) if kind == "public" else (None, None))
    assert bool(told.is_forum) == (kind == "forum")
    assert told.linked_chat_id == (channel.id if kind == "linked" else None)
    assert (told.location.address if told.location else None) == ("Москва" if kind == "located" else None)
    with pytest.raises(Refused, match="supergroup"):
        await channel.set_up(is_forum=True)
    with pytest.raises(Refused, match="channel"):
        await group.set_up(linked_chat=group.id)


async def test_channel_posts_are_told(ear: Bot, town: Town, anna: Person) -> None:
    """A post in a channel where the bot is an administrator is a channel_post without a sender."""
    channel = await town.group("Новости", anna, kind="channel")
    await channel.add_bot()
    await anna.send("post", chat=channel)
    post = (await fresh(ear))[-1].channel_post
    assert post
    assert (post.text, post.from_user) == ("post", None)
    assert post.sender_chat
    assert post.sender_chat.id == channel.id


async def test_strangers_neither_read_nor_write(town: Town, group: Group) -> None:
    """Whoever is not in a group cannot see or send anything there, also after leaving."""
    boris = await town.person("Boris")
    for _ in range(2):
        with pytest.raises(Refused, match="not in this chat"):
            await boris.send("hello", chat=group)
        with pytest.raises(Refused, match="not in this chat"):
            await boris.messages(group)
        await group.join(boris)
        assert await boris.send("hello", chat=group)
        await group.leave(boris)


async def test_a_group_link_adds_the_bot_with_rights(ear: Bot, town: Town, anna: Person) -> None:
    """A startgroup link adds the bot, as an administrator if it says so, and sends the payload."""
    group = await town.group("Щит", anna)
    link = "https://t.me/plecho_demo_bot?startgroup=abc&admin=delete_messages+pin_messages"
    await anna.open_link(link, group=group)
    updates = await fresh(ear)
    assert [u.message.text for u in updates if u.message and u.message.text][-1] == "/start@plecho_demo_bot abc"
    member = await ear.get_chat_member(group.id, ear.id)
    assert member.status == "administrator"


async def test_protected_groups_say_so(api: Api, town: Town, anna: Person) -> None:
    """A group whose content is protected tells it in getChat and on its messages."""
    body = {"title": "Щит", "creator": anna.id, "kind": "supergroup", "protected": True}
    group = Group(town, (await town.call("POST", "/groups", json=body))["id"], anna)
    await group.add_bot()
    assert (await api("getChat", chat_id=group.id))["result"]["has_protected_content"]
    assert (await anna.send("hello", chat=group)).protected
