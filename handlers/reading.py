"""Reading a case in the reviewer's private chat: a protected message of its own, page by page, soon erased."""

from datetime import timedelta

from aiogram import Router
from aiogram.types import CallbackQuery, Message

from handlers.pressed import Pressed, finish
from models.case import Case
from models.unit import Unit
from services import reading
from services.access import Actor
from services.buttons import Press, pressed_case
from services.panel import reading_slot
from services.reading import Page
from services.seats import asked
from services.speak import Button, Life, Screen, show
from texts.formats import money


async def open_page(event: CallbackQuery | Message, unit: Unit, actor: Actor, press: Press) -> None:
    """Show a page, the first one at the bottom of the chat; the others in its place."""
    case = await pressed_case(unit, press, same_version=False)
    page = await reading.read(unit, actor, case, int(press.args.get("page", 0)))
    screen = Screen(_text(unit, actor, case, page), _rows(unit, actor, case, page), page.picture, protect=True)
    life = Life(None, timedelta(minutes=unit.policy.panel.reading_minutes))
    turned = "page" in press.args
    await show(unit, actor.to, screen, slot=reading_slot(case.id), case=case, life=life, anew=not turned)
    await finish(unit, actor, event, press)


def build_router() -> Router:
    """The router of reading."""
    router = Router(name="reading")
    router.callback_query.register(open_page, Pressed("reading.show"))
    router.message.register(open_page, Pressed("reading.show"))
    return router


def _text(unit: Unit, actor: Actor, case: Case, page: Page) -> str:
    title = unit.texts.render(
        "review.page", actor.language, code=case.code, page=page.number + 1, count=page.count
    )
    return f"{title}\n\n{page.text}".strip()


def _rows(unit: Unit, actor: Actor, case: Case, page: Page) -> list[list[Button]]:
    def say(key: str, **params: str) -> str:
        return unit.texts.render(key, actor.language, **params)

    turn = []
    if page.number:
        turn.append(Button(say("review.button.back"), "reading.show", {"page": page.number - 1}))
    if page.number + 1 < page.count:
        turn.append(Button(say("review.button.next"), "reading.show", {"page": page.number + 1}))
    amount = money(asked(unit.policy, case), unit.policy.currency, actor.language)
    return [
        *([turn] if turn else []),
        [Button(say("review.approve-asked", amount=amount), "review.approve")],
        [
            Button(say("review.button.amount"), "review.type-amount"),
            Button(say("review.button.decline"), "review.reasons"),
        ],
        [Button(say("review.button.ask"), "relay.ask"), Button(say("review.button.know"), "review.know")],
    ]
