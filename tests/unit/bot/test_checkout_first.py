"""The question before a payment in stars: answered ahead of everything that waits."""

from bot.database import Resources
from bot.inbox import Inbox, telegram_arrival
from bot.metrics import Metrics
from bot.worker import claim
from services.speak import CHECKOUT_LANES, checkout_lane

WAITING = 300


def message(number: int) -> dict[str, object]:
    """An update that waits."""
    return {"update_id": number, "message": {"message_id": number, "chat": {"id": number, "type": "private"}}}


async def test_question_before_a_payment_passes_all_that_waits(resources: Resources) -> None:
    """Telegram waits ten seconds: the question is the next event, however many came before it."""
    asked = {"update_id": 10_000, "pre_checkout_query": {"id": "77", "from": {"id": 5}}}
    inbox = Inbox(resources, lambda: None, Metrics())
    updates = [*(message(number) for number in range(1, WAITING)), asked]
    await inbox.store([telegram_arrival(resources, update) for update in updates])
    async with resources.unit() as unit:
        assert [event.external_id for event in await claim(unit, 16)] == ["10000"]


def test_questions_stand_in_no_chat_s_order() -> None:
    """A question has a lane of its own kind, whatever its id looks like."""
    assert {checkout_lane(query) for query in ("", "1", "x" * 500, "\ud800")} <= set(CHECKOUT_LANES)
