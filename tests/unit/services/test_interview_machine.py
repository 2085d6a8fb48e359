"""Whatever a person does in the interview, in whatever order, no answer is lost and nothing is asked twice."""

from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import delete

from bot.database import Resources
from models.allowance import Allowance
from models.case import CaseStatus
from models.errors import BadInput
from services import intake, submission
from services.erasure import erase
from services.questions import KEYS, SKIPPED
from tests.unit.services.asker import ANSWERS, actor_of

ACTS = st.tuples(st.sampled_from(["answer", "skip", "send"]), st.sampled_from(KEYS))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(acts=st.lists(ACTS, max_size=25), rest=st.booleans())
async def test_no_order_of_acts_loses_an_answer(
    resources: Resources, acts: list[tuple[str, str]], *, rest: bool
) -> None:
    """What is stored is what was last said; a case is sent exactly when everything needed is there."""
    expected: dict[str, str] = {}
    if rest:
        acts += [("answer", key) for key in KEYS] + [("send", "")]
    async with resources.unit() as unit:
        case = await intake.begin(unit, await actor_of(unit))
        actor = await actor_of(unit)
        for act, key in acts:
            if case.status is not CaseStatus.DRAFT:
                break
            whole = not intake.required_missing(expected)
            if act == "send":
                with suppress(BadInput):
                    await submission.submit(unit, actor, case)
                assert (case.status is not CaseStatus.DRAFT) is whole
                continue
            with suppress(BadInput):
                value = ANSWERS[key] if act == "answer" else intake.skipped_value(key)
                await submission.give_answer(unit, actor, case, key, value)
                expected[key] = value
            assert await intake.read_answers(unit, case) == expected
            asked = await intake.following(unit, case, key)
            assert (asked is None and set(expected) == set(KEYS)) or asked not in expected
        assert all(expected.get(key, SKIPPED) in {ANSWERS[key], SKIPPED} for key in KEYS)
        assert (await erase(unit, actor)).cases == 1
        await unit.session.exec(delete(Allowance))  # each example has a day of its own
