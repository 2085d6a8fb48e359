"""The fund's policy: a versioned TOML file, read whole at the start, refused whole when any of it is wrong.

Each decision records the version it was made under. Amounts are in minor units of the fund's currency.
"""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

DEFAULT = Path(__file__).with_name("policy.toml")
"""The policy that comes with the program."""

Minor = Annotated[int, Field(gt=0, le=10**12)]


class PolicyWrong(Exception):
    """The policy file cannot be used; the message names the first thing wrong."""


class Strict(BaseModel):
    """Unknown keys are errors: a misspelt rule must not be silently left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tier(Strict):
    """Up to this amount, so many approvals of the panel are needed."""

    up_to: Minor
    quorum: int = Field(ge=1, le=9)
    second_treasurer: bool


class Panel(Strict):
    """How a panel is drawn and when a silent member is replaced."""

    size: int = Field(ge=1, le=9)
    cap: int = Field(ge=1)
    """The most open cases one reviewer holds."""
    silent_urgent_hours: int = Field(ge=1)
    silent_hours: int = Field(ge=1)
    probation_cases: int = Field(ge=0)
    reading_minutes: int = Field(ge=1, le=60)
    reconfirm_days: int = Field(ge=1)
    invitation_minutes: int = Field(ge=1)


class Retention(Strict):
    """How long anything is kept. Telegram lets a bot delete a message for 48 hours only."""

    draft_hours: int = Field(ge=1, le=48)
    screen_minutes: int = Field(ge=1)
    message_hours: int = Field(ge=1, le=47)
    closed_case_days: int = Field(ge=1)
    inbox_hours: int = Field(ge=25)
    """Ids of events done, kept longer than Telegram's 24 hours so that a repeat is known."""


class FollowUps(Strict):
    """When the fund asks after a payment."""

    days: tuple[int, int, int]
    repeats: int = Field(ge=0, le=5)
    repeat_days: int = Field(ge=1)
    quiet_from: int = Field(ge=0, le=23)
    quiet_to: int = Field(ge=0, le=23)
    """Local hours in which a message may arrive when the applicant named none: from `quiet_to` to `quiet_from`."""


class Policy(Strict):
    """The whole policy."""

    version: str = Field(min_length=1, max_length=32)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    rates: dict[str, str]
    """Units of the fund's currency for one unit of another, as decimal text; used to size a request only."""
    tiers: tuple[Tier, ...]
    panel: Panel
    retention: Retention
    followups: FollowUps
    rails: tuple[str, ...]
    recovery_guesses: int = Field(ge=1)
    recovery_lock_minutes: int = Field(ge=1)
    emergency_amount: Minor

    @model_validator(mode="after")
    def _ordered(self) -> "Policy":
        amounts = [tier.up_to for tier in self.tiers]
        if not amounts or amounts != sorted(set(amounts)):
            raise ValueError("tiers must be at least one, each larger than the one before")
        quorums = [tier.quorum for tier in self.tiers]
        if quorums != sorted(quorums):
            raise ValueError("a larger tier needs at least as many approvals as a smaller one")
        if quorums[-1] > self.panel.size:
            raise ValueError("a tier's quorum is larger than the panel")
        if self.emergency_amount > amounts[0]:
            raise ValueError("the emergency amount is larger than the smallest tier")
        return self

    @property
    def largest(self) -> int:
        """The most that a grant may be, in minor units."""
        return self.tiers[-1].up_to

    def tier(self, amount: int) -> Tier:
        """The tier of an amount in minor units; the largest tier for anything above."""
        return next((tier for tier in self.tiers if amount <= tier.up_to), self.tiers[-1])

    def silent_after(self, *, urgent: bool) -> timedelta:
        """How long a drawn reviewer may be silent."""
        return timedelta(hours=self.panel.silent_urgent_hours if urgent else self.panel.silent_hours)


def load_policy(path: Path = DEFAULT) -> Policy:
    """Read a policy file. Raises `PolicyWrong` with one line that names the file and the fault."""
    try:
        return Policy.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise PolicyWrong(f"{path}: cannot be read ({error.strerror})") from error
    except tomllib.TOMLDecodeError as error:
        raise PolicyWrong(f"{path}: not TOML ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "policy"
        raise PolicyWrong(f"{path}: {where}: {first['msg']}") from error
