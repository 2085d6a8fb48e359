"""No message comes outside a person's hours, whatever the clocks of their zone do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.policy import Policy
from services.contact import Address, SafeContact
from services.hours import Hours, hours_of

ZONES = (
    "Europe/Moscow",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Asia/Kamchatka",
    "Etc/GMT-5",
    "Australia/Lord_Howe",
)

hours = st.builds(
    Hours, st.sampled_from(ZONES).map(ZoneInfo), st.integers(0, 23), st.integers(0, 23)
)  # fmt: skip
moments = st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - naive bounds


@given(hours, moments)
def test_the_next_moment_is_allowed_and_not_before(window: Hours, moment: datetime) -> None:
    """Whatever is asked for, what comes out is within the hours, later, and soon."""
    found = window.next(moment)
    assert window.allow(found)
    assert moment <= found <= moment + timedelta(days=3)


@given(hours, moments)
def test_an_allowed_moment_stays(window: Hours, moment: datetime) -> None:
    """Nobody waits without a reason."""
    found = window.next(moment)
    assert window.next(found) == found


@pytest.mark.parametrize(
    ("zone", "first", "last", "asked", "got"),
    [
        ("Europe/Moscow", 10, 21, "2026-05-01T05:00", "2026-05-01T07:00"),
        ("Europe/Moscow", 10, 21, "2026-05-01T18:00", "2026-05-02T07:00"),
        ("Europe/Moscow", 22, 2, "2026-05-01T10:00", "2026-05-01T19:00"),
        ("Europe/Moscow", 22, 2, "2026-05-01T22:30", "2026-05-01T22:30"),
        ("Europe/Moscow", 0, 24, "2026-05-01T20:30", "2026-05-01T20:30"),  # half past eleven at night, at any hour
        ("Europe/Moscow", 18, 24, "2026-05-01T20:30", "2026-05-01T20:30"),
        ("Europe/Berlin", 2, 3, "2026-03-29T00:30", "2026-03-30T00:00"),  # two o'clock is skipped that night
        ("Europe/Berlin", 2, 4, "2026-03-29T00:30", "2026-03-29T01:00"),
        ("Europe/Berlin", 2, 3, "2026-10-25T01:30", "2026-10-25T01:30"),  # two o'clock comes twice that night
        ("Europe/Berlin", 2, 3, "2026-10-25T02:30", "2026-10-26T01:00"),
    ],
)
def test_known_days(zone: str, first: int, last: int, asked: str, got: str) -> None:
    """Days worked out by hand, clock changes among them."""
    moment = datetime.fromisoformat(asked).replace(tzinfo=UTC)
    assert Hours(ZoneInfo(zone), first, last).next(moment) == datetime.fromisoformat(got).replace(tzinfo=UTC)


def test_the_policy_fills_what_was_not_named(policy: Policy) -> None:
    """Who named no hours is written to by day."""
    rules = policy.followups
    assert hours_of(SafeContact(Address(1)), rules).first == rules.quiet_to
    assert hours_of(SafeContact(Address(1), "Asia/Omsk", 5, 6), rules) == Hours(ZoneInfo("Asia/Omsk"), 5, 6)
    assert hours_of(SafeContact(Address(1)), rules).opening(date(2026, 5, 1)).tzinfo is UTC
