"""What a person wrote in answer to a follow-up, shown to those who decided on their request, and to nobody else.

- They have read the person's story already: their seat was closed by the decision, and they are reviewers still.
  Nobody learns of a person by this who did not know of them before (decision 15).
- Each gets one line with a button. What it opens is protected, and erased after the policy's reading time; each
  reading is on the record.
- What belongs to an erased case opens no more: its key is gone.
"""

from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select

from models.audit import about, record
from models.case import Case, CaseStatus
from models.errors import ButtonGone, NotOnPanel, SteppedAside
from models.followup import FollowUp
from models.panel import Seat, SeatStatus
from models.unit import Unit
from models.volunteer import Role
from services.access import Act, Actor, has_stepped_aside, require
from services.contact import volunteer_recipient
from services.panel import reading_slot
from services.roles import holders
from services.seats import round_of
from services.speak import Button, Life, Screen, notify, show
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
    first = row.words is None
    row.words = await unit.vault.seal(case.id, Compartment.story, words.encode(), _place(row))
    if not first:
        return
    readers = await _panel(unit, case)
    for volunteer in await holders(unit, Role.REVIEWER):
        if volunteer.id in readers and not await has_stepped_aside(unit, case.id, volunteer.id):
            to = await volunteer_recipient(unit, volunteer)
            button = Button(
                unit.texts.render("followup.button.read", to.language), "followup.read", {"followup": str(row.id)}
            )
            line = unit.texts.render("followup.told.words", to.language, code=case.code)
            await notify(unit, to, Screen(line, [[button]]), case=case, life=Life(None, _until_erased(unit)))


async def read(unit: Unit, actor: Actor, key: UUID) -> None:
    """Show the words to one who decided. Raises `ButtonGone`, `NotOnPanel`, `SteppedAside`, or as `require`."""
    row = await unit.session.get(FollowUp, key)
    case = await unit.session.get(Case, row.case_id) if row else None
    if row is None or row.words is None or case is None or case.status in LET_GO:
        raise ButtonGone
    volunteer = require(actor, Act.READ, case)
    if await has_stepped_aside(unit, case.id, volunteer.id):
        raise SteppedAside
    if volunteer.id not in await _panel(unit, case):
        raise NotOnPanel
    words = (await unit.vault.open(case.id, Compartment.story, row.words, _place(row))).decode()
    await record(unit, actor.name, "follow_up.read", about("follow_up", row.id))
    text = unit.texts.render("followup.words", actor.language, code=case.code, words=words)
    life = Life(None, timedelta(minutes=unit.policy.panel.reading_minutes))
    slot = reading_slot(case.id)
    await show(unit, actor.to, Screen(text, protect=True), slot=slot, case=case, life=life, anew=True)


def _until_erased(unit: Unit) -> timedelta:
    """The line names a code only, and nothing else leads to the words: it does not fade before it goes."""
    return timedelta(hours=unit.policy.retention.message_hours)


async def _panel(unit: Unit, case: Case) -> frozenset[UUID]:
    """Those who sat on the panel when it decided."""
    found = await unit.session.exec(
        select(Seat.volunteer_id).where(
            Seat.case_id == case.id, Seat.round == round_of(case), col(Seat.status) == SeatStatus.CLOSED
        )
    )
    return frozenset(found.all())


def _place(row: FollowUp) -> Place:
    return Place("follow_up", "words", str(row.id))
