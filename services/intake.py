"""The interview of one person: their draft, their answers, and where they stand in it.

- One case under way per person; a new draft only when the last case has ended.
- Each answer is a row of its own, sealed in the compartment of its question. Where the person stands is derived
  from the rows, so a restart forgets nothing.
- A draft lives for the policy's hours from its start and is then shredded.
- What the group's card shows in the clear (category, urgency, amount) is written only at sending.
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import col, delete

from models.audit import about, record
from models.base import new_id, table_of
from models.case import Answer, Case, CaseStatus, Category, Urgency
from models.errors import BadInput, NotAllowed, Stale
from models.unit import Unit
from services.access import Actor, applicant_of, refuse_second_case
from services.contact import SafeContact, read_contact, write_contact
from services.hours import HOME_ZONE
from services.questions import BY_KEY, KEYS, SKIPPED, Kind, after, question, read_choice, read_typed
from services.typed import Bounds, in_fund
from vault.seal import Place, open_sealed, seal
from vault.types import CaseCode, Compartment

LETTERS: Final = "34679CDFHJKMNPRTWXY"
"""No vowels, so no words; nothing that looks like another: 0/O, 1/I/L, 2/Z, 5/S, 8/B."""

CODE_LENGTH: Final = 8

# Built once: each turn of an interview runs these.
_TABLE: Final = table_of(Answer)
_ALL: Final = select(_TABLE).where(_TABLE.c.case_id == bindparam("of_case"))
_ONE: Final = _ALL.where(_TABLE.c.question == bindparam("asked"))
_ANSWERED: Final = _ALL.with_only_columns(_TABLE.c.question)
_KNOWN: Final = _ONE.with_only_columns(_TABLE.c.id)
_NEW: Final = insert(_TABLE)
_CHANGED: Final = update(_TABLE).where(_TABLE.c.id == bindparam("row")).values(text=bindparam("text"))


def new_code() -> CaseCode:
    """A random case code, as `K7MN-3XRT`: 34 bits, which name a case and open nothing."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    return CaseCode(f"{letters[:4]}-{letters[4:]}")


def own(actor: Actor) -> Case:
    """The actor's own case under way. Raises `Stale` when there is none."""
    if actor.case is None:
        raise Stale("intake.refused.no-case")
    return actor.case


def own_draft(actor: Actor) -> Case:
    """The actor's own draft. Raises `Stale` when there is none, or when it was sent."""
    case = own(actor)
    if case.status is not CaseStatus.DRAFT:
        raise Stale("intake.refused.sent")
    return case


async def begin(unit: Unit, actor: Actor) -> Case:
    """The actor's draft, made now unless there is one. Raises `Stale` while another case is under way."""
    if actor.case is not None:
        return own_draft(actor)
    await refuse_second_case(unit, actor)
    case = Case(
        code=new_code(),
        language=actor.language,
        created_at=unit.now,
        expires_at=unit.now + timedelta(hours=unit.policy.retention.draft_hours),
    )
    await unit.vault.create(case.id)
    await write_contact(unit, case, SafeContact(actor.address))
    unit.session.add(case)
    await unit.session.flush()
    await record(unit, applicant_of(case), "intake.begin", about("case", case.id))
    return case


async def position(unit: Unit, case: Case, since: str | None = None) -> str | None:
    """The next question without an answer, looking on from `since` first; none when all are answered."""
    answered = set((await unit.run(_ANSWERED, {"of_case": case.id})).scalars())
    start = KEYS.index(since) if since in KEYS else 0
    return next((key for key in (*KEYS[start:], *KEYS[:start]) if key not in answered), None)


async def following(unit: Unit, case: Case, key: str) -> str | None:
    """The question to ask after this one was answered or left as it is; none for the page before sending."""
    return await position(unit, case, after(key) or key)


async def typed_value(unit: Unit, actor: Actor, case: Case, key: str, text: str) -> str:
    """The canonical answer in what was typed. Raises `BadInput` that says exactly what is wanted.

    Today is the person's own once their zone is known.
    """
    known = await read_answer(unit, case, "zone") if question(key).kind is Kind.DATE else None
    today = unit.now.astimezone(ZoneInfo(known or HOME_ZONE)).date()
    return read_typed(question(key), text, Bounds(today, unit.policy, actor.language))


def chosen_value(key: str, name: str) -> str:
    """The answer behind a button. Raises `BadInput` for a name that the question does not offer."""
    return read_choice(question(key), name)


def skipped_value(key: str) -> str:
    """The answer of a question that is skipped. Raises `BadInput` when it may not be."""
    if not question(key).skippable:
        raise BadInput("intake.bad.needed")
    return SKIPPED


async def write_answer(unit: Unit, case: Case, key: str, value: str) -> None:
    """Seal an answer, replacing an earlier one."""
    compartment = question(key).compartment
    known: UUID | None = (await unit.run(_KNOWN, {"of_case": case.id, "asked": key})).scalar()
    row = known or new_id()
    text = seal(await unit.vault.unlock(case.id, compartment), value.encode(), _place(row))
    if known is None:
        named = {"id": row, "case_id": case.id, "question": key, "compartment": compartment}
        await unit.run(_NEW, named | {"text": text})
    else:
        await unit.run(_CHANGED, {"row": row, "text": text})


async def read_answer(unit: Unit, case: Case, key: str) -> str | None:
    """One answer as stored, or none when it was not asked, skipped, or is asked anew."""
    return (await read_answers(unit, case, key=key)).get(key) or None


async def read_answers(
    unit: Unit, case: Case, *compartments: Compartment, key: str | None = None
) -> Mapping[str, str]:
    """Answers as stored, by key, in the order of the questions; skipped ones are empty."""
    found = await unit.run(_ALL if key is None else _ONE, {"of_case": case.id, "asked": key})
    rows = [row for row in found if not compartments or row.compartment in compartments]
    keys = {each: await unit.vault.unlock(case.id, each) for each in {row.compartment for row in rows}}
    opened = {row.question: open_sealed(keys[row.compartment], row.text, _place(row.id)).decode() for row in rows}
    return {name: opened[name] for name in BY_KEY if name in opened}


async def forget_answer(unit: Unit, case: Case, key: str) -> None:
    """Forget an answer at its person's word: until another is given, the case screen asks for it."""
    question(key)
    await record(unit, f"applicant:{case.id}", "case.answer_dropped", about("case", case.id), question=key)
    await unit.session.exec(delete(Answer).where(col(Answer.case_id) == case.id, col(Answer.question) == key))


def set_facts(case: Case, answers: Mapping[str, str], unit: Unit) -> None:
    """Write what the card shows in the clear. Raises `BadInput` for an amount in a currency without a rate.

    Where one was worth something before the policy lost its rate, it is worth that still.
    """
    case.category = Category(answers["happened"])
    case.urgency = Urgency(answers["urgency"])
    amount, currency = answers["amount"].split()
    if case.amount is None or currency in unit.policy.rates:
        case.amount = in_fund(int(amount), currency, unit.policy)


async def set_contact(unit: Unit, case: Case, answers: Mapping[str, str]) -> None:
    """Seal the safe-contact profile that the answers come to; the address stays."""
    hours = answers.get("hours") or None
    first, last = (int(hour) for hour in hours.split("-")) if hours else (None, None)
    contact = SafeContact(
        (await read_contact(unit, case)).address,
        answers.get("zone") or None,
        first,
        last,
        answers.get("messages") != "no",
    )
    await write_contact(unit, case, contact)


def require_own(actor: Actor, case: Case) -> None:
    """Raise `NotAllowed` unless the case is the actor's own."""
    if case.chat is None or case.chat != actor.chat:
        raise NotAllowed


def required_missing(answers: Mapping[str, str]) -> list[str]:
    """Questions of the interview that were not asked yet, or must have an answer and have none."""
    return [key for key in KEYS if not (answers.get(key) or (question(key).skippable and key in answers))]


def _place(row: UUID) -> Place:
    return Place("answer", "text", row)
