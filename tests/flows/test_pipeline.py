"""The pipeline as a whole, over the Bot API's protocol: what comes that no conversation asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import aiohttp
import pytest
from sqlmodel import col, select

from bot.app import WEBHOOK_PATH, webhook_secret
from bot.database import Resources
from bot.rates import Rates
from models.mail import Conversation, Effect, EffectStatus, EventStatus, InboxEvent, SentMessage
from sandbox.clock import TravelClock
from sandbox.telegram.client import Person
from sandbox.telegram.limits import Limits
from tests.flows.harness import World, open_world
from web.webhook import SECRET_HEADER

BOTH = pytest.mark.parametrize("receiving", ["polling", "webhook"], indirect=True)
ONLY_WEBHOOK = pytest.mark.parametrize("receiving", ["webhook"], indirect=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Both, each time: here the databases differ most."""
    return str(request.param)


def say(world: World, key: str) -> str:
    """A text in Russian."""
    return world.resources.texts.render(key, "ru")


async def outcomes(world: World) -> list[tuple[EventStatus, str | None]]:
    """How the events ended, in order."""
    async with world.unit() as unit:
        rows = (await unit.session.exec(select(InboxEvent).order_by(col(InboxEvent.id)))).all()
    return [(row.status, row.error) for row in rows]


async def bot_says(person: Person) -> list[str]:
    """What stands from the bot in a person's chat."""
    return [view.text for view in await person.messages() if view.from_bot]


@BOTH
async def test_a_stray_message_is_erased_and_answered(world: World) -> None:
    """What a person wrote leaves the chat, and the screen leads home in their language."""
    anna = await world.person("Anna")
    await anna.send("что-то")
    await world.settle()
    seen = await anna.messages()
    assert [view.from_bot for view in seen] == [True]
    assert seen[0].text == say(world, "pipeline.stray")
    assert seen[0].labels == [say(world, "pipeline.open")]
    await anna.press(say(world, "pipeline.open"))
    await world.settle()
    assert await bot_says(anna) != [say(world, "pipeline.stray")]


@BOTH
async def test_nothing_of_a_turn_stays_readable(world: World) -> None:
    """Neither what was said nor what was answered is left in the tables once it is done."""
    anna = await world.person("Anna")
    await anna.send("/start")
    await anna.send("что-то")
    await world.settle()
    async with world.unit() as unit:
        events = (await unit.session.exec(select(InboxEvent.payload))).all()
        effects = (await unit.session.exec(select(Effect.payload))).all()
    assert set(events) | set(effects) == {None}


@BOTH
async def test_a_repeated_update_is_answered_once(world: World) -> None:
    """Telegram may deliver twice; the person is answered once."""
    anna = await world.person("Anna")
    await anna.send("что-то")
    await world.settle()
    calls = len(await world.town.calls(chat=anna.id))
    await world.town.repeat()
    await world.settle()
    assert len(await world.town.calls(chat=anna.id)) == calls
    assert len(await outcomes(world)) == 1


@BOTH
@pytest.mark.parametrize(
    "strange",
    [
        {"from_the_future": {"chat": {"id": 1}}},
        {"message": {"message_id": "x"}},
        {"poll": {"id": "1"}},
        {},
    ],
)
async def test_a_strange_update_stops_nobody(world: World, strange: dict[str, object]) -> None:
    """An update that cannot be read, or of an unknown kind, is set aside, and those behind it are answered."""
    await world.town.inject(strange)
    anna = await world.person("Anna")
    await anna.send("что-то")
    await world.settle()
    assert [status for status, _ in await outcomes(world)] == [EventStatus.DONE] * 2
    assert await bot_says(anna) == [say(world, "pipeline.stray")]


async def test_an_edited_message_is_erased(world: World) -> None:
    """Whoever edits a message that still stands sees it go; nothing else changes."""
    anna = await world.person("Anna")
    await world.kill()
    typed = await anna.send("что-то")
    await anna.edit(typed, "другое")
    await world.start()
    await world.settle()
    assert await bot_says(anna) == [say(world, "pipeline.stray")]
    assert all(view.from_bot for view in await anna.messages())


async def test_channels_and_groups_hear_nothing(world: World) -> None:
    """A post in a channel, talk in a group and people coming and going are nobody's business: no word is kept."""
    anna, boris = await world.person("Anna"), await world.person("Boris")
    channel = await world.town.group("Вести", anna, kind="channel")
    await channel.add_bot(admin=True)
    await anna.send("запись", chat=channel)
    group = await world.group("Чужие", anna, boris)
    await boris.send("привет", chat=group)
    await boris.send("/start", chat=group)
    await group.leave(boris)
    await world.settle()
    assert {status for status, _ in await outcomes(world)} == {EventStatus.DONE}
    assert not await world.town.calls("sendMessage")
    async with world.unit() as unit:
        assert {event.payload for event in (await unit.session.exec(select(InboxEvent))).all()} == {None}
        assert not (await unit.session.exec(select(Conversation))).all()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_everybody_is_answered_within_telegrams_rates(resources: Resources, clock: TravelClock) -> None:
    """More people at once than Telegram takes messages in a second, and a chat that is beyond its share."""
    async with open_world(resources, clock, "polling", limits=Limits(), rates=Rates()) as world:
        people = [await world.person(f"P{number}") for number in range(20)]
        for person in people:
            await person.send("слово")
        for _ in range(6):
            await people[0].send("ещё слово")
        await world.settle()
        for person in people:
            assert [view.text for view in await person.messages()] == [say(world, "pipeline.stray")]
        refused = [call for call in await world.town.calls() if not call["ok"]]
        assert {call["code"] for call in refused} <= {429}
        async with world.unit() as unit:
            effects = (await unit.session.exec(select(Effect.status))).all()
        assert set(effects) == {EffectStatus.DONE}


async def _forged(world: World, anna: Person) -> None:
    await anna.forge("nonsense")
    await world.settle()


async def _gone(world: World, anna: Person) -> None:
    screen = await anna.screen()
    assert screen is not None
    await anna.press(say(world, "pipeline.open"))
    await world.settle()
    await anna.forge(screen.data[0], message_id=screen.id)
    await world.settle()


async def _forwarded(world: World, anna: Person) -> None:
    boris = await world.person("Boris")
    await boris.send("что-то")
    await world.settle()
    screen = await boris.screen()
    assert screen is not None
    await anna.forge(screen.data[0], message_id=screen.id)
    await world.settle()


async def _expired(world: World, anna: Person) -> None:
    screen = await anna.screen()
    assert screen is not None
    await world.jump(hours=41)
    await anna.forge(screen.data[0], message_id=screen.id)
    await world.settle()


@pytest.mark.parametrize(
    ("act", "answer"),
    [
        (_forged, "refused.button-gone"),
        (_gone, "refused.already-pressed"),
        (_forwarded, "refused.button-gone"),
        (_expired, "refused.button-gone"),
    ],
)
async def test_a_button_that_does_not_stand_explains_itself(
    world: World, act: Callable[[World, Person], Awaitable[None]], answer: str
) -> None:
    """A forged, used, forwarded or expired button does nothing, and a pop-up says so."""
    anna = await world.person("Anna")
    await anna.send("что-то")
    await world.settle()
    await act(world, anna)
    assert (await anna.popups())[-1].text == say(world, answer)


async def test_a_text_fades_and_the_message_goes_in_time(world: World) -> None:
    """After a while the screen says nothing, and before 48 hours nothing stands."""
    anna = await world.person("Anna")
    await anna.send("что-то")
    await world.settle()
    await world.jump(minutes=world.resources.policy.retention.screen_minutes + 1)
    screen = await anna.screen()
    assert screen is not None
    assert (screen.text, screen.labels) == (say(world, "pipeline.neutral"), [say(world, "pipeline.open")])
    await world.jump(hours=world.resources.policy.retention.message_hours)
    assert await anna.messages() == []
    async with world.unit() as unit:
        assert (await unit.session.exec(select(SentMessage))).all() == []
    assert all(call["ok"] for call in await world.town.calls("deleteMessage"))


async def test_a_screen_in_use_is_not_deleted_and_is_replaced_in_time(world: World) -> None:
    """Whoever writes every few hours always has one screen, never one too old to be deleted."""
    anna = await world.person("Anna")
    for _ in range(12):
        await anna.send("что-то")
        await world.settle()
        [view] = await anna.messages()
        assert world.clock.now().timestamp() - view.date < timedelta(hours=47).total_seconds()
        await world.jump(hours=9.45)  # five of these end within the last hour in which Telegram deletes
    assert all(call["ok"] for call in await world.town.calls("deleteMessage"))


@BOTH
@pytest.mark.parametrize("cut", range(0, 30, 3))
async def test_a_kill_at_any_moment_loses_and_doubles_nothing(world: World, cut: int) -> None:
    """The process ends without grace some steps into its work; after a restart everybody has their one answer."""
    people = [await world.person(f"P{number}") for number in range(4)]
    for number, person in enumerate(people):
        await person.send(f"слово {number}")
    for _ in range(cut):
        await asyncio.sleep(0)
    await world.kill()
    await world.start()
    await world.settle()
    neutral = say(world, "pipeline.neutral")
    for person in people:
        said = await bot_says(person)
        assert said.count(say(world, "pipeline.stray")) == 1
        assert set(said) <= {say(world, "pipeline.stray"), neutral}
        assert all(view.from_bot for view in await person.messages())
    assert [status for status, _ in await outcomes(world)] == [EventStatus.DONE] * 4


@BOTH
async def test_a_graceful_end_finishes_what_is_under_way(world: World) -> None:
    """Whatever was heard before the end is there after it."""
    people = [await world.person(f"P{number}") for number in range(4)]
    for person in people:
        await person.send("слово")
    await world.app.__aexit__(None, None, None)
    await world.start()
    await world.settle()
    for person in people:
        assert await bot_says(person) == [say(world, "pipeline.stray")]


@ONLY_WEBHOOK
async def test_a_stranger_cannot_use_the_webhook(world: World) -> None:
    """Without the secret nothing is stored; with it, the same call is."""
    await world.settle()
    url = f"http://127.0.0.1:{world.app.web_port}{WEBHOOK_PATH}"
    update = {"update_id": 1, "poll": {"id": "1"}}
    async with aiohttp.ClientSession() as session:
        for secret, status in (("", 401), ("wrong", 401), (webhook_secret(world.setup.token), 200)):
            answer = await session.post(url, json=update, headers={SECRET_HEADER: secret})
            assert answer.status == status
    assert len(await outcomes(world)) == 1


@BOTH
async def test_health_and_metrics_tell_no_secret(world: World) -> None:
    """The process says that all its parts run, and counts without naming anybody."""
    anna = await world.person("Anna")
    await anna.send("тайна")
    await world.settle()
    base = f"http://127.0.0.1:{world.app.web_port}"
    async with aiohttp.ClientSession() as session:
        health = await session.get(f"{base}/health")
        assert health.status == 200
        assert all((await health.json()).values())
        metrics = await (await session.get(f"{base}/metrics")).text()
    assert 'plecho_events_handled_total{outcome="done"} 1.0' in metrics
    assert "тайна" not in metrics
    assert str(anna.id) not in metrics


async def test_telegram_is_told_what_the_bot_is(world: World) -> None:
    """Commands and descriptions stand in both languages."""
    seen = 0
    for _ in range(3):
        seen = (await world.town.wait_call("setMyShortDescription", after=seen))["seq"]
    languages = {call["params"].get("language_code") for call in await world.town.calls("setMyCommands")}
    assert languages == {None, "en", "ru"}
