"""What the chain takes for transactions, entered into the books: an expense of the fund.

- A transaction's cost is in the chain's coin, which is no currency of the books. It counts in the fund's own, at
  the policy's `coin_rate` on the day of the entry, rounded up: the coins were bought with the fund's money.
- One entry for each wallet and day: the books are never erased, and the exact cost of one transaction would lead
  from its grant to the chain.
- Only what is final counts, also of transactions that failed or cancelled something. Nothing waits for an entry:
  when the fund has no free money, it is tried again the next day.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, or_, select

from models.chain import ChainWallet
from models.unit import Unit
from payments import ledger
from payments.chain.amounts import worth
from payments.chain.rows import ACTOR
from payments.ledger import EntryKind, Purpose


async def due(unit: Unit) -> Sequence[UUID]:
    """Wallets whose costs are to be entered today; none while the policy says nothing of a coin's worth."""
    if unit.policy.stablecoin is None:
        return ()
    found = await unit.session.exec(
        select(ChainWallet.id).where(
            ChainWallet.fees != "0",
            or_(col(ChainWallet.booked_on).is_(None), col(ChainWallet.booked_on) < unit.now.date()),
        )
    )
    return found.all()


async def enter(unit: Unit, wallet: UUID) -> None:
    """Enter what a wallet's transactions cost since the last time; at most once a day."""
    rules, today = unit.policy.stablecoin, unit.now.date()
    await ledger.lock(unit, unit.policy.currency)
    purse = await unit.session.get_one(ChainWallet, wallet, with_for_update=True, populate_existing=True)
    if rules is None or purse.fees == "0" or (purse.booked_on is not None and purse.booked_on >= today):
        return
    cost = worth(int(purse.fees), rules.coin_rate, unit.policy.currency)
    purse.booked_on = today
    await unit.session.flush()
    if await ledger.balance(unit, Purpose.FUND, cost.currency) < cost:
        return
    purse.fees = "0"
    await ledger.transfer(
        unit, EntryKind.PAYOUT_FEE, f"chain:{purse.id}:{today}", cost, source=Purpose.FUND, target=Purpose.FEES,
        actor=ACTOR,
    )  # fmt: skip
