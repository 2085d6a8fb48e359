"""Reading a case in the reviewer's private chat: a protected message of its own, page by page, soon erased."""

from aiogram import Router
from aiogram.types import CallbackQuery, Message

from handlers.pressed import Pressed, finish
from models.case import OPEN, Case
from models.unit import Unit
from services import emergency, reading
from services.access import Actor
from services.buttons import Press, pressed_case
from services.panel import reading_slot
from services.reading import Page
from services.seats import asked
from services.speak import Button, Screen, clear_notices, for_reading, show
from texts.formats import money


async def open_page(event: CallbackQuery | Message, unit: Unit, actor: Actor, press: Press) -> None:
    """Show a page, the first one at the bottom of the chat; the others in its place."""
    case = await pressed_case(unit, press, same_version=False)
    page = await reading.read(unit, actor, case, int(press.args.get("page", 0)))
    rows = await _rows(unit, actor, case, page)
    screen = Screen(_text(unit, actor, case, page), rows, page.picture, protect=True)
    life, turned = for_reading(unit), "page" in press.args
    if not turned:  # whatever led here says nothing new any more
        await clear_notices(unit, actor.chat, case.id)
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


async def _rows(unit: Unit, actor: Actor, case: Case, page: Page) -> list[list[Button]]:
    def say(key: str, **params: str) -> str:
        return unit.texts.render(key, actor.language, **params)

    turn = []
    if page.number:
        turn.append(Button(say("review.button.back"), "reading.show", {"page": page.number - 1}))
    if page.number + 1 < page.count:
        turn.append(Button(say("review.button.next"), "reading.show", {"page": page.number + 1}))
    rows = [turn] if turn else []
    if case.status not in OPEN:  # an emergency has decided: they say what they think of it
        return [
            *rows,
            [Button(say("emergency.button.right"), "emergency.right")],
            [Button(say("emergency.button.wrong"), "emergency.wrong")],
        ]
    if await emergency.may_propose(unit, actor, case):
        rows.append([Button(say("emergency.button.begin"), "emergency.begin")])
    amount = money(asked(unit.policy, case), unit.policy.currency, actor.language)
    return [
        *rows,
        [Button(say("review.approve-asked", amount=amount), "review.approve")],
        [
            Button(say("review.button.amount"), "review.type-amount"),
            Button(say("review.button.decline"), "review.reasons"),
        ],
        [Button(say("review.button.ask"), "relay.ask"), Button(say("review.button.know"), "review.know")],
    ]
