"""Every act that needs a right, and whatever else is done: what makes it possible, how, and what it leaves."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from models.doubt import Found, Ground
from models.followup import Outcome
from models.volunteer import Role
from services import (
    attachments,
    checkphrase,
    danger,
    desk,
    emergency,
    erasure,
    followup_answers,
    followup_words,
    group,
    intake,
    reading,
    relay,
    review,
    screening,
    standing,
    submission,
    treasury,
    treasury_differences,
    treasury_doubts,
    treasury_funding,
    treasury_rails,
    treasury_returns,
    treasury_screens,
    volunteers,
    voting,
)
from services.access import Act
from services.contact import Address
from tests.unit.services import readiness as ready
from tests.unit.services.desk import Desk
from tests.unit.services.readiness import Do, on_case

Ready = Callable[[Desk], Awaitable[tuple[str, UUID]]]


@dataclass(frozen=True)
class Deed:
    """What makes an act possible (it tells who may do it, and on what), how it is done, and what it leaves."""

    leaves: str
    ready: Ready
    do: Do


PLAYED: Mapping[Act, Deed] = {
    Act.INVITE: Deed(
        "invitation.made", ready.alpha, lambda unit, actor, _: volunteers.invite(unit, Role.REVIEWER, actor)
    ),
    Act.CONFIRM: Deed("volunteer_role.confirmed", ready.asked_in, volunteers.confirm),
    Act.SUSPEND: Deed("volunteer.suspended", ready.newcomer, standing.suspend),
    Act.BIND_GROUP: Deed(
        "group.bind", ready.alpha, lambda unit, actor, _: group.bind(unit, actor, Address(-1002))
    ),
    Act.SEE_DESK: Deed("desk.read", ready.alpha, lambda unit, actor, _: desk.read_desk(unit, actor)),
    Act.PROPOSE_EMERGENCY: Deed("emergency.proposed", ready.urgent, on_case(emergency.propose)),
    Act.GRANT_EMERGENCY: Deed("emergency.granted", ready.proposed, on_case(emergency.agree)),
    Act.REVIEW_EMERGENCY: Deed(
        "emergency.verdict",
        ready.hasty,
        on_case(lambda unit, actor, case: emergency.give_verdict(unit, actor, case, agreed=True)),
    ),
    Act.READ: Deed(
        "case.read", ready.in_review, on_case(lambda unit, actor, case: reading.read(unit, actor, case, 0))
    ),
    Act.READ_WORDS: Deed("follow_up.read", ready.written, followup_words.read),
    Act.VOTE: Deed("vote.cast", ready.in_review, on_case(voting.approve)),
    Act.ASK: Deed("question.asked", ready.in_review, on_case(ready.ask_why)),
    Act.STEP_ASIDE: Deed("seat.stepped_aside", ready.in_review, on_case(voting.step_aside)),
    Act.PAUSE: Deed("volunteer.paused", ready.till, lambda unit, actor, _: standing.pause(unit, actor)),
    Act.CLAIM_PAYOUT: Deed("payout.claimed", ready.queued, treasury.claim),
    Act.CONFIRM_PAYOUT: Deed("payout.paid", ready.sent, treasury.confirm),
    Act.ENTER_MONEY: Deed("funding.pending", ready.till, ready.enter),
    Act.CONFIRM_MONEY: Deed("funding.confirmed", ready.entered, treasury_funding.confirm),
    Act.ANSWER_DANGER: Deed("danger.taken", ready.called, danger.take),
    Act.DECIDE_MATCH: Deed(
        "screening_question.not_same",
        ready.doubtful,
        lambda unit, actor, key: screening.decide(unit, actor, key, "Born in another year.", same=False),
    ),
    Act.DECIDE_DOUBT: Deed(
        "payout.doubt_said",
        ready.unsure,
        lambda unit, actor, key: treasury_doubts.say(unit, actor, key, Found.NEVER, Ground.PROVIDER),
    ),
}
"""Every act that needs a right, done by whom it is the right of."""

PERSONS: tuple[Deed, ...] = (
    Deed("intake.begin", ready.somebody, lambda unit, actor, _: intake.begin(unit, actor)),
    Deed("fund_case.submitted", ready.draft, on_case(submission.submit)),
    Deed(
        "case.corrected",
        ready.own,
        on_case(lambda unit, actor, case: submission.give_answer(unit, actor, case, "need", "a coat")),
    ),
    Deed(
        "case.corrected",
        ready.own,
        on_case(lambda unit, actor, case: submission.add(unit, actor, case, "And more.")),
    ),
    Deed("attachment.added", ready.own, on_case(ready.one_more_file)),
    Deed(
        "case.check_phrase",
        ready.own,
        on_case(lambda unit, actor, case: checkphrase.choose_check_phrase(unit, actor, case, "blue tea")),
    ),
    Deed(
        "question.answered",
        ready.questioned,
        on_case(lambda unit, actor, case: relay.answer_question(unit, actor, case, "So.")),
    ),
    Deed("fund_case.appealed", ready.declined, lambda unit, actor, _: review.appeal(unit, actor)),
    Deed("fund_case.paying", ready.granted, on_case(treasury.agree)),
    Deed("fund_case.withdrawn", ready.own, on_case(submission.withdraw)),
    Deed(
        "follow_up.told",
        ready.answered,
        lambda unit, actor, key: followup_answers.tell(unit, actor, key, "And one thing more."),
    ),
    Deed("danger.called", ready.answered, followup_answers.call_for_help),
    Deed("case.erased", ready.own, lambda unit, actor, _: erasure.erase(unit, actor)),
)
"""What a person does with their request, once it is begun: a draft is on record as a whole (decision 16)."""

FURTHER: tuple[Deed, ...] = (
    Deed("roster.read", ready.alpha, lambda unit, actor, _: standing.roster(unit, actor)),
    Deed("volunteer.read", ready.somebody_known, standing.person),
    Deed("volunteer.reconfirmed", ready.somebody_known, standing.reconfirm),
    Deed("invitation.used", ready.invited, ready.accept),
    Deed("volunteer_role.declined", ready.asked_in_too, volunteers.decline),
    Deed("vote.cast", ready.in_review, on_case(ready.decline)),
    Deed("volunteer.paused", ready.till, lambda unit, actor, _: standing.pause(unit, actor)),
    Deed("volunteer.active", ready.till, lambda unit, actor, _: standing.resume(unit, actor)),
    Deed("payout_desk.read", ready.till, lambda unit, actor, _: treasury_screens.show_desk(unit, actor)),
    Deed(
        "paid_payouts.read", ready.till, lambda unit, actor, _: treasury_screens.show_desk(unit, actor, done=True)
    ),
    Deed("payout.read", ready.queued, treasury_screens.show_payout),
    Deed("payout.read", ready.paid, treasury_screens.show_payout),
    Deed("payout.read", ready.unsure, treasury_screens.show_payout),
    Deed("payout.destination_read", ready.claimed, treasury_screens.show_payout),
    Deed(
        "differences.read", ready.till, lambda unit, actor, _: treasury_differences.show_differences(unit, actor)
    ),
    Deed("rails.read", ready.till, lambda unit, actor, _: treasury_rails.show_rails(unit, actor)),
    Deed("funding.read", ready.entered, treasury_funding.show_funding),
    Deed("payout.destination_read", ready.claimed, treasury.read_destination),
    Deed("payout.queued", ready.claimed, treasury.give_back),
    Deed("payout.paid", ready.claimed, lambda unit, actor, key: treasury.pay(unit, actor, key, "R-1")),
    Deed("payout.rechecked", ready.paid, treasury_returns.recheck),
    Deed("payout.returned", ready.paid, ready.come_back),
    Deed("payout.returned", ready.returning, treasury_returns.confirm_return),
    Deed("payout.paid", ready.returning, treasury_returns.deny_return),
    Deed("funding.refused", ready.entered, treasury_funding.refuse),
    Deed("danger.written", ready.taken, lambda unit, actor, key: danger.write(unit, actor, key, "Where are you?")),
    Deed("danger.closed", ready.taken, danger.close),
)
"""What else volunteers do by these rights."""

PERSONS_FURTHER: tuple[Deed, ...] = (
    Deed("attachment.removed", ready.own, on_case(attachments.remove_files)),
    Deed("case.phrase", ready.own, on_case(ready.new_phrase)),
    Deed("case.moved", ready.another_account, on_case(ready.recover)),
    Deed("case.answer_dropped", ready.granted, on_case(treasury.other_way)),
    Deed("payout.cancelled", ready.agreed, on_case(treasury.take_back)),
    Deed(
        "follow_up.answered",
        ready.asked_after,
        lambda unit, actor, key: followup_answers.answer(unit, actor, key, Outcome.GOOD),
    ),
    Deed("case.silenced", ready.answered, followup_answers.never_again),
    Deed("danger.called", ready.granted, on_case(danger.call_from_case)),
    Deed("danger.replied", ready.in_danger, lambda unit, actor, key: danger.reply(unit, actor, key, "At home.")),
)
"""What else a person does."""
