"""What treasurers and coordinators see of screening: the lists with their ages, open questions, one question."""

from uuid import UUID

from models.policy import ListSource
from models.screening import GiverStatus, ListStatus, SanctionsList, ScreeningQuestion
from models.unit import Unit
from payments.screening import givers, lists
from payments.screening.entries import Facts, Shown
from services import screening
from services.access import Act, Actor, require
from services.speak import Button, Screen, show
from texts.formats import day

AT_ONCE = 8
"""Questions on one screen; the next come when these are decided."""

SHOWN = (GiverStatus.WAITING, GiverStatus.HELD, GiverStatus.BLOCKED)

LATEST, SHORT_LINE = 5, 120
"""Decisions on one screen, and UTF-16 units of a subject and a name there."""

WORDS, LINE = 800, 300
"""UTF-16 units of a subject and of a line of facts: seven of them and what stands around fit in 4096 (Bot API)."""


async def show_lists(unit: Unit, actor: Actor, *, note: str | None = None) -> None:
    """The lists that the policy asks for, what is open, and the way to each question."""
    require(actor, Act.DECIDE_MATCH)
    current = await lists.current(unit)
    parts = [unit.texts.render(note, actor.language)] if note else []
    parts.append(unit.texts.render("screening.title", actor.language))
    parts += [
        _list(unit, actor, source, current.get(source))
        for source in sorted({*unit.policy.screening.lists, *current})
    ]
    mine = await screening.to_decide(unit, actor)
    parts.append(
        unit.texts.render("screening.open", actor.language, n=await screening.count_open(unit), mine=len(mine))
    )
    gifts = await givers.counts(unit)
    if any(gifts.get(status) for status in SHOWN):
        counted = {str(status): gifts.get(status, 0) for status in SHOWN}
        parts.append(unit.texts.render("screening.gifts", actor.language, **counted))
    rows = [[_question(unit, actor, question)] for question in mine[:AT_ONCE]]
    rows.append([Button(unit.texts.render("screening.button.decided", actor.language), "screening.decided")])
    rows.append([Button(unit.texts.render("volunteers.button.back", actor.language), "volunteers.home")])
    await show(unit, actor.to, Screen("\n\n".join(parts), rows))


async def show_question(unit: Unit, actor: Actor, question_id: UUID) -> None:
    """The subject and the listed entry, side by side, in protected content."""
    question, words = await screening.read(unit, actor, question_id)
    asked = Shown.unpacked(question.facts)
    say = unit.texts.render
    subject = say(f"screening.kind.{question.kind}", actor.language)
    listed = say(f"screening.list.{question.source}", actor.language)
    lines = [
        say(
            "screening.question",
            actor.language,
            kind=subject,
            words=_cut(words, WORDS),
            list=listed,
            ref=question.ref,
        ),
        say("screening.fact.name", actor.language, text=_cut(asked.name, LINE)),
        say("screening.near", actor.language, text=_cut(question.listed_as, LINE), score=question.score),
        *_facts(unit, actor, asked.facts),
    ]
    if asked.programmes:
        lines.append(say("screening.fact.programmes", actor.language, text=_cut(asked.programmes, LINE)))
    lines.append(say("screening.ask", actor.language))
    args = {"question": str(question.id)}
    rows = [
        [Button(say("screening.button.other", actor.language), "screening.other", args)],
        [Button(say("screening.button.same", actor.language), "screening.same", args)],
        [Button(say("screening.button.lists", actor.language), "screening.show")],
    ]
    await show(unit, actor.to, Screen("\n\n".join(lines), rows, protect=True), anew=True)


async def show_decided(unit: Unit, actor: Actor) -> None:
    """The latest decisions with their reasons, in protected content: a second pair of eyes."""
    say = unit.texts.render
    parts = [say("screening.decided-title", actor.language)]
    for question, words, reason in await screening.decided(unit, actor, LATEST):
        when = question.decided_at or question.asked_at
        parts.append(
            say(
                f"screening.decision.{question.status}", actor.language,
                kind=say(f"screening.kind.{question.kind}", actor.language), words=_cut(words, SHORT_LINE),
                name=_cut(Shown.unpacked(question.facts).name, SHORT_LINE), ref=question.ref,
                day=day(when.date(), actor.language), reason=_cut(reason, LINE),
            )
        )  # fmt: skip
    if len(parts) == 1:
        parts.append(say("screening.decided-none", actor.language))
    rows = [[Button(say("screening.button.lists", actor.language), "screening.show")]]
    await show(unit, actor.to, Screen("\n\n".join(parts), rows, protect=True), anew=True)


async def ask_reason(unit: Unit, actor: Actor, question_id: UUID, *, same: bool) -> None:
    """Ask why, in words."""
    await screening.check_may(unit, actor, question_id)
    key = "screening.reason.same" if same else "screening.reason.other"
    back = Button(
        unit.texts.render("screening.button.back", actor.language),
        "screening.open",
        {"question": str(question_id)},
    )
    await show(unit, actor.to, Screen(unit.texts.render(key, actor.language), [[back]]))


def _list(unit: Unit, actor: Actor, source: ListSource, listed: SanctionsList | None) -> str:
    say = unit.texts.render
    name = say(f"screening.list.{source}", actor.language)
    if listed is None or listed.status is not ListStatus.CURRENT:
        return say("screening.line.missing", actor.language, name=name)
    key = "screening.line.stale" if lists.is_stale(unit, listed) else "screening.line.fresh"
    return say(
        key, actor.language, name=name, dated=day(listed.dated.date(), actor.language),
        loaded=day(listed.loaded_at.date(), actor.language), entries=listed.entries, names=listed.names,
        addresses=listed.addresses, hash=listed.sha256[: lists.SHORT],
    )  # fmt: skip


def _question(unit: Unit, actor: Actor, question: ScreeningQuestion) -> Button:
    kind = unit.texts.render(f"screening.kind.{question.kind}", actor.language)
    listed = unit.texts.render(f"screening.list.{question.source}", actor.language)
    label = f"{kind} · {listed} · {question.score}"
    return Button(label, "screening.open", {"question": str(question.id)})


def _facts(unit: Unit, actor: Actor, facts: Facts) -> list[str]:
    told = {"born": facts.born, "places": facts.places, "countries": facts.countries, "also": facts.also}
    return [
        unit.texts.render(f"screening.fact.{kind}", actor.language, text=_cut("; ".join(values), LINE))
        for kind, values in told.items()
        if values
    ]


def _cut(text: str, units: int) -> str:
    """The beginning of a text, in UTF-16 units as Telegram counts them."""
    encoded = text.encode("utf-16-le")
    if len(encoded) <= units * 2:
        return text
    return encoded[: (units - 1) * 2].decode("utf-16-le", errors="ignore") + "…"
