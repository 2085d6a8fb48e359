"""What the process is made of: routers, jobs and errands. Routers are asked in this order, the stray ones last."""

from typing import Final

from aiogram import Router

from bot import chain_errands, fetcher, groupcheck, inbox, paying, phrases, provider_errands, stars_errands
from bot.errands import Errand
from handlers import (
    attachments,
    case,
    danger,
    desk,
    donate,
    followup,
    funding,
    group,
    intake,
    mine,
    reading,
    recovery,
    relay,
    review,
    screening,
    start,
    stray,
    treasury,
    treasury_doubts,
    volunteers,
    vouchers,
)
from services import attachments as files
from services import (
    audit,
    card,
    donate_stripe,
    emergency,
    erasure,
    messages,
    news,
    panel,
    reconciling,
    reminders,
    retention,
    standing,
)
from services import danger as dangers
from services import followup as followups
from services import recovery as recoveries
from services import relay as relays
from services import screening as screenings
from services import stablecoin as stablecoins
from services import treasury as treasuries
from services import treasury_closed as closed_ways
from services import treasury_no_way as missing_ways
from services import vouchers as codes
from services.jobs import Job

CONVERSATIONS: Final = (
    start,
    intake,
    attachments,
    case,
    recovery,
    relay,
    volunteers,
    group,
    review,
    reading,
    mine,
    treasury,
    funding,
    treasury_doubts,
    screening,
    followup,
    danger,
    desk,
    donate,
    vouchers,
    stray,
)

JOBS: Final[tuple[Job, ...]] = (
    *inbox.JOBS,
    *messages.JOBS,
    *files.JOBS,
    *erasure.JOBS,
    *recoveries.JOBS,
    *panel.JOBS,
    *card.JOBS,
    *news.JOBS,
    *relays.JOBS,
    *reminders.JOBS,
    *emergency.JOBS,
    *standing.JOBS,
    *treasuries.JOBS,
    *closed_ways.JOBS,
    *missing_ways.JOBS,
    *screenings.JOBS,
    *stablecoins.JOBS,
    *reconciling.JOBS,
    *codes.JOBS,
    *followups.JOBS,
    *dangers.JOBS,
    *donate_stripe.JOBS,
    *retention.JOBS,
    *audit.JOBS,
)

ERRANDS: Final[tuple[Errand, ...]] = (
    *fetcher.ERRANDS,
    *groupcheck.ERRANDS,
    *phrases.ERRANDS,
    *paying.ERRANDS,
    *stars_errands.ERRANDS,
    *chain_errands.ERRANDS,
    *provider_errands.ERRANDS,
)


def build_routers() -> list[Router]:
    """A fresh router of each conversation: a router can be attached only once."""
    return [module.build_router() for module in CONVERSATIONS]
