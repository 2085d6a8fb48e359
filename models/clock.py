"""The time that the fund goes by: always aware, always UTC, always handed in."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time. The demo and the tests hand in one that can jump."""

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""


def to_day(moment: datetime) -> datetime:
    """The beginning of a moment's day in UTC: what is kept of a time when the hour could tell too much."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def day_after(moment: datetime) -> datetime:
    """The end of a moment's day in UTC, which is never before the moment."""
    return to_day(moment) + timedelta(days=1)


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)
