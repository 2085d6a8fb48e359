"""The fund's policy: a versioned TOML file, read whole at the start, refused whole when any of it is wrong.

Each decision records the version it was made under. Amounts are in minor units of the fund's currency.
"""

import re
import tomllib
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator


class ListSource(StrEnum):
    """Whose list it is."""

    OFAC = "ofac"
    """The SDN list of the US Treasury's Office of Foreign Assets Control, `sdn_advanced.xml`."""
    EU = "eu"
    """The EU's consolidated list of financial sanctions, `xmlFullSanctionsList` 1.1."""


DEFAULT = Path(__file__).with_name("policy.toml")
"""The policy that comes with the program."""

Minor = Annotated[int, Field(gt=0, le=10**12)]

POSITIVE = re.compile(r"0*[1-9]\d*(\.\d+)?|0+\.0*[1-9]\d*", re.ASCII)


def _positive(value: str) -> str:
    if not POSITIVE.fullmatch(value):
        raise ValueError('must be a decimal number above zero, as text, like "90.5"')
    return value


Positive = Annotated[str, Field(max_length=25), AfterValidator(_positive)]
"""A decimal number above zero, as text: never a float."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


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
    answer_days: int = Field(ge=1, le=60)
    """How long a question of the panel waits for its answer; within them the person is reminded twice."""
    probation_cases: int = Field(ge=0)
    reading_minutes: int = Field(ge=1, le=60)
    reconfirm_days: int = Field(ge=1)
    invitation_minutes: int = Field(ge=1)


class Retention(Strict):
    """How long anything is kept. Telegram lets a bot delete a message for 48 hours only."""

    draft_hours: int = Field(ge=1, le=48)
    screen_minutes: int = Field(ge=1)
    message_hours: int = Field(ge=1, le=47)
    unclaimed_days: int = Field(ge=14)
    """How long a grant waits for its person to say how it is to reach them; the last reminder comes after ten."""
    closed_case_days: int = Field(ge=1)
    volunteer_days: int = Field(ge=1)
    """How long it stays known who a volunteer was that left or was suspended."""
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


class Limits(Strict):
    """How much may leave, never less than one grant may be; and when a failing rail is shut."""

    per_day: Minor
    """Within 24 hours, over all rails."""
    per_destination: Minor
    """To one destination within `destination_days`."""
    destination_days: int = Field(ge=1, le=366)
    rail_failures: int = Field(ge=1, le=100)
    """So many failures in a row shut a rail."""
    probe_minutes: int = Field(ge=1, le=1440)
    """How often a shut rail is tried."""


class Partner(Strict):
    """Who passes money on by the rail `stripe_transfer`."""

    name: str = Field(min_length=1, max_length=128)
    """As it is screened against sanctions lists."""
    account: str = Field(pattern=r"^acct_[A-Za-z0-9]{8,64}$")
    """Their connected account at Stripe."""
    days: int = Field(ge=1, le=60)
    """How long it usually takes them."""
    fee: int = Field(ge=0, le=10**9)
    """What they take for one payment, in minor units of the fund's currency."""


class Stablecoin(Strict):
    """The rail `stablecoin`: one ERC-20 token on one chain, the rate, and the bounds."""

    chain_id: int = Field(ge=1)
    token: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$")
    symbol: str = Field(min_length=1, max_length=12)
    decimals: int = Field(ge=0, le=36)
    currency: Currency
    """What one token stands for; a person is told amounts in it."""
    rate: Positive
    """Units of the fund's currency for one token."""
    rate_at: date
    rate_days: int = Field(ge=1, le=366)
    """An older rate closes the rail."""
    rate_low: Positive
    rate_high: Positive
    """Between these two the rate must lie: a slip of the finger must not pay ten times as much."""
    coin_rate: Positive
    """Units of the fund's currency for one coin of the chain: tells what a transfer costs, and enters it."""
    cold_wallet: str | None = Field(default=None, pattern=r"^0x[0-9a-fA-F]{40}$")
    """Set: nothing is signed here, and `plecho chain export` writes a batch for the hardware wallet."""
    daily_cap: Minor
    """The most that goes out within 24 hours, in minor units of the token's currency."""
    confirmations: int = Field(ge=1, le=10_000)
    """Blocks until a transfer counts as done."""
    final: int = Field(ge=1, le=100_000)
    """Blocks until a transfer can no longer be taken back, and a failure is certain."""
    block_seconds: int = Field(ge=1, le=600)
    max_fee_gwei: int = Field(ge=1, le=100_000)
    max_priority_gwei: int = Field(ge=1, le=100_000)
    gas_limit: int = Field(ge=21_000, le=1_000_000)
    stuck_minutes: int = Field(ge=1)

    @model_validator(mode="after")
    def _bounded(self) -> "Stablecoin":
        if not Decimal(self.rate_low) <= Decimal(self.rate) <= Decimal(self.rate_high):
            raise ValueError("rate must lie between rate_low and rate_high")
        if self.final < self.confirmations:
            raise ValueError("final must not be less than confirmations")
        return self


class Screening(Strict):
    """Screening against sanctions lists. Wallets, exchanges, partners and donors always are: no key ends that."""

    lists: tuple[ListSource, ...] = Field(min_length=1)
    """The lists that must be there, each fresh enough by both of the following."""
    loaded_days: int = Field(ge=1, le=60)
    """Days since the operator last loaded the list, even unchanged."""
    dated_days: int = Field(ge=1, le=180)
    """Days since the list's own date: its publisher is silent for weeks at times."""
    beneficiaries: bool
    """Whether those who are helped are screened as well: for counsel to decide (docs/COMPLIANCE.md)."""
    record_years: int = Field(ge=1, le=30)
    """How long compliance records and decisions about possible matches are kept."""
    exchanges: tuple[Annotated[str, Field(min_length=3, max_length=64)], ...]
    """Names of exchanges: a destination that names one is screened for it, by whatever rail."""
    spellings: dict[str, tuple[Annotated[str, Field(min_length=3, max_length=64)], ...]] = {}
    """Other ways to write some of these, where they do not sound alike; screened under the exchange's name."""

    @model_validator(mode="after")
    def _known(self) -> "Screening":
        if unknown := sorted(set(self.spellings) - set(self.exchanges)):
            raise ValueError(f"spellings of {unknown[0]}, which is not among the exchanges")
        return self


class GiftCurrency(Strict):
    """What may be given in one currency."""

    offered: tuple[Minor, ...] = Field(min_length=1, max_length=6)
    """Amounts on buttons."""
    least: Minor
    most: Minor

    @model_validator(mode="after")
    def _ordered(self) -> "GiftCurrency":
        if list(self.offered) != sorted(set(self.offered)):
            raise ValueError("the offered amounts must rise")
        if not self.least <= self.offered[0] <= self.offered[-1] <= self.most:
            raise ValueError("the offered amounts must lie between least and most")
        return self


class Donations(Strict):
    """What may be given, and how it looks."""

    currencies: dict[Currency, GiftCurrency] = Field(min_length=1)
    """By card, through Stripe."""
    stars: GiftCurrency
    """Telegram Stars, whole stars."""
    monthly: bool
    """Whether monthly gifts are offered."""
    statement: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9 .-]{4,21}$")
    """What a statement shows: after the account's own prefix, and alone for monthly gifts (Stripe: five characters
    at least). Neutral: no word about what the fund is for."""
    refund_days: int = Field(ge=0, le=90)
    """For so long a giver may take a gift back."""


class Policy(Strict):
    """The whole policy."""

    version: str = Field(min_length=1, max_length=32)
    currency: Currency
    rates: dict[Currency, Positive]
    """Units of the fund's currency for one unit of another, as decimal text; used to size a request only.
    The fund's own stands there as 1."""
    tiers: tuple[Tier, ...]
    panel: Panel
    retention: Retention
    followups: FollowUps
    rails: tuple[str, ...]
    recovery_guesses: int = Field(ge=1)
    recovery_lock_minutes: int = Field(ge=1)
    emergency_amount: Minor
    limits: Limits
    refused_cards: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...]
    """Countries whose cards are paid back at once; also while gifts are closed, as monthly ones go on."""
    vouchers_low: int = Field(ge=0)
    """Fewer codes than this of an open kind: treasurers are told."""
    donations: Donations | None = None
    """None: gifts are closed."""
    screening: Screening
    stablecoin: Stablecoin | None = None
    partner: Partner | None = None

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
        for name, most in (("per_day", self.limits.per_day), ("per_destination", self.limits.per_destination)):
            if most < amounts[-1]:
                raise ValueError(f"limits.{name} is less than the largest tier: its grants could never be paid")
        if "stablecoin" in self.rails and self.stablecoin is None:
            raise ValueError("the rail stablecoin needs its section [stablecoin]")
        if Decimal(self.rates.get(self.currency, 0)) != 1:
            raise ValueError(f'rates must name the own currency as {self.currency} = "1"')
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
    except UnicodeDecodeError as error:
        raise PolicyWrong(f"{path}: not UTF-8 (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise PolicyWrong(f"{path}: not TOML ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "policy"
        raise PolicyWrong(f"{path}: {where}: {first['msg']}") from error
