"""The estimate of the wait: honest about the queue, silent when too little is known."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.database import Resources
from models.case import Case, CaseStatus
from services.contact import Address, To
from services.intake import new_code
from services.status import wait_line
from services.waiting import ENOUGH, LATEST, estimate_wait, usual_wait
from tests.unit.services.asker import case_of, submitted

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "usual"),
    [([], None), ([1] * (ENOUGH - 1), None), ([1] * ENOUGH, 1), ([1, 2, 3, 4, 100], 3), ([1, 2, 3, 4, 5, 6], 3.5)],
)
def test_the_usual_wait_is_a_median_of_enough(hours: list[int], usual: float | None) -> None:
    """One very slow case does not frighten everybody, and four cases are no basis for a promise."""
    pairs = [(NOON, NOON + timedelta(hours=each)) for each in hours]
    assert usual_wait(pairs) == (None if usual is None else timedelta(hours=usual))


async def test_an_empty_queue_is_said_in_words(resources: Resources) -> None:
    """Nobody is told that zero requests are ahead."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        line = await wait_line(unit, To(Address(1), "en"), await case_of(unit, case_id))
        assert line.startswith(resources.texts.render("case.wait.first", "en"))


async def test_the_queue_counts_open_cases_sent_before(resources: Resources) -> None:
    """Drafts, decided cases and those sent later are not ahead; only the latest decisions count."""
    for number in (1, 2, 3):
        await submitted(resources, number)
    case_id, _ = await submitted(resources, 4)
    await submitted(resources, 5)
    async with resources.unit() as unit:
        for age in range(LATEST + 10):
            wait = timedelta(hours=2) if age < LATEST else timedelta(days=90)
            decided = unit.now - timedelta(days=age)
            unit.session.add(
                Case(
                    code=new_code(),
                    status=CaseStatus.PAID,
                    language="en",
                    created_at=decided - wait,
                    submitted_at=decided - wait,
                    decided_at=decided,
                )
            )
        unit.session.add(Case(code=new_code(), language="en", created_at=unit.now))
        await unit.session.flush()
        wait_now = await estimate_wait(unit, await case_of(unit, case_id))
        assert (wait_now.ahead, wait_now.usual) == (3, timedelta(hours=2))
