"""What somebody in the interview does next, by what they see: begin, answer, then correct answers for ever.

Every act is a turn as people take them: a button or typed words in, the next screen out.
"""

from collections.abc import Mapping
from typing import Any

from services.questions import KEYS, Kind, Question
from tests.bench.crowd import Member
from tests.soak.reading import asked, choice, label, says

TYPED: Mapping[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("It happened at home, early. I am safe for now.", "Нужна оплата адвоката, договор есть."),
    Kind.AMOUNT: ("15000", "20 000", "25000 RUB"),
    Kind.ZONE: ("+3", "UTC+5"),
    Kind.HOURS: ("10-21", "9-20"),
}
YESTERDAY, TOMORROW = "yesterday", "tomorrow"
CAUTIOUS = 0.5
"""How often somebody skips what may be skipped."""


async def step(member: Member) -> object:
    """One act in the interview."""
    seen, person, language = member.seen, member.person, member.language
    if seen is None:
        return await person.send("/start")
    question = asked(seen["text"], language)
    if question is not None:
        return await _answer(member, seen, question, language)
    for key in ("start.button.answer", "start.button.resume"):
        if label(key, language) in _labels(seen):
            return await _press(member, seen, label(key, language))
    if says(seen["text"], "intake.review.ask", language):
        return await _press(member, seen, label(f"intake.title.{member.dice.choice(KEYS)}", language))
    return await person.send("/start")


async def echo_step(member: Member) -> object:
    """One text to the echo bot."""
    return await member.person.send("15000")


async def _answer(member: Member, seen: dict[str, Any], question: Question, language: str) -> object:
    skip = label("intake.button.skip", language)
    if skip in _labels(seen) and (question.kind is Kind.DOCUMENTS or member.dice.random() < CAUTIOUS):
        return await _press(member, seen, skip)
    if question.kind is Kind.DOCUMENTS:
        return await _press(member, seen, label("intake.button.unchanged", language))
    if question.choices and question.kind is not Kind.HOURS:
        name = member.dice.choice(list(question.choices))
        return await _press(member, seen, choice(question, name, language))
    if question.kind is Kind.DATE:
        return await member.person.send(YESTERDAY if question.key == "when" else TOMORROW)
    return await member.person.send(member.dice.choice(TYPED[question.kind]))


async def _press(member: Member, seen: dict[str, Any], wanted: str) -> object:
    buttons = [button for row in seen["buttons"] for button in row if button["text"] == wanted]
    if not buttons:
        raise RuntimeError(f"no button {wanted!r} under {seen['text']!r}")
    body = {"button": buttons[0]["callback_data"], "chat": None, "message_id": seen["id"]}
    return await member.person.town.call("POST", f"/people/{member.person.id}/press", json=body)


def _labels(seen: dict[str, Any]) -> list[str]:
    return [button["text"] for row in seen["buttons"] for button in row]
