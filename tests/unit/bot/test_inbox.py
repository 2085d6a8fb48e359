"""What arrives is stored once, in its lane, sealed, and blanked in time."""

import asyncio
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from bot.clock import JobClock
from bot.database import Resources
from bot.inbox import JOBS, NO_LANE, Inbox, chat_of, event_place, telegram_arrival
from bot.metrics import Metrics
from models.mail import EventStatus, InboxEvent
from sandbox.clock import TravelClock
from vault.types import IndexName

PERSON = {"id": 7, "is_bot": False, "first_name": "A"}
GROUP = {"id": -1007, "type": "supergroup", "title": "G"}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["update_id", "message", "callback_query", "from", "chat", "id", "user", "poll"])
UPDATES = JSON | st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON, max_size=4), max_size=4)


def update(number: int, text: str = "слово") -> dict[str, object]:
    """A message of person 7."""
    chat = {"id": 7, "type": "private"}
    message = {"message_id": number, "date": 0, "chat": chat, "from": PERSON, "text": text}
    return {"update_id": number, "message": message}


@pytest.fixture
def rings() -> list[int]:
    """One entry for each commit of the inbox."""
    return []


@pytest.fixture
def inbox(resources: Resources, rings: list[int]) -> Inbox:
    """An inbox on an empty database."""
    return Inbox(resources, lambda: rings.append(1), Metrics())


async def stored(resources: Resources) -> list[InboxEvent]:
    """All rows in order."""
    async with resources.unit() as unit:
        return list((await unit.session.exec(select(InboxEvent).order_by(InboxEvent.id))).all())  # type: ignore[arg-type] # SQLModel types a column as its value


@pytest.mark.parametrize(
    ("raw", "chat"),
    [
        (update(1), 7),
        ({"update_id": 1, "edited_message": {"chat": GROUP, "from": PERSON}}, -1007),
        ({"update_id": 1, "channel_post": {"chat": GROUP}}, -1007),
        ({"update_id": 1, "callback_query": {"from": PERSON, "message": {"chat": GROUP}}}, -1007),
        ({"update_id": 1, "callback_query": {"from": PERSON, "inline_message_id": "x"}}, 7),
        ({"update_id": 1, "my_chat_member": {"chat": GROUP, "from": PERSON}}, -1007),
        ({"update_id": 1, "pre_checkout_query": {"from": PERSON}}, 7),
        ({"update_id": 1, "poll_answer": {"user": PERSON}}, 7),
        ({"update_id": 1, "poll": {"id": "5"}}, None),
        ({"update_id": 1, "from_the_future": {"chat": {"id": "7"}, "from": {"id": True}}}, None),
        ({"update_id": 1}, None),
        (["update"], None),
        ("update", None),
        (None, None),
    ],
)
def test_the_lane_is_found_in_bare_json(raw: object, chat: int | None) -> None:
    """An update goes into the lane of its chat, else of its person, whatever its kind."""
    assert chat_of(raw) == chat


@given(UPDATES)
def test_no_shape_is_too_strange_for_a_lane(raw: object) -> None:
    """Whatever JSON comes, finding its chat does not fail."""
    assert isinstance(chat_of(raw), int | None)


async def test_a_repeat_is_stored_once(inbox: Inbox, resources: Resources) -> None:
    """The same update in one batch and in two is one event."""
    arrivals = [telegram_arrival(resources, update(number)) for number in (1, 2, 2)]
    await inbox.store(arrivals)
    await inbox.store(arrivals[:1])
    assert [row.external_id for row in await stored(resources)] == ["1", "2"]


async def test_updates_without_a_number_are_stored_too(inbox: Inbox, resources: Resources) -> None:
    """What has no update_id is known by its content, and belongs to no lane."""
    await inbox.store([telegram_arrival(resources, raw) for raw in ("x", "y", "x", {"update_id": True})])
    rows = await stored(resources)
    assert len({row.external_id for row in rows}) == 3
    assert {row.lane for row in rows} == {NO_LANE}


async def test_an_update_is_sealed_in_its_lane(inbox: Inbox, resources: Resources) -> None:
    """A row shows neither words nor numbers of people, and opens only in its place."""
    raw = update(5, "секретное слово")
    await inbox.store([telegram_arrival(resources, raw)])
    [row] = await stored(resources)
    assert row.lane == resources.vault.index(IndexName.chat, "7")
    assert row.payload is not None
    assert "секретное".encode() not in bytes(row.payload)
    assert json.loads(resources.vault.open_server(row.payload, event_place("telegram", "5"))) == raw


async def test_concurrent_callers_share_commits(inbox: Inbox, resources: Resources, rings: list[int]) -> None:
    """Forty webhook calls at once are all stored, in far fewer commits."""
    calls = [inbox.store([telegram_arrival(resources, update(number))]) for number in range(40)]
    await asyncio.gather(*calls)
    assert len(await stored(resources)) == 40
    assert len(rings) <= 3


async def test_what_is_done_goes_after_a_day_and_what_waits_stays(
    inbox: Inbox, resources: Resources, clock: TravelClock
) -> None:
    """Numbers of events done are kept longer than Telegram repeats them, and no longer than the policy says."""
    await inbox.store([telegram_arrival(resources, update(number)) for number in (1, 2)])
    async with resources.unit() as unit:
        first = (await unit.session.exec(select(InboxEvent).where(InboxEvent.external_id == "1"))).one()
        first.status = EventStatus.DONE
    jobs = JobClock(resources, JOBS, Metrics(), handled=lambda: None)
    clock.advance(timedelta(hours=25))
    await jobs.run_due_now()
    assert len(await stored(resources)) == 2
    clock.advance(timedelta(hours=resources.policy.retention.inbox_hours))
    await jobs.run_due_now()
    assert [row.external_id for row in await stored(resources)] == ["2"]


async def test_half_a_letter_stops_nobody(inbox: Inbox, resources: Resources) -> None:
    """JSON can carry half a pair of UTF-16; it is stored, and what came with it is too."""
    await inbox.store([telegram_arrival(resources, raw) for raw in (update(1, "\ud800"), update(2))])
    rows = await stored(resources)
    assert [row.external_id for row in rows] == ["1", "2"]
    assert rows[0].payload is not None
    body = resources.vault.open_server(rows[0].payload, event_place("telegram", "1"))
    assert json.loads(body)["message"]["text"] == "?"
