"""What a person answers to a follow-up: by a button, in their own words, or that they are in danger.

- Only the applicant of the case answers, and only while the case can still be opened.
- A typed answer is sealed in the case's story, and read by those who decided (`services.followup_words`).
- "Not yet" goes back to the treasurers, danger to the coordinators, both in the same transaction.
"""

from datetime import timedelta
from uuid import UUID

from models.audit import about, record
from models.case import Case, CaseStatus
from models.errors import ButtonGone, NotAllowed
from models.followup import ALLOWED, FollowUp, FollowUpStatus, Outcome
from models.states import move
from models.unit import Unit
from services import danger, followup_words, treasury_returns
from services.access import Actor, applicant_of
from services.followup import question, settle, stop
from services.followup_rows import slot_of
from services.speak import Button, Life, Screen, show, unfading

THANKS = Life(None, timedelta(hours=1))
"""How long the thanks stand."""

ANSWERS = frozenset({Outcome.GOOD, Outcome.BAD, Outcome.NOT_ARRIVED})
"""What the buttons of a question say."""


async def answer(unit: Unit, actor: Actor, key: UUID, outcome: Outcome) -> None:
    """Take the answer of a button. Raises `Stale` when it was given before, or the question is cancelled."""
    if outcome not in ANSWERS:
        raise ButtonGone
    case, row = await mine(unit, actor, key)
    await _heard(unit, row, outcome, case)
    if outcome is Outcome.NOT_ARRIVED:
        await treasury_returns.reported_missing(unit, case)
    await _thank(unit, actor, case, row, f"followup.done.{outcome}")
    await settle(unit, case)


async def tell(unit: Unit, actor: Actor, key: UUID, text: str) -> None:
    """Take what was typed. Raises `BadInput` for nothing; may follow an answer by a button, or replace words."""
    case, row = await mine(unit, actor, key)
    await followup_words.keep(unit, case, row, text)
    if row.status is FollowUpStatus.ANSWERED:
        await record(unit, applicant_of(case), "follow_up.told", about("follow_up", row.id))
    else:
        await _heard(unit, row, Outcome.WORDS, case)
    await _thank(unit, actor, case, row, "followup.done.words")
    await settle(unit, case)


async def call_for_help(unit: Unit, actor: Actor, key: UUID) -> None:
    """Call the coordinators at once, whatever the question's state."""
    case, row = await mine(unit, actor, key)
    if row.status in {FollowUpStatus.ASKED, FollowUpStatus.SILENT}:
        await _heard(unit, row, Outcome.DANGER, case)
    told = await danger.call(unit, case)
    await _thank(unit, actor, case, row, "followup.done.danger" if told else "followup.done.danger-nobody")
    await settle(unit, case)


async def never_again(unit: Unit, actor: Actor, key: UUID) -> None:
    """Stop for good, and say so."""
    case, row = await mine(unit, actor, key)
    await stop(unit, case, applicant_of(case), keep=row.id)
    await show(
        unit,
        actor.to,
        Screen(unit.texts.render("followup.done.never", actor.language)),
        slot=slot_of(row),
        case=case,
        life=THANKS,
    )


async def ask_for_words(unit: Unit, actor: Actor, key: UUID) -> None:
    """Show that the next message will be taken as the answer."""
    await _show(unit, actor, key, "followup.ask-words")


async def confirm_never(unit: Unit, actor: Actor, key: UUID) -> None:
    """Ask whether never means never."""
    await _show(unit, actor, key, "followup.ask-never", ("never-sure", "followup.stop"))


async def show_question(unit: Unit, actor: Actor, key: UUID) -> None:
    """Show the question again in its place."""
    case, row = await mine(unit, actor, key)
    await show(
        unit, actor.to, question(unit, row, actor.language), slot=slot_of(row), case=case, life=unfading(unit)
    )


async def mine(unit: Unit, actor: Actor, key: UUID) -> tuple[Case, FollowUp]:
    """The actor's own question and its case. Raises `ButtonGone` when erased, `NotAllowed` for anybody else."""
    row = await unit.session.get(FollowUp, key)
    case = await unit.session.get(Case, row.case_id) if row else None
    if row is None or case is None or case.status is CaseStatus.SHREDDED:
        raise ButtonGone
    if case.chat != actor.chat:
        raise NotAllowed
    return case, row


async def _heard(unit: Unit, row: FollowUp, outcome: Outcome, case: Case) -> None:
    await move(unit, row, FollowUpStatus.ANSWERED, ALLOWED, applicant_of(case), outcome=str(outcome))
    row.outcome = outcome
    row.answered_at = unit.now


async def _thank(unit: Unit, actor: Actor, case: Case, row: FollowUp, key: str) -> None:
    labels = (("words", "followup.words"), ("danger", "followup.danger"))
    screen = Screen(unit.texts.render(key, actor.language), _buttons(unit, actor, row, *labels))
    await show(unit, actor.to, screen, slot=slot_of(row), case=case, life=THANKS)


async def _show(unit: Unit, actor: Actor, key: UUID, text: str, *labels: tuple[str, str]) -> None:
    case, row = await mine(unit, actor, key)
    rows = _buttons(unit, actor, row, *labels, ("back", "followup.back"))
    screen = Screen(unit.texts.render(text, actor.language), rows)
    await show(unit, actor.to, screen, slot=slot_of(row), case=case, life=unfading(unit))


def _buttons(unit: Unit, actor: Actor, row: FollowUp, *labels: tuple[str, str]) -> list[list[Button]]:
    which = {"followup": str(row.id)}
    return [
        [Button(unit.texts.render(f"followup.button.{label}", actor.language), act, which)]
        for label, act in labels
    ]
