"""The applicant's path over the real Bot API protocol: ask, send, look, add, erase, recover."""

import pytest
from sqlmodel import col, select

from models.case import Case, CaseStatus
from services import intake, limits
from services.contact import Address, lane_of
from services.questions import KEYS
from tests.flows.harness import World
from tests.flows.interview import TYPED, Applicant, applicant
from tests.flows.worlds import WORLDS


async def own_messages(asker: Applicant) -> list[str]:
    """What the person themselves has written and can still be read."""
    return [view.text for view in await asker.person.messages() if not view.from_bot]


async def cases(world: World) -> list[Case]:
    """Every case that is stored."""
    async with world.unit() as unit:
        return list((await unit.session.exec(select(Case).order_by(col(Case.created_at)))).all())


@WORLDS
async def test_a_person_asks_sends_and_sees_where_it_stands(world: World, language: str) -> None:
    """The whole interview works in both languages over both ways of hearing, on one screen."""
    asker = await applicant(world, language=language)
    await asker.start()
    review = await asker.answer_all()
    assert asker.say("intake.review.ask") in review.text
    sent = await asker.press("intake.button.send")
    assert sent.protected
    (case,) = await cases(world)
    assert case.code in sent.text
    shown = await asker.press("case.button.written")
    assert asker.say("case.ask.check") in shown.text
    shown = await asker.type("blue teapot")
    assert "blue teapot" in shown.text
    assert asker.say("case.state.in_review") in shown.text
    assert await own_messages(asker) == []
    assert len(await asker.person.messages()) == 1
    assert (case.category, case.urgency, case.amount) == ("fine", "week", 1_500_000)
    assert case.status is CaseStatus.IN_REVIEW


async def test_a_half_done_interview_survives_a_crash(world: World) -> None:
    """After a kill and a restart the person goes on at the question where they were."""
    asker = await applicant(world)
    await asker.start()
    await asker.answer_all(KEYS[: KEYS.index("story")])
    await world.kill()
    await world.start()
    shown = await asker.reply("story")
    assert asker.say("intake.ask.confirmation") in shown.text
    await asker.type("/start")
    shown = await asker.press("start.button.resume")
    assert asker.say("intake.ask.confirmation") in shown.text


@pytest.mark.parametrize(
    ("key", "typed", "problem"),
    [
        ("happened", "something", "choice"),
        ("when", "tomorrow", "date-future"),
        ("when", "3/4", "date-unclear"),
        ("need", "\u200b", "empty"),
        ("amount", "a lot", "number"),
        ("amount", "-5", "positive"),
        ("documents", "here it is", "document-wanted"),
        ("court", "1.1.2001", "date-past"),
        ("zone", "at home", "zone"),
        ("hours", "at night", "hours"),
    ],
)
async def test_bad_input_is_said_above_the_question(world: World, key: str, typed: str, problem: str) -> None:
    """The question stays with a line that says what is wanted; what was answered before is kept; the words go."""
    asker = await applicant(world, language="en")
    await asker.start()
    place = KEYS.index(key)
    await asker.answer_all(KEYS[:place])
    shown = await asker.type(typed)
    assert shown.text.startswith(asker.say(f"intake.bad.{problem}"))
    assert asker.say(f"intake.ask.{key}") in shown.text
    assert await own_messages(asker) == []
    assert len(await asker.person.messages()) == 1
    await asker.answer_all(KEYS[place:])


async def test_a_text_too_long_is_refused_with_its_length_and_not_taken_in_halves(world: World) -> None:
    """Neither becomes an answer; both stay to be copied and shortened, and go with the answer in their place."""
    asker = await applicant(world, language="en")
    await asker.start()
    await asker.answer_all(KEYS[: KEYS.index("story")])
    shown = await asker.type("щ" * 3600)
    assert shown.text.startswith(asker.say("intake.bad.long", limit=3500, length=3600))
    assert await own_messages(asker) == ["щ" * 3600]
    await asker.person.send("🙂" * 2048)
    shown = await asker.type("and the rest")
    assert await own_messages(asker) == ["щ" * 3600, "🙂" * 2048, "and the rest"]
    assert shown.text.startswith(asker.say("intake.bad.cut", limit=3500))
    assert asker.say("intake.ask.story") in shown.text
    await world.jump(seconds=5)
    shown = await asker.type("שלום 👩‍👩‍👧 my story")
    assert asker.say("intake.ask.confirmation") in shown.text
    assert await own_messages(asker) == []


async def test_a_text_too_long_may_be_shortened_in_its_place(world: World) -> None:
    """Whoever edits what they wrote gives their answer with it; half of it is still not the whole."""
    asker = await applicant(world, language="en")
    await asker.start()
    await asker.answer_all(KEYS[: KEYS.index("story")])
    sent = await asker.person.send("x" * 3700)
    await asker.screen()
    await asker.person.edit(sent, "x" * 3600)
    shown = await asker.screen()
    assert shown.text.startswith(asker.say("intake.bad.long", limit=3500, length=3600))
    assert await own_messages(asker) == ["x" * 3600]
    await asker.person.edit(sent, "canary-short")
    shown = await asker.screen()
    assert asker.say("intake.ask.confirmation") in shown.text
    assert await own_messages(asker) == []
    (case,) = await cases(world)
    async with world.unit() as unit:
        assert await intake.read_answer(unit, case, "story") == "canary-short"


async def test_a_text_too_long_is_gone_after_some_minutes(world: World) -> None:
    """Whoever takes the phone later finds nothing of it, though its person has gone away."""
    asker = await applicant(world, language="en")
    await asker.start()
    await asker.answer_all(KEYS[: KEYS.index("story")])
    await asker.type("x" * 3600)
    await world.jump(minutes=world.resources.policy.retention.screen_minutes + 1)
    assert await own_messages(asker) == []


async def test_back_skip_keep_and_correct(world: World) -> None:
    """Every way through the interview keeps what was answered."""
    asker = await applicant(world, language="en")
    await asker.start()
    await asker.answer_all(KEYS[: KEYS.index("zone")])
    shown = await asker.press("intake.button.back")
    assert asker.say("intake.now", answer=asker.say("intake.button.district.volga")) in shown.text
    shown = await asker.press("intake.button.keep")
    assert asker.say("intake.ask.zone") in shown.text
    review = await asker.answer_all(KEYS[KEYS.index("zone") :])
    assert "₽" in review.text or "RUB" in review.text
    await asker.press("intake.title.amount")
    review = await asker.type("20000")
    assert "20,000" in review.text
    await asker.press("intake.title.need")
    review = await asker.press("intake.button.unchanged")
    assert "canary-need" in review.text
    await asker.press("intake.title.district")
    review = await asker.press("intake.button.skip")
    assert asker.say("intake.skipped") in review.text


async def test_a_typed_start_comes_to_the_bottom(world: World) -> None:
    """Whoever types looks for the answer below what they typed; still one message stands."""
    asker = await applicant(world, language="en")
    first = await asker.type("/start")
    second = await asker.type("/start")
    assert second.id > first.id + 1
    assert len(await asker.person.messages()) == 1


async def test_what_was_sent_is_not_shown_again(world: World) -> None:
    """Whoever takes an unlocked phone finds which questions were answered, never a word of the answers."""
    asker = await applicant(world, language="en")
    await asker.submit()
    shown = await asker.press("case.button.correct")
    assert asker.say("intake.review.given", title=asker.say("intake.title.payout")) in shown.text
    for key in TYPED:
        question = await asker.press(f"intake.title.{key}")
        for typed in TYPED.values():
            assert typed not in shown.text + question.text
        shown = await asker.press("intake.button.unchanged")
    await asker.press("intake.title.need")
    shown = await asker.type("canary-anew")
    assert "canary-anew" not in shown.text
    (case,) = await cases(world)
    async with world.unit() as unit:
        assert await intake.read_answer(unit, case, "need") == "canary-anew"


async def test_adding_and_correcting_after_sending(world: World) -> None:
    """The panel is given the new version; how to be reached changes nothing for it."""
    asker = await applicant(world, language="en")
    await asker.submit()
    await asker.press("case.button.add")
    await asker.person.send("x" * 4096)
    shown = await asker.type("and the rest")
    assert shown.text.startswith(asker.say("intake.bad.cut", limit=3500))
    await world.jump(seconds=5)
    shown = await asker.type("canary-added")
    assert shown.text.startswith(asker.say("case.done.added"))
    assert (await cases(world))[0].version == 2
    await asker.press("case.button.correct")
    await asker.press("intake.title.messages")
    await asker.press("intake.button.messages.no")
    assert (await cases(world))[0].version == 2
    await asker.press("intake.title.amount")
    await asker.type("16000")
    (case,) = await cases(world)
    assert (case.version, case.amount) == (3, 1_600_000)


async def test_taking_a_case_back(world: World) -> None:
    """It is asked once more, can be left, and then is done; a new request can be begun."""
    asker = await applicant(world)
    await asker.submit()
    await asker.press("case.button.withdraw")
    shown = await asker.press("case.button.no")
    assert asker.say("case.state.in_review") in shown.text
    await asker.press("case.button.withdraw")
    shown = await asker.press("case.button.withdraw")
    assert asker.say("case.state.withdrawn") in shown.text
    await asker.type("/start")
    shown = await asker.press("start.button.answer")
    assert asker.say("intake.ask.happened") in shown.text


@pytest.mark.parametrize("sent", [True, False], ids=["sent", "draft"])
async def test_erasing_leaves_nothing_but_the_report(world: World, *, sent: bool) -> None:
    """Every message goes but the one that says what was removed; the person is a stranger again."""
    asker = await applicant(world)
    if sent:
        await asker.submit()
    else:
        await asker.start()
        await asker.answer_all(KEYS[: KEYS.index("confirmation")])
    await asker.type("/erase")
    shown = await asker.press("case.button.erase")
    assert asker.say("case.erased.case") in shown.text
    assert asker.say("case.erased.messages", n=1) in shown.text
    assert len(await asker.person.messages()) == 1
    assert [case.status for case in await cases(world)] == [CaseStatus.SHREDDED]
    shown = await asker.press("start.button.home")
    assert asker.say("start.button.answer") in shown.labels


async def test_another_account_takes_the_case_over(world: World) -> None:
    """Code and words move it; the old account sees nothing any more and is a stranger."""
    old, new = await applicant(world, "Old"), await applicant(world, "New")
    await old.start()
    await old.answer_all()
    sent = await old.press("intake.button.send")
    (case,) = await cases(world)
    words = next(line for line in sent.text.splitlines() if len(line.split()) == 6 and ":" not in line)
    await old.press("case.button.written")
    await old.type("blue teapot")
    await new.type("/recover")
    shown = await new.type(f"{case.code} один два три четыре пять шесть")
    assert shown.text.startswith(new.say("case.bad.pair"))
    shown = await new.type(f"{case.code.lower().replace('-', '')} {words}")
    assert shown.text.startswith(new.say("case.done.moved"))
    assert "blue teapot" in shown.text
    assert await own_messages(new) == []
    assert await old.person.messages() == []
    shown = await old.type("/status")
    assert shown.text.startswith(old.say("case.none"))


async def test_a_receipt_is_shown_and_verified(world: World) -> None:
    """What the case shows is genuine for anybody, and a changed one is not."""
    asker, other = await applicant(world), await applicant(world, "Other", "en")
    await asker.submit()
    shown = await asker.press("case.button.receipt")
    receipt = next(line for line in shown.text.splitlines() if line.count(".") == 2 and " " not in line)
    await other.type("/verify")
    shown = await other.type(receipt.replace("T", "T0", 1))
    assert shown.text.startswith(other.say("case.bad.receipt"))
    shown = await other.type(receipt)
    assert receipt.split(".")[0] in shown.text


async def test_a_new_phrase_is_shown_once_in_protected_content(world: World) -> None:
    """It is asked before, since the old words end; the screen that follows takes their place."""
    asker = await applicant(world, language="en")
    await asker.submit()
    await asker.press("case.button.phrase")
    shown = await asker.press("case.button.phrase")
    assert shown.protected
    words = next(line for line in shown.text.splitlines() if len(line.split()) == 6 and ":" not in line)
    shown = await asker.press("case.button.written")
    assert words not in shown.text
    assert len(await asker.person.messages()) == 1


@pytest.mark.parametrize("ways", [("case.button.correct", "intake.title.story"), ("case.button.add",)])
async def test_a_change_too_many_is_not_stored(world: World, ways: tuple[str, ...]) -> None:
    """Refused on the screen means refused in the row: the panel's votes are bound to what they have read."""
    asker = await applicant(world)
    await asker.submit()
    async with world.unit() as unit:
        for _ in range(limits.CHANGES.most):
            await limits.spend(unit, lane_of(unit, Address(asker.person.id)), limits.CHANGES)
    for way in ways:
        await asker.press(way)
    shown = await asker.type("another story altogether")
    assert asker.say(limits.CHANGES.key, minutes=24 * 60) in shown.text
    (case,) = await cases(world)
    async with world.unit() as unit:
        assert "another story altogether" not in (await intake.read_answers(unit, case)).values()


async def test_a_language_is_kept_before_there_is_a_case(world: World) -> None:
    """Whoever chooses another language than their app's is answered in it, also when something is refused."""
    asker = await applicant(world, language="ru")
    await asker.type("/start")
    await asker.person.press("English")
    await asker.screen()
    asker.language = "en"
    shown = await asker.type("/help")
    assert shown.text == asker.say("start.help")
    await asker.press("start.button.home")
    shown = await asker.press("start.button.answer")
    assert asker.say("intake.ask.happened") in shown.text


async def test_the_screen_fades_and_the_person_comes_back(world: World) -> None:
    """After some minutes a neutral line stands there, and its button leads to the question where they were."""
    asker = await applicant(world)
    await asker.start()
    await asker.answer_all(KEYS[: KEYS.index("confirmation")])
    await world.jump(minutes=world.resources.policy.retention.screen_minutes + 1)
    shown = await asker.screen()
    assert shown.text == asker.say("pipeline.neutral")
    shown = await asker.press("pipeline.open")
    assert asker.say("intake.ask.confirmation") in shown.text


async def test_a_draft_left_alone_is_gone_after_a_day(world: World) -> None:
    """Nothing is said; whoever comes back finds an empty start."""
    asker = await applicant(world)
    await asker.start()
    await asker.answer_all(KEYS[: KEYS.index("confirmation")])
    await world.jump(hours=25)
    assert [case.status for case in await cases(world)] == [CaseStatus.SHREDDED]
    assert await asker.person.messages() == []
    shown = await asker.type("/start")
    assert asker.say("start.button.answer") in shown.labels
