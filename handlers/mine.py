"""`/mine`: a volunteer's own cases, waiting times, the next one, and the pause button."""

from uuid import UUID

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from handlers.pressed import Pressed, finish
from models.case import Case
from models.unit import Unit
from services import followup_words, mine, standing
from services.access import Actor
from services.buttons import Press
from services.mine import Held, Mine
from services.speak import Button, Screen, erase_messages, show
from texts.formats import span

WORDS = 6
"""Most words of people that the list has buttons for; the next ones come once these are read."""


async def command(message: Message, unit: Unit, actor: Actor) -> None:
    """`/mine`."""
    erase_messages(unit, actor.address, [message.message_id])
    await show_mine(unit, actor)


async def pressed(event: CallbackQuery | Message, unit: Unit, actor: Actor, press: Press) -> None:
    """The same by a button, after a pause or its end, or when what a person wrote is opened from it."""
    if press.act == "mine.pause":
        await standing.pause(unit, actor)
    elif press.act == "mine.resume":
        await standing.resume(unit, actor)
    elif press.act == "mine.words":
        await followup_words.read(unit, actor, UUID(str(press.args["followup"])))
    await show_mine(unit, actor)
    await finish(unit, actor, event, press)


def build_router() -> Router:
    """The router of `/mine`."""
    router = Router(name="mine")
    router.message.register(command, Command("mine", ignore_mention=True), F.chat.type == ChatType.PRIVATE)
    router.callback_query.register(pressed, Pressed("mine."))
    router.message.register(pressed, Pressed("mine."))
    return router


async def show_mine(unit: Unit, actor: Actor) -> None:
    """What waits for a reviewer, in their one screen."""
    own = await mine.overview(unit, actor)

    def say(key: str, **params: str | int) -> str:
        return unit.texts.render(key, actor.language, **params)

    lines = [say("mine.load", n=len(own.held), cap=own.cap)] if own.held else []
    lines += [_line(unit, actor, held) for held in own.held]
    lines += [say("mine.afterwards", code=case.code) for case in own.afterwards]
    lines += [say("mine.words", code=case.code) for _, case in own.words]
    lines = lines or [say("mine.none")]
    lines += [say("mine.paused")] if own.paused else []
    lines += [say("mine.probation", n=own.probation)] if own.probation else []
    verb = "resume" if own.paused else "pause"
    rows = [
        [Button(say(f"mine.button.{verb}"), f"mine.{verb}")],
        [Button(say("volunteers.button.back"), "volunteers.home")],
    ]
    await show(unit, actor.to, Screen("\n".join(lines), [*_next(unit, actor, own), *rows]), case=own.next)


def _next(unit: Unit, actor: Actor, own: Mine) -> list[list[Button]]:
    def opens(key: str, case: Case, act: str, **args: str) -> list[Button]:
        return [Button(unit.texts.render(key, actor.language, code=case.code), act, args)]

    rows = [] if own.next is None else [opens("mine.next", own.next, "reading.show")]
    return rows + [
        opens("mine.button.words", case, "mine.words", followup=str(row.id)) for row, case in own.words[:WORDS]
    ]


def _line(unit: Unit, actor: Actor, held: Held) -> str:
    language = actor.language
    state = unit.texts.render(f"mine.state.{held.turn}", language, left=span(held.left, language))
    return unit.texts.render(
        "mine.case", language, code=held.case.code, age=span(held.waiting, language), state=state
    )
