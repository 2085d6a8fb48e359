"""Where a person stands in their interview: the one state of the conversation that these handlers share.

The state is `intake:<question>` on the first way through, `correct:<question>` when one answer is changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aiogram.filters import Filter
from aiogram.fsm.context import FSMContext
from aiogram.types import Message

from models.case import Case, CaseStatus
from models.errors import BadInput, Refused
from models.unit import Unit
from services import attachments, intake
from services.access import Actor
from services.contact import To
from services.messages import is_for_shortening, keep_for_shortening
from services.questions import BY_KEY, KEYS, LONGEST
from services.screens import question_screen, review_screen
from services.speak import MESSAGE, erase_messages, show, units
from services.submission import changeable

WALK, CORRECT = "intake", "correct"

TOO_LONG = frozenset({"intake.bad.long", "intake.bad.cut"})
"""What is said of a text that is to be shortened."""

SPLIT_SECONDS = 2
"""Between the parts of a text that Telegram's apps have cut because no message holds it."""


class Shortened(Filter):
    """Passes for a message that was left for its person to shorten, when they have changed it in its place."""

    async def __call__(self, message: Message, unit: Unit, actor: Actor) -> bool:
        """Whether this one was."""
        return await is_for_shortening(unit, actor.chat, message.message_id)


@dataclass(frozen=True, slots=True)
class Asked:
    """The question that the screen shows."""

    key: str
    correcting: bool


def asked_in(raw_state: str | None) -> Asked | None:
    """The question that a state stands for."""
    way, _, key = (raw_state or "").partition(":")
    return Asked(key, way == CORRECT) if way in {WALK, CORRECT} and key in BY_KEY else None


class Asking(Filter):
    """Passes while a question is on the screen, and hands it on as `asked`."""

    async def __call__(self, _: Message, raw_state: str | None = None, **__: object) -> bool | Mapping[str, Asked]:  # type: ignore[override] # aiogram takes any mapping
        """Whether a question is asked."""
        asked = asked_in(raw_state)
        return {"asked": asked} if asked else False


async def ask(
    unit: Unit, case: Case, to: To, state: FSMContext, asked: Asked, problem: BadInput | None = None
) -> None:
    """Put a question on the screen. The answer that it has is shown only until the case is sent."""
    await state.set_state(f"{CORRECT if asked.correcting else WALK}:{asked.key}")
    draft = case.status is CaseStatus.DRAFT
    now = (await intake.read_answers(unit, case, key=asked.key)).get(asked.key) if draft else None
    files = await attachments.files_of(unit, case) if asked.key == "documents" else ()
    screen = question_screen(
        unit, to, asked.key, now=now, correcting=asked.correcting, files=files, problem=problem
    )
    await show(unit, to, screen, case=case, anew=is_too_long(problem))


async def go_on(unit: Unit, case: Case, to: To, state: FSMContext, asked: Asked) -> None:
    """What comes after an answer: the next question, or the page to read and correct."""
    following = None if asked.correcting else await intake.following(unit, case, asked.key)
    if following is None:
        await show_review(unit, case, to, state)
    else:
        await ask(unit, case, to, state, Asked(following, correcting=False))


async def resume(unit: Unit, case: Case, to: To, state: FSMContext) -> None:
    """Where a half-done interview goes on."""
    key = await intake.position(unit, case)
    if key is None:
        await show_review(unit, case, to, state)
    else:
        await ask(unit, case, to, state, Asked(key, correcting=False))


async def show_review(unit: Unit, case: Case, to: To, state: FSMContext) -> None:
    """The page to read and correct."""
    await state.set_state(None)
    answers = await intake.read_answers(unit, case)
    keys = [key for key in changeable(case) if key in KEYS]
    files = await attachments.files_of(unit, case)
    await show(unit, to, review_screen(unit, to, case, answers, keys, files), case=case)


async def refuse_cut(message: Message, state: FSMContext) -> None:
    """Refuse a text that the app has cut in two, and its rest, so that half of it is not taken for the whole."""
    sent, last = message.edit_date or int(message.date.timestamp()), (await state.get_data()).get("cut")
    whole = units(message.text or "") < MESSAGE
    if not whole:
        await state.update_data(cut=sent)
    if not whole or (last is not None and 0 <= sent - last <= SPLIT_SECONDS):
        raise BadInput("intake.bad.cut", limit=LONGEST)


def put_away(unit: Unit, actor: Actor, message: Message, problem: Refused | None = None) -> None:
    """Erase what was typed; what was too long stays for some minutes, for its person to copy and shorten it."""
    if is_too_long(problem) and message.edit_date is not None:
        return  # it stands already, for as long as was said
    if is_too_long(problem):
        keep_for_shortening(unit, actor.address, message.message_id)
    else:
        erase_messages(unit, actor.address, [message.message_id])


def is_too_long(problem: Refused | None) -> bool:
    """Whether a text is to be shortened: it stands below the screen then, so the screen is to come below it."""
    return problem is not None and problem.text_key in TOO_LONG
