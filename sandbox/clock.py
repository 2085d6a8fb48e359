"""The clock of the stand-ins: real time plus an offset that people of the demo and tests may enlarge.

It never goes backwards by itself and never sleeps. Whatever needs a date (message dates, the 48 hours of deletion,
the 24 hours for which updates are kept, rate limits) asks it; waiting for a network peer goes by real time.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class TravelClock:
    """Tells real UTC time moved forward by the sum of all jumps so far."""

    def __init__(self, offset: timedelta = timedelta(), real: Callable[[], float] = time.time) -> None:
        """Start `offset` away from real time; `real` tells that in Unix seconds, and a test may stop it."""
        self._real = real
        self._offset = offset.total_seconds()

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def seconds(self) -> float:
        """Return the present moment in Unix seconds."""
        return self._real() + self._offset

    def advance(self, step: timedelta) -> datetime:
        """Jump forward by `step` and return the new moment; a negative step is a `ValueError`."""
        if step < timedelta():
            message = "the clock only goes forward"
            raise ValueError(message)
        self._offset += step.total_seconds()
        return self.now()

    @property
    def offset(self) -> timedelta:
        """How far this clock is ahead of real time."""
        return timedelta(seconds=self._offset)
