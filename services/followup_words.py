"""What a person wrote in answer to a follow-up, shown to those who decided on their request, and to nobody else.

- They have read the person's story already: their seat was closed by the decision, and they are reviewers still.
  Nobody learns of a person by this who did not know of them before (decision 15; `services.access` says who).
- Each gets one line with a button, and finds it in `/mine` until they have read. What it opens is protected, and
  erased after the policy's reading time; each reading is on the record.
- What belongs to an erased case opens no more: its key is gone.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, delete, select

from models.audit import about, record
from models.case import Case, CaseStatus
from models.errors import ButtonGone
from models.followup import FollowUp, UnreadWords
from models.panel import Recusal
from models.unit import Unit
from models.volunteer import Role, Volunteer
from services.access import Act, Actor, deciders, require_decider
from services.contact import volunteer_recipient
from services.panel import reading_slot
from services.roles import holders
from services.speak import NOTICE, Button, Screen, clear_slot, for_reading, show, unfading
from services.typed import read_text
from vault.seal import Place
from vault.types import Compartment

LONGEST = 1500
"""Most characters, as of an answer to the panel: with emoji they still fit into one message (Bot API: 4096)."""

LET_GO = frozenset({CaseStatus.WITHDRAWN, CaseStatus.SHREDDED})
"""Cases whose person was told that nobody reads any more."""


async def keep(unit: Unit, case: Case, row: FollowUp, text: str) -> None:
    """Seal what was typed, and tell those who may read it, once. Raises `BadInput` for nothing or too much."""
    words = read_text(text, LONGEST)
    row.words = await unit.vault.seal(case.id, Compartment.story, words.encode(), _place(row))
    found = await unit.session.exec(select(UnreadWords).where(UnreadWords.follow_up_id == row.id))
    readers = await deciders(unit, case) - {unread.volunteer_id for unread in found.all()}
    unit.session.add_all(UnreadWords(follow_up_id=row.id, volunteer_id=reader) for reader in sorted(readers))
    await unit.session.flush()
    for volunteer in await holders(unit, Role.REVIEWER):
        if volunteer.id in readers:
            await _tell(unit, case, row, volunteer)


async def read(unit: Unit, actor: Actor, key: UUID) -> None:
    """Show the words to one who decided. Raises `ButtonGone`, `NotOnPanel`, `SteppedAside`, or as `require`."""
    row = await unit.session.get(FollowUp, key)
    case = await unit.session.get(Case, row.case_id) if row else None
    if row is None or row.words is None or case is None or case.status in LET_GO:
        raise ButtonGone
    volunteer = await require_decider(unit, actor, Act.READ_WORDS, case)
    words = (await unit.vault.open(case.id, Compartment.story, row.words, _place(row))).decode()
    await record(unit, actor.name, "follow_up.read", about("follow_up", row.id))
    here = (col(UnreadWords.follow_up_id) == row.id, col(UnreadWords.volunteer_id) == volunteer.id)
    await unit.session.exec(delete(UnreadWords).where(*here))
    await clear_slot(unit, actor.chat, _slot(row))
    text = unit.texts.render("followup.words", actor.language, code=case.code, words=words)
    slot, life = reading_slot(case.id), for_reading(unit)
    await show(unit, actor.to, Screen(text, protect=True), slot=slot, case=case, life=life, anew=True)


async def unread(unit: Unit, volunteer: Volunteer) -> Sequence[tuple[FollowUp, Case]]:
    """Words that a volunteer may read and has not, the earliest case first."""
    aside = select(Recusal.case_id).where(Recusal.volunteer_id == volunteer.id)
    found = await unit.session.exec(
        select(FollowUp, Case)
        .join(UnreadWords, col(UnreadWords.follow_up_id) == FollowUp.id)
        .join(Case, col(Case.id) == FollowUp.case_id)
        .where(UnreadWords.volunteer_id == volunteer.id, col(Case.status).not_in(LET_GO))
        .where(col(Case.id).not_in(aside), col(Case.chat).is_distinct_from(volunteer.chat))
        .order_by(col(Case.decided_at), col(FollowUp.id))
    )
    return found.all()


async def forget(unit: Unit, case: Case) -> None:
    """The case is erased: nobody is to read anything of it."""
    of_case = select(FollowUp.id).where(FollowUp.case_id == case.id)
    await unit.session.exec(delete(UnreadWords).where(col(UnreadWords.follow_up_id).in_(of_case)))


async def _tell(unit: Unit, case: Case, row: FollowUp, volunteer: Volunteer) -> None:
    to = await volunteer_recipient(unit, volunteer)
    button = Button(
        unit.texts.render("followup.button.read", to.language), "followup.read", {"followup": str(row.id)}
    )
    line = unit.texts.render("followup.told.words", to.language, code=case.code)
    await show(unit, to, Screen(line, [[button]]), slot=_slot(row), case=case, life=unfading(unit))


def _slot(row: FollowUp) -> str:
    return f"{NOTICE}words:{row.id}"


def _place(row: FollowUp) -> Place:
    return Place("follow_up", "words", str(row.id))
