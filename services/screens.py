"""What the interview shows: one question at a time, the page before sending, and how it goes on.

Pure rendering over stored answers. Choices stand two in a row; Back, Skip and Keep below them.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from models.case import AttachmentRequest, Case, CaseStatus, FileStatus
from models.errors import BadInput
from models.unit import Unit
from services.contact import To
from services.questions import KEYS, SKIPPED, Kind, Question, before, question, shown
from services.speak import MESSAGE, Button, Screen, fitting, units
from services.typed import When
from texts.formats import currency_name

NEAR = timedelta(days=9)
"""How far from today the day lies that is given as an example."""

SHORT = 90
"""Characters of an answer on the page before sending: fifteen fit on one screen. Its question shows it whole."""

COUNTED = (FileStatus.ADDED, FileStatus.WAITING, FileStatus.REFUSED)
"""What is said first of a case's files."""

LABELS = 2
"""Buttons that fit beside each other on a phone with their words whole."""

Rows = list[list[Button]]


def question_screen(
    unit: Unit,
    to: To,
    key: str,
    *,
    now: str | None = None,
    correcting: bool = False,
    files: Sequence[AttachmentRequest] = (),
    problem: BadInput | None = None,
) -> Screen:
    """One question: its step, what is asked, a line of help, the present answer, what was wrong just now.

    The answer stands there whole: what was typed is gone from the chat, and is read again before it is sent.
    """
    asked = question(key)
    say = _saying(unit, to)
    lines = [] if problem is None else [say(problem.text_key, **problem.params)]
    title = say(f"intake.title.{key}")
    if correcting or not asked.asked:
        lines.append(title)
    else:
        lines.append(say("intake.step", step=KEYS.index(key) + 1, steps=len(KEYS), title=title))
    lines += [say(f"intake.ask.{key}"), _help(unit, to, key)]
    lines += [file_line(unit, to, number, each) for number, each in enumerate(files, 1)]
    if now and asked.kind is not Kind.DOCUMENTS:
        room = MESSAGE - units("\n\n".join([*lines, ""]))
        lines.append(_present(say, shown(asked, now, unit.texts, to.language), room))
    rows = _choices(asked, say) + _ways(asked, say, now, files, correcting=correcting)
    return Screen("\n\n".join(lines), rows)


def review_screen(
    unit: Unit,
    to: To,
    case: Case,
    answers: Mapping[str, str],
    keys: Sequence[str],
    files: Sequence[AttachmentRequest] = (),
) -> Screen:
    """The page to read and correct: each answer shortened, a button for each, and Send for a draft.

    Of a case that was sent only what was answered, never how: whoever takes an unlocked phone reads this too. Of
    files it says how they stand, whatever was pressed below them; Send holds how many of them it called refused.
    """
    say = _saying(unit, to)
    draft = case.status is CaseStatus.DRAFT
    lines = [say("intake.review.ask" if draft else "intake.review.sent")]
    lines += [_review_line(unit, to, key, answers[key], files, draft=draft) for key in keys if key in answers]
    buttons = [Button(say(f"intake.title.{key}"), "intake.correct", {"question": key}) for key in keys]
    rows: Rows = in_twos(buttons)
    if draft:
        rows.append([Button(say("intake.button.send"), "intake.send", {"refused": refused(files)})])
    rows.append([Button(say("start.button.home"), "start.home")])
    return Screen("\n".join(lines), rows)


def phrase_screen(unit: Unit, to: To, case: Case, phrase: str) -> Screen:
    """The recovery phrase, once, in protected content."""
    say = _saying(unit, to)
    button = Button(say("case.button.written"), "case.written")
    return Screen(say("case.phrase", code=case.code, phrase=phrase), [[button]], protect=True)


def phrase_soon_screen(unit: Unit, to: To) -> Screen:
    """What stands while the recovery phrase is made, protected already as the phrase must be."""
    return Screen(unit.texts.render("case.phrase-soon", to.language), protect=True)


def file_line(unit: Unit, to: To, number: int, file: AttachmentRequest) -> str:
    """How one file that was sent stands."""
    say = _saying(unit, to)
    if file.status is FileStatus.ADDED:
        return say("intake.file.added", number=number, n=file.pages)
    if file.status is FileStatus.WAITING:
        return say("intake.file.waiting", number=number)
    return say("intake.file.refused", number=number, reason=say(file.reason or "intake.bad.file"))


def files_line(unit: Unit, to: To, files: Sequence[AttachmentRequest]) -> str:
    """How many files of a case stand how."""
    say = _saying(unit, to)
    return say("intake.review.line", title=say("intake.title.documents"), answer=_counted(say, files))


def refused(files: Sequence[AttachmentRequest]) -> int:
    """How many of these files were refused."""
    return sum(each.status is FileStatus.REFUSED for each in files)


def shorten(text: str, most: int) -> str:
    """One line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def in_twos(buttons: Sequence[Button]) -> Rows:
    """Buttons in rows of two."""
    return [list(buttons[start : start + 2]) for start in range(0, len(buttons), 2)]


def _saying(unit: Unit, to: To) -> Callable[..., str]:
    def say(key: str, **params: str | int) -> str:
        return unit.texts.render(key, to.language, **params)

    return say


def _review_line(
    unit: Unit, to: To, key: str, answer: str, files: Sequence[AttachmentRequest], *, draft: bool
) -> str:
    say = _saying(unit, to)
    title, documents = say(f"intake.title.{key}"), question(key).kind is Kind.DOCUMENTS
    if not draft:
        given = refused(files) < len(files) if documents else answer
        return say("intake.review.given" if given else "intake.review.open", title=title)
    if documents and (files or answer != SKIPPED):
        return files_line(unit, to, files)
    spoken = shorten(shown(question(key), answer, unit.texts, to.language), SHORT)
    return say("intake.review.line", title=title, answer=spoken)


def _choices(asked: Question, say: Callable[..., str]) -> Rows:
    return in_twos(
        [
            Button(
                say(f"intake.button.{asked.key}.{name}"), "intake.choose", {"question": asked.key, "name": name}
            )
            for name in asked.choices or ()
        ]
    )


def _help(unit: Unit, to: To, key: str) -> str:
    """The line of help: that of the amount names the fund's currency and shows another, that of a day one near."""
    policy = unit.policy
    other = next((code for code in sorted(policy.rates, reverse=True) if code != policy.currency), policy.currency)
    own = currency_name(policy.currency, to.language)
    asked = question(key)
    near = unit.now + (-NEAR if asked.when is When.PAST else NEAR)
    return unit.texts.render(f"intake.help.{key}", to.language, currency=own, other=other, near=f"{near:%d.%m}")


def _present(say: Callable[..., str], answer: str, room: int) -> str:
    """The present answer, in so many UTF-16 units; it says so when that is not the whole of it."""
    whole = say("intake.now", answer=answer)
    if units(whole) <= room:
        return whole
    spare = room - units(say("intake.now-cut", answer=""))
    return say("intake.now-cut", answer=fitting(answer, spare))


def _counted(say: Callable[..., str], files: Sequence[AttachmentRequest]) -> str:
    counts = Counter(each.status for each in files)
    said = [say(f"intake.files.{status}", count=counts[status]) for status in COUNTED if counts[status]]
    return ", ".join(said) or say("intake.files.none")


def _ways(
    asked: Question,
    say: Callable[..., str],
    now: str | None,
    files: Sequence[AttachmentRequest],
    *,
    correcting: bool,
) -> Rows:
    args = {"question": asked.key}
    ways: list[Button] = []
    if files:
        ways.append(Button(say("intake.button.remove-files"), "intake.remove", args))
    if refused(files) < len(files):
        ways.append(Button(say("intake.button.done"), "intake.done", args))
    elif asked.skippable and asked.asked:
        ways.append(Button(say("intake.button.skip"), "intake.skip", args))
    if correcting or not asked.asked:
        return [row for row in (ways, [Button(say("intake.button.unchanged"), "intake.review")]) if row]
    earlier = before(asked.key)
    home = Button(say("start.button.home"), "start.home")
    back = Button(say("intake.button.back"), "intake.back", {"question": earlier}) if earlier else home
    if now is None or files:
        return [[back, *ways]] if len(ways) < LABELS else [ways, [back]]
    return [[Button(say("intake.button.keep"), "intake.keep", args)], [back, *ways]]
