"""The screen of a person's own case: where it stands in plain words, what comes next, and what they may do."""

from datetime import timedelta

from models.case import ENDED, OPEN, Case, CaseStatus
from models.unit import Unit
from services.checkphrase import read_check_phrase
from services.contact import To
from services.screens import Rows, in_twos
from services.speak import Button, Screen
from services.submission import asked_again, changeable
from services.waiting import estimate_wait
from texts.formats import span

HOUR = timedelta(hours=1)


async def case_screen(unit: Unit, to: To, case: Case, *, note: str | None = None) -> Screen:
    """The case of the person who opens it. `note` is the key of a line that says what was just done."""
    lines = [] if note is None else [_say(unit, to, note)]
    phrase = await read_check_phrase(unit, case)
    if phrase is not None:
        lines.append(_say(unit, to, "case.check", phrase=phrase))
    lines.append(_say(unit, to, "case.code", code=case.code))
    lines += [_say(unit, to, f"case.state.{case.status}"), _say(unit, to, f"case.next.{case.status}")]
    if case.status in OPEN:
        lines.append(await wait_line(unit, to, case))
    return Screen("\n\n".join(lines), await _rows(unit, to, case))


async def wait_line(unit: Unit, to: To, case: Case) -> str:
    """The honest estimate of the wait."""
    wait = await estimate_wait(unit, case)
    ahead = _say(unit, to, "case.wait.ahead", n=wait.ahead) if wait.ahead else _say(unit, to, "case.wait.first")
    if wait.usual is None:
        return f"{ahead} {_say(unit, to, 'case.wait.unknown')}"
    return f"{ahead} {_say(unit, to, 'case.wait.usual', time=span(max(wait.usual, HOUR), to.language))}"


async def _rows(unit: Unit, to: To, case: Case) -> Rows:
    first: list[Button] = []
    more: list[Button] = []

    def button(row: list[Button], key: str, act: str) -> None:
        row.append(Button(_say(unit, to, key), act))

    if await asked_again(unit, case):
        button(first, "case.button.again", "intake.again")
    elif case.status is CaseStatus.APPROVED:
        button(first, "case.button.rail", "treasury.confirm_rail")
    if case.status is CaseStatus.NEEDS_ANSWER:
        button(first, "case.button.question", "relay.open")
    if case.status in {CaseStatus.DECLINED, CaseStatus.APPROVED}:
        button(first, "case.button.outcome", "review.outcome")
    if "added" in changeable(case):
        button(more, "case.button.add", "case.add")
    if case.status not in ENDED:
        button(more, "case.button.correct", "intake.review")
        button(more, "case.button.check", "case.check")
        button(more, "case.button.phrase", "case.phrase")
    button(more, "case.button.receipt", "case.receipt")
    if case.status not in ENDED:
        button(more, "case.button.withdraw", "case.withdraw")
    return [
        *([each] for each in first),
        *in_twos(more),
        [Button(_say(unit, to, "start.button.erase"), "case.erase")],
    ]


def _say(unit: Unit, to: To, key: str, **params: str | int) -> str:
    return unit.texts.render(key, to.language, **params)
