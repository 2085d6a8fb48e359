"""The screen of a person's own case: where it stands in plain words, what comes next, and what they may do."""

from datetime import timedelta

from models.case import ENDED, OPEN, Case, CaseStatus, FileStatus
from models.grant import GrantStatus
from models.unit import Unit
from payments import grants
from services.anew import may_close
from services.attachments import files_of
from services.checkphrase import read_check_phrase
from services.contact import To
from services.followup import lies_ahead, open_question
from services.screens import Rows, files_line, in_twos
from services.speak import Button, Screen
from services.submission import ADDED, asked_again, changeable
from services.waiting import estimate_wait
from texts.formats import span

HOUR = timedelta(hours=1)

Ways = list[tuple[str, str]]
"""Buttons: the key of a label, and the act."""

HELPED = frozenset({CaseStatus.PAID, CaseStatus.FOLLOWED_UP})
"""Nothing is left to take back; who was helped may call for somebody."""

MOVED = HELPED | {CaseStatus.PAYING}
"""The person has said how the money reaches them: they see where it is, and may stop it until it is taken."""


async def case_screen(unit: Unit, to: To, case: Case, *, note: str | None = None) -> Screen:
    """The case of the person who opens it. `note` is the key of a line that says what was just done."""
    lines = [] if note is None else [_say(unit, to, note)]
    phrase = await read_check_phrase(unit, case)
    if phrase is not None:
        lines.append(_say(unit, to, "case.check", phrase=phrase))
    lines.append(_say(unit, to, "case.code", code=case.code))
    lines += [_say(unit, to, f"case.state.{case.status}"), await _next(unit, to, case)]
    if case.status in OPEN:
        files = await files_of(unit, case)
        if any(each.status is not FileStatus.ADDED for each in files):
            lines.append(files_line(unit, to, files))
        lines.append(await wait_line(unit, to, case))
    return Screen("\n\n".join(lines), await _rows(unit, to, case))


async def wait_line(unit: Unit, to: To, case: Case) -> str:
    """The honest estimate of the wait."""
    wait = await estimate_wait(unit, case)
    ahead = _say(unit, to, "case.wait.ahead", n=wait.ahead) if wait.ahead else _say(unit, to, "case.wait.first")
    if wait.usual is None:
        return f"{ahead} {_say(unit, to, 'case.wait.unknown')}"
    return f"{ahead} {_say(unit, to, 'case.wait.usual', time=span(max(wait.usual, HOUR), to.language))}"


async def _next(unit: Unit, to: To, case: Case) -> str:
    """What comes next; said apart for a grant that waits for money, and for a refusal that was looked at twice.

    Whoever wants no messages, or has answered the last question, is promised no other.
    """
    if case.status is CaseStatus.DECLINED and case.appealed:
        return _say(unit, to, "case.next.final")
    if case.status is CaseStatus.PAID and await open_question(unit, case):
        return _say(unit, to, "case.next.asked")
    if case.status is CaseStatus.PAID and not await lies_ahead(unit, case):
        return _say(unit, to, f"case.next.{CaseStatus.FOLLOWED_UP}")
    grant = await grants.grant_of(unit, case) if case.status is CaseStatus.APPROVED else None
    if grant is not None and grant.status is GrantStatus.WAITING:
        return _say(unit, to, "case.next.short")
    if case.status is CaseStatus.NEEDS_ANSWER:
        return _say(unit, to, "case.next.needs_answer", n=unit.policy.panel.answer_days)
    return _say(unit, to, f"case.next.{case.status}")


async def _rows(unit: Unit, to: To, case: Case) -> Rows:
    first = [Button(_say(unit, to, key), act) for key, act in await _waiting(unit, case)]
    more = [Button(_say(unit, to, key), act) for key, act in _always(case)]
    return [
        *([each] for each in first),
        *in_twos(more),
        [Button(_say(unit, to, "start.button.erase"), "case.erase")],
    ]


async def _waiting(unit: Unit, case: Case) -> Ways:
    """What the person is asked for, or will want to see first."""
    ways: Ways = []
    if await asked_again(unit, case):
        ways.append(("case.button.again", "intake.again"))
    elif case.status is CaseStatus.APPROVED:
        ways.append(("case.button.rail", "treasury.confirm_rail"))
    elif case.status in MOVED:
        ways.append(("case.button.money", "treasury.confirm_rail"))
    if await open_question(unit, case):
        ways.append(("followup.button.open", "followup.open"))
    if case.status in HELPED:
        ways.append(("danger.button.call", "danger.call"))
    if case.status is CaseStatus.NEEDS_ANSWER:
        ways.append(("case.button.question", "relay.open"))
    if case.status in {CaseStatus.DECLINED, CaseStatus.APPROVED}:
        ways.append(("case.button.outcome", "review.outcome"))
    if may_close(case):
        ways.append(("case.button.anew", "case.anew"))
    return ways


def _always(case: Case) -> Ways:
    """What the person may do by themselves."""
    ways: Ways = []
    if ADDED in changeable(case):
        ways.append(("case.button.add", "case.add"))
    if case.status not in ENDED:
        ways += [
            ("case.button.correct", "intake.review"),
            ("case.button.check", "case.check"),
            ("case.button.phrase", "case.phrase"),
        ]
    ways.append(("case.button.receipt", "case.receipt"))
    if case.status not in ENDED | HELPED:
        ways.append(("case.button.withdraw", "case.withdraw"))
    return ways


def _say(unit: Unit, to: To, key: str, **params: str | int) -> str:
    return unit.texts.render(key, to.language, **params)
