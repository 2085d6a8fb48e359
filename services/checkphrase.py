"""The check phrase: words that the applicant chose and that a copy of this bot does not know.

It is shown only on the screen of a person who opens their own case, never in a message they did not ask for.
"""

from models.audit import about, record
from models.case import Case
from models.errors import BadInput
from models.unit import Unit
from services.access import Actor, applicant_of
from services.intake import require_own
from services.messages import erase_too_long
from services.typed import read_text
from vault.seal import Place
from vault.types import Compartment

LEAST = 4
"""Letters or digits: fewer are guessed by whoever makes a copy of this bot."""

LIMIT = 60
"""Characters: it stands on one line of a phone."""


async def choose_check_phrase(unit: Unit, actor: Actor, case: Case, text: str) -> None:
    """Seal the phrase that the applicant typed. Raises `BadInput` when it is too short or too long."""
    require_own(actor, case)
    phrase = " ".join(read_text(text, LIMIT).split())
    if sum(sign.isalnum() for sign in phrase) < LEAST:
        raise BadInput("case.bad.check", least=LEAST)
    case.check_phrase = await unit.vault.seal(case.id, Compartment.contact, phrase.encode(), _place(case))
    unit.session.add(case)
    await unit.session.flush()
    await erase_too_long(unit, actor.chat)
    await record(unit, applicant_of(case), "case.check_phrase", about("case", case.id))


async def read_check_phrase(unit: Unit, case: Case) -> str | None:
    """The phrase, for the screen that its person opened."""
    if case.check_phrase is None:
        return None
    return (await unit.vault.open(case.id, Compartment.contact, case.check_phrase, _place(case))).decode()


def _place(case: Case) -> Place:
    return Place("fund_case", "check_phrase", case.id)
