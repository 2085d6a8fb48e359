"""When a message may arrive: the hours of a person's day, in the person's time zone.

Pure: it takes moments in UTC and gives moments in UTC. Clock changes are the zone's: an hour that is skipped is
never chosen, an hour that comes twice is allowed both times.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.policy import FollowUps
from services.contact import SafeContact

HOME_ZONE = "Europe/Moscow"
"""The zone of whoever named none, or has not been asked yet."""


@dataclass(frozen=True, slots=True)
class Hours:
    """From the start of `first` to the start of `last`, local; past midnight when `first` is the later one."""

    zone: ZoneInfo
    first: int
    last: int

    def allow(self, moment: datetime) -> bool:
        """Whether a message may arrive at this moment."""
        hour = self.local(moment).hour
        if self.first < self.last:
            return self.first <= hour < self.last
        return hour >= self.first or hour < self.last

    def next(self, moment: datetime) -> datetime:
        """This moment when it is allowed, or the first allowed one after it."""
        if self.allow(moment):
            return moment
        today = self.local(moment).date()
        candidates = (self.opening(today + timedelta(days=ahead)) for ahead in range(8))
        return next(start for start in candidates if start > moment and self.allow(start))

    def opening(self, day: date) -> datetime:
        """The start of the hours of a local day; one that a clock change skips comes out an hour later."""
        return datetime.combine(day, time(self.first), self.zone).astimezone(UTC)

    def local(self, moment: datetime) -> datetime:
        """A moment on the person's clock."""
        return moment.astimezone(self.zone)


def hours_of(contact: SafeContact, rules: FollowUps) -> Hours:
    """The hours that a person named, or else the policy's."""
    zone = ZoneInfo(contact.zone or HOME_ZONE)
    if contact.from_hour is None or contact.to_hour is None:
        return Hours(zone, rules.quiet_to, rules.quiet_from)
    return Hours(zone, contact.from_hour, contact.to_hour)
