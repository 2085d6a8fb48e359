"""The story of the demo: one request from the first message to the follow-up, then a call for help and an end.

Keys name texts of the fund's catalogue; nothing else of the fund is known here.
"""

import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from PIL import Image, ImageDraw

from sandbox.player import Act, Draw, Follow, Jump, Photo, Press, Say, See, Step, Words
from sandbox.telegram.client import Person

PANEL: Final = ("first", "second", "third")
"""Roles of who is drawn, in the order in which they hear of it."""

ANSWERS: Final[Sequence[tuple[str, Words]]] = (
    ("when", {"en": "yesterday", "ru": "вчера"}),
    ("need", {"en": "To pay the fine and a lawyer for one evening.", "ru": "Оплатить штраф и вечер адвоката."}),
    ("amount", {"en": "15000", "ru": "15000"}),
    (
        "story",
        {
            "en": "I was fined for a green umbrella. I teach drawing, and my next pay comes in a month.",
            "ru": "Меня оштрафовали за зелёный зонт. Я учу рисованию, зарплата только через месяц.",
        },
    ),
    ("payout", {"en": "Card 2200 0000 0000 0004, any bank", "ru": "Карта 2200 0000 0000 0004, любой банк"}),
)
"""What Anna types, by question."""

CHOICES: Final = {
    "happened": "fine",
    "district": "volga",
    "urgency": "week",
    "zone": "utc3",
    "hours": "any",
    "messages": "yes",
}
"""What Anna presses, by question."""

START: Final[Words] = {"en": "/start"}


def letter() -> bytes:
    """Draw a letter, as a JPEG."""
    picture = Image.new("RGB", (480, 640), "#fffdf7")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((20, 20, 460, 620), outline="#bbb", width=2)
    for line in range(12):
        pen.rectangle((60, 100 + line * 38, 400 - line % 4 * 45, 110 + line * 38), fill="#999")
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=70)
    return buffer.getvalue()


def name_players(
    applicant: Person,
    newcomer: Person,
    reviewers: Sequence[Person],
    treasurers: Sequence[Person],
    coordinators: Sequence[Person],
) -> dict[str, Person]:
    """Give everybody the role by which the story knows them."""
    numbered = {"reviewer": reviewers, "treasurer": treasurers, "coordinator": coordinators}
    several = {
        f"{role}{number}": person for role, people in numbered.items() for number, person in enumerate(people)
    }
    return {"anna": applicant, "newcomer": newcomer} | several


def answer(*questions: str) -> list[Act]:
    """Answer questions of the interview by typing or pressing; skip what Anna has no answer for."""
    acts: list[Act] = []
    typed = dict(ANSWERS)
    for key in questions:
        acts.append(See("anna", f"intake.ask.{key}"))
        if key in typed:
            acts.append(Say("anna", typed[key]))
        elif key in CHOICES:
            acts.append(Press("anna", f"intake.button.{key}.{CHOICES[key]}"))
        else:
            acts.append(Press("anna", "intake.button.skip"))
    return acts


ASKING: Final[Sequence[Step]] = (
    Step(
        {
            "en": "Anna was fined and cannot pay. A friend gave her the name of a bot. She presses START.",
            "ru": "Анну оштрафовали, платить нечем. Друг подсказал ей бота. Она нажимает «СТАРТ».",
        },
        ("anna",),
        (Say("anna", START), Press("anna", "start.button.answer")),
    ),
    Step(
        {
            "en": "One question at a time, on one screen. What can be a button is a button.",
            "ru": "По одному вопросу, на одном экране. Где можно обойтись кнопкой, есть кнопка.",
        },
        ("anna",),
        answer("happened", "district", "zone"),
    ),
    Step(
        {
            "en": "What she types disappears from the chat as soon as it is stored: no trace stays on the phone.",
            "ru": "Всё, что она набирает, исчезает из чата, как только сохранено: на телефоне не остаётся следов.",
        },
        ("anna",),
        answer("when", "urgency", "deadline", "need", "amount", "story", "confirmation"),
    ),
    Step(
        {
            "en": "A photo of the letter. It is rebuilt pixel by pixel, so that nothing hidden in it survives.",
            "ru": "Снимок бумаги. Он пересобирается по точкам, и ничего скрытого в нём не остаётся.",
        },
        ("anna",),
        (See("anna", "intake.ask.documents"), Photo("anna", letter()), Press("anna", "intake.button.done")),
    ),
    Step(
        {
            "en": "How the money can reach her, and when a message may arrive. Then she reads it all once more.",
            "ru": "Как до неё дойдут деньги и когда ей можно писать. Потом она ещё раз всё перечитывает.",
        },
        ("anna",),
        answer("payout", "court", "hours", "messages"),
    ),
    Step(
        {
            "en": "Sent. Six words, shown once, let her move the request to another account if this one is lost.",
            "ru": "Отправлено. Шесть слов показаны один раз: с ними заявку можно перенести на другой аккаунт.",
        },
        ("anna",),
        (Press("anna", "intake.button.send"), See("anna", "case.phrase"), Press("anna", "case.button.written")),
    ),
    Step(
        {
            "en": "She chooses a check phrase. A copy of the bot would not know it.",
            "ru": "Она выбирает проверочную фразу. Поддельный бот её знать не будет.",
        },
        ("anna",),
        (
            See("anna", "case.ask.check"),
            Say("anna", {"en": "a green umbrella", "ru": "зелёный зонт"}),
            See("anna", "case.state.in_review"),
        ),
    ),
)

DECIDING: Final[Sequence[Step]] = (
    Step(
        {
            "en": "Three reviewers are drawn by lot. The group sees a card without a name and without the story.",
            "ru": "Троих проверяющих выбирает жребий. Группа видит карточку: ни имени, ни истории.",
        },
        ("reviewer0", "reviewer1", "reviewer2", "reviewer3"),
        (Draw("reviewer", ("review.drawn", "review.changed"), PANEL, ("outsider",)),),
        in_group=True,
    ),
    Step(
        {
            "en": "Who was not drawn is told so, by a pop-up that nobody else sees.",
            "ru": "Кого не выбрали, тому так и скажут: в окошке, которое больше никто не видит.",
        },
        ("outsider",),
        (Follow("outsider", "review.button.read"),),
        in_group=True,
    ),
    Step(
        {
            "en": "Who was drawn reads in private. The text cannot be copied and goes by itself in ten minutes.",
            "ru": "Кого выбрали, читает у себя. Текст нельзя скопировать, через десять минут он исчезнет сам.",
        },
        ("first",),
        (Follow("first", "review.button.read"), See("first", "review.page")),
    ),
    Step(
        {
            "en": "Something is unclear. The question is passed on without a name.",
            "ru": "Что-то неясно. Вопрос передают без имени.",
        },
        ("first", "anna"),
        (
            Follow("first", "review.button.ask"),
            See("first", "relay.type-question"),
            Say("first", {"en": "By which day must the fine be paid?", "ru": "До какого дня нужно заплатить?"}),
            See("first", "relay.sent"),
        ),
    ),
    Step(
        {
            "en": "Anna gets one neutral line. She opens the question; her answer vanishes too.",
            "ru": "Анне приходит одна нейтральная строка. Она открывает вопрос; ответ тоже исчезнет.",
        },
        ("anna", "first"),
        (
            Press("anna", "relay.notice-open"),
            See("anna", "relay.question"),
            Say("anna", {"en": "By the end of next month.", "ru": "До конца следующего месяца."}),
            See("anna", "relay.thanks"),
        ),
    ),
    Step(
        {
            "en": "Now they vote, without seeing each other's votes. For this amount two that agree are enough.",
            "ru": "Теперь голосуют, не видя чужих голосов. Для такой суммы достаточно двух согласных.",
        },
        ("first", "second", "third"),
        (
            Follow("first", "review.button.approve"),
            Follow("second", "review.button.approve"),
            See("first", "review.card-closed", in_group=True),
        ),
        in_group=True,
    ),
)

PAYING: Final[Sequence[Step]] = (
    Step(
        {
            "en": "Good news for Anna. Nothing is sent before she has confirmed how.",
            "ru": "Для Анны хорошая новость. Ничего не отправят, пока она не подтвердит, как.",
        },
        ("anna",),
        (
            Press("anna", "relay.notice-open"),
            See("anna", "review.outcome-approved"),
            Press("anna", "review.button.rail"),
            See("anna", "treasury.person.ask"),
            Press("anna", "treasury.person.button.agree"),
            See("anna", "treasury.person.paying"),
        ),
    ),
    Step(
        {
            "en": "A treasurer sees an amount and a number, never the story, and takes the payout.",
            "ru": "Казначей видит сумму и номер, но не историю, и берёт выплату себе.",
        },
        ("treasurer0",),
        (
            See("treasurer0", "treasury.told.queued"),
            Press("treasurer0", "treasury.button.open"),
            See("treasurer0", "treasury.payout.queued"),
            Press("treasurer0", "treasury.button.claim"),
            See("treasurer0", "treasury.payout.destination"),
        ),
    ),
    Step(
        {
            "en": "Paid, with the bank's reference. The same grant cannot be paid twice, whatever is pressed.",
            "ru": "Заплачено, с номером из банка. Дважды одно и то же не заплатить, что ни нажимай.",
        },
        ("treasurer0", "anna"),
        (
            Press("treasurer0", "treasury.button.paid"),
            See("treasurer0", "treasury.reference.ask"),
            Say("treasurer0", {"en": "A-1207"}),
            See("treasurer0", "treasury.reference.check"),
            Press("treasurer0", "treasury.button.paid-sure"),
            See("treasurer0", "treasury.payout.paid"),
            Press("anna", "relay.notice-open"),
            See("anna", "treasury.person.paid"),
        ),
    ),
)

AFTERWARDS: Final[Sequence[Step]] = (
    Step(
        {
            "en": "Three days pass. What remains readable is erased or made neutral in time.",
            "ru": "Проходит три дня. Всё, что ещё можно прочесть, вовремя стирается или становится нейтральным.",
        },
        ("anna", "treasurer0", "first"),
        (Jump(timedelta(days=3)), See("anna", "followup.ask.arrived")),
    ),
    Step(
        {
            "en": "“Has it reached you?” It has. The fund is glad, and the books are closed.",
            "ru": "«Дошло?» Дошло. Фонд рад, книги сходятся.",
        },
        ("anna",),
        (Press("anna", "followup.button.yes"), See("anna", "followup.done.good")),
    ),
    Step(
        {
            "en": "A month later the bot asks how she is. This time Anna is in danger, and one button says so.",
            "ru": "Через месяц бот спрашивает, как она. На этот раз Анна в опасности, и для этого есть кнопка.",
        },
        ("anna", "coordinator0"),
        (
            Jump(timedelta(days=27)),
            See("anna", "followup.ask.month"),
            Press("anna", "followup.button.danger"),
            See("coordinator0", "danger.called"),
        ),
    ),
    Step(
        {
            "en": "Every coordinator hears it at once. One takes the call and writes, without a name.",
            "ru": "Все координаторы узнают сразу. Один берёт вызов на себя и пишет, без имени.",
        },
        ("anna", "coordinator0"),
        (
            Press("coordinator0", "danger.button.take"),
            Press("coordinator0", "danger.button.write"),
            Say(
                "coordinator0",
                {"en": "I am here. Can you stay with friends?", "ru": "Я здесь. Можете побыть у друзей?"},
            ),
            See("anna", "danger.line"),
        ),
    ),
    Step(
        {
            "en": "She is safe now, and erases everything. Nobody can read her request now, nor can we.",
            "ru": "Теперь она в безопасности. И стирает всё: её заявку больше никто не прочтёт, и мы тоже.",
        },
        ("anna", "coordinator0"),
        (
            Say("anna", {"en": "/erase"}),
            Press("anna", "case.button.erase"),
            See("anna", "case.erased.case"),
        ),
    ),
    Step(
        {
            "en": "That is the whole way. Now play it yourself: every phone here works.",
            "ru": "Вот и весь путь. Теперь сыграйте сами: все телефоны здесь работают.",
        },
        ("anna",),
        (),
    ),
)

STORY: Final[Sequence[Step]] = (*ASKING, *DECIDING, *PAYING, *AFTERWARDS)
